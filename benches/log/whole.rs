//! A body's log from its first record to its last: every record opened and in its place, and the tree over them made anew.

use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::stats;
use chukei_benches::table::Table;

use crate::Bench;
use crate::body::{Logs, OneLog};

/// Events on their way to the disk at a time.
const GROUP: u64 = 8_192;

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let logs = Logs::new(&bench.folder, 1)?;
    let [one] = &*logs.logs else { return Err("no log".into()) };
    progress.steps(bench.args.records / GROUP + bench.args.rounds as u64);
    bench.runtime.block_on(write(one, bench.args.records, progress))?;
    let mut taken = Vec::new();
    for _ in 0..bench.args.rounds {
        let began = Instant::now();
        let verified = one.log.verify()?;
        taken.push(began.elapsed().as_secs_f64());
        if verified.bad.is_some() || verified.events != bench.args.records {
            return Err("the log does not verify".into());
        }
        progress.done(1);
    }
    let mut table = Table::new("A log from end to end", &["records", "verified, s"]);
    table.row([bench.args.records.to_string(), stats::show(taken, 2)]);
    Ok(table)
}

async fn write(one: &OneLog, records: u64, progress: &Progress) -> Result<(), Failure> {
    let mut left = records;
    while left > 0 {
        let group = left.min(GROUP);
        let appending: Vec<_> = (0..group).map(|_| one.called(1)).collect();
        for appending in appending {
            appending.await?;
        }
        left -= group;
        progress.done(1);
    }
    Ok(())
}
