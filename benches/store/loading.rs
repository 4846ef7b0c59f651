//! Bulk load: all rows into an empty partition, in batches of which a few are on their way at once.

use std::collections::VecDeque;
use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::table::Table;
use chukei_store::Batch;
use tokio::runtime::Runtime;

use crate::place::Place;
use crate::rows;

/// Rows of a batch, as a copy import sends them.
const BATCH: u64 = 500;
/// Batches on their way.
const AT_ONCE: usize = 4;

pub(crate) fn table(runtime: &Runtime, places: &[Place], rows: u64) -> Result<Table, Failure> {
    let header = ["engine", "rows", "seconds", "rows/s", "bytes on the disk for each row"];
    let mut table = Table::new("Bulk load of 1 KiB rows, batches of 500, four at once", &header);
    for place in places {
        let began = Instant::now();
        runtime.block_on(load(place, rows))?;
        let seconds = began.elapsed().as_secs_f64();
        let usage =
            runtime.block_on(async { Ok::<_, Failure>(place.open().await?.partition.usage().await?) })?;
        table.row([
            place.kind.to_string(),
            rows.to_string(),
            format!("{seconds:.1}"),
            format!("{:.0}", rows as f64 / seconds),
            format!("{:.0}", usage.bytes as f64 / rows as f64),
        ]);
    }
    Ok(table)
}

/// Loads all rows into what is an empty place.
pub(crate) async fn load(place: &Place, rows: u64) -> Result<(), Failure> {
    let open = place.open().await?;
    let mut on_their_way = VecDeque::new();
    let mut first = 0;
    while first < rows {
        let last = (first + BATCH).min(rows);
        let batch =
            (first..last).fold(Batch::new(), |batch, row| batch.put(rows::key(row), rows::value(row)));
        on_their_way.push_back(open.partition.apply(batch));
        if on_their_way.len() == AT_ONCE
            && let Some(oldest) = on_their_way.pop_front()
        {
            oldest.await?;
        }
        first = last;
    }
    for applied in on_their_way {
        applied.await?;
    }
    Ok(())
}
