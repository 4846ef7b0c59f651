//! Allocations of one operation, counted on this thread.

use chukei_benches::Failure;
use chukei_benches::table::Table;
use chukei_crypto::seal::{OVERHEAD, Opener, Sealer, seal};

use crate::message::Exchange;
use crate::rest::{IDS, KIB, Keys, PLACE};

pub(crate) fn table(keys: &Keys, exchange: &Exchange) -> Result<Table, Failure> {
    let answer = &exchange.answer;
    let mut room = vec![3; KIB + OVERHEAD];
    let mut table = Table::new("Allocations", &["what", "number", "bytes"]);
    let mut count = |what: &str, work: &mut dyn FnMut() -> Result<(), Failure>| {
        // Once before, for what is made the first time only.
        work()?;
        let mut result = Ok(());
        let counted = allocation_counter::measure(|| result = work());
        table.row([what.to_owned(), counted.count_total.to_string(), counted.bytes_total.to_string()]);
        result
    };
    count("channel: derive, pad, seal and frame 1 KiB", &mut || {
        exchange.seal()?;
        Ok(())
    })?;
    count("channel: derive, open and unpad 1 KiB", &mut || {
        exchange.open()?;
        Ok(())
    })?;
    count("at rest: derive and seal 1 KiB in place", &mut || {
        Ok(Sealer::new(&keys.source(), IDS, PLACE)?.seal_within(&mut room)?)
    })?;
    let sealed = seal(&keys.source(), IDS, PLACE, answer)?;
    let mut copy = sealed.clone();
    count("at rest: derive and open 1 KiB in place", &mut || {
        copy.copy_from_slice(&sealed);
        Opener::new(&keys.source(), PLACE, &sealed)?.open_within(&mut copy)?;
        Ok(())
    })?;
    count("at rest: seal 1 KiB with a copy", &mut || {
        seal(&keys.source(), IDS, PLACE, answer)?;
        Ok(())
    })?;
    Ok(table)
}
