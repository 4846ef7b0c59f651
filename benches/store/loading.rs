//! Bulk load: all rows into an empty partition, in batches of which a few are on their way at once.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_store::{Batch, Partition};

use crate::Bench;
use crate::rows;

/// Rows of a batch, as a copy import sends them.
const BATCH: u64 = 500;
/// Batches on their way.
const AT_ONCE: usize = 4;

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = ["engine", "rows", "seconds", "rows/s", "bytes on the disk for each row"];
    let mut table = Table::new("Bulk load of 1 KiB rows, batches of 500, four at once", &header);
    let rows = bench.args.rows;
    progress.steps(bench.places.len() as u64 * rows);
    for place in &bench.places {
        progress.at(place.kind.as_str());
        let open = bench.runtime.block_on(place.open())?;
        let began = Instant::now();
        bench.runtime.block_on(load(&*open.partition, 0..rows, progress))?;
        let seconds = began.elapsed().as_secs_f64();
        let bytes = bench.runtime.block_on(place.bytes(&*open.partition))?;
        table.row([
            place.kind.to_string(),
            rows.to_string(),
            format!("{seconds:.1}"),
            format!("{:.0}", rows as f64 / seconds),
            format!("{:.0}", bytes / rows as f64),
        ]);
    }
    Ok(table)
}

/// Loads rows that are not there.
pub(crate) async fn load(
    partition: &dyn Partition,
    rows: Range<u64>,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut on_their_way = VecDeque::new();
    let mut first = rows.start;
    while first < rows.end {
        let last = (first + BATCH).min(rows.end);
        let batch =
            (first..last).fold(Batch::new(), |batch, row| batch.put(rows::key(row), rows::value(row)));
        on_their_way.push_back(partition.apply(batch));
        if on_their_way.len() == AT_ONCE
            && let Some(oldest) = on_their_way.pop_front()
        {
            oldest.await?;
        }
        progress.done(last - first);
        first = last;
    }
    for applied in on_their_way {
        applied.await?;
    }
    Ok(())
}
