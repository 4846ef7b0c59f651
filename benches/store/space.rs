//! Space after the expiry of half: rows are swept, what is free is given back, and the partition serves meanwhile; then
//! as many rows come again, to show whether what was not given back is used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::stats::quantile;
use chukei_benches::table::Table;
use chukei_store::{Batch, Partition};

use crate::Bench;
use crate::loading::load;
use crate::place::Place;
use crate::rows;

/// Rows swept in one batch.
const BATCH: u64 = 500;

/// Which half goes.
#[derive(Clone, Copy)]
enum Half {
    /// Every other row of those that were written together: no page becomes free by itself.
    Odd,
    /// Those that were written first, as with copies of ended days.
    First,
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Self::Odd => "every other row",
            Self::First => "the rows written first",
        }
    }

    /// The number of the half's `index`th row of `rows`.
    fn going(self, index: u64) -> u64 {
        match self {
            Self::Odd => 2 * index + 1,
            Self::First => index,
        }
    }

    fn staying(self, index: u64, rows: u64) -> u64 {
        match self {
            Self::Odd => 2 * index,
            Self::First => rows / 2 + index,
        }
    }
}

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = [
        "engine",
        "what goes",
        "before, MB",
        "after, MB",
        "of half given back",
        "with as many new rows, MB",
        "sweep, rows/s",
        "giving back, s",
        "reads meanwhile: p50, µs",
        "p99, µs",
        "longest, ms",
    ];
    let mut table = Table::new("Space after the expiry of half, while one reader goes on", &header);
    // Each row is loaded, and half of them come again after half were swept.
    progress.steps(bench.places.len() as u64 * 4 * bench.args.rows);
    for place in &bench.places {
        for half in [Half::Odd, Half::First] {
            progress.at(format!("{}: {}", place.kind, half.name()));
            table.row(bench.runtime.block_on(halve(place, half, bench.args.rows, progress))?);
        }
    }
    Ok(table)
}

async fn halve(place: &Place, half: Half, rows: u64, progress: &Progress) -> Result<Vec<String>, Failure> {
    // Anew, in the order of the numbers.
    place.empty().await?;
    let open = place.open().await?;
    load(&*open.partition, 0..rows, progress).await?;
    let before = place.bytes(&*open.partition).await?;
    let over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn(read_on(Arc::clone(&open.partition), half, rows, Arc::clone(&over)));
    let began = Instant::now();
    sweep(&*open.partition, half, rows, progress).await?;
    let swept = began.elapsed().as_secs_f64();
    let began = Instant::now();
    place.give_back(&*open.partition).await?;
    let gave_back = began.elapsed().as_secs_f64();
    let after = place.bytes(&*open.partition).await?;
    over.store(true, Ordering::Relaxed);
    let mut taken = reading.await??;
    load(&*open.partition, rows..rows + rows / 2, progress).await?;
    let again = place.bytes(&*open.partition).await?;
    taken.sort_by(f64::total_cmp);
    let at = |share| quantile(&taken, share).unwrap_or_default();
    Ok(vec![
        place.kind.to_string(),
        half.name().to_owned(),
        format!("{:.0}", before / 1e6),
        format!("{:.0}", after / 1e6),
        format!("{:.2}", (before - after) / (before / 2.0)),
        format!("{:.0}", again / 1e6),
        format!("{:.0}", rows as f64 / 2.0 / swept),
        format!("{gave_back:.1}"),
        format!("{:.0}", at(0.5)),
        format!("{:.0}", at(0.99)),
        format!("{:.1}", at(1.0) / 1e3),
    ])
}

async fn sweep(partition: &dyn Partition, half: Half, rows: u64, progress: &Progress) -> Result<(), Failure> {
    let mut first = 0;
    while first < rows / 2 {
        let last = (first + BATCH).min(rows / 2);
        let batch =
            (first..last).fold(Batch::new(), |batch, index| batch.delete(rows::key(half.going(index))));
        partition.apply(batch).await?;
        progress.done(last - first);
        first = last;
    }
    Ok(())
}

/// Reads rows that stay, until it is over.
async fn read_on(
    partition: Arc<dyn Partition>,
    half: Half,
    rows: u64,
    over: Arc<AtomicBool>,
) -> Result<Vec<f64>, Failure> {
    let mut next = rows::random(rows / 2, 3);
    let mut taken = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let row = half.staying(next(), rows);
        let asked = Instant::now();
        let found = partition.get_many(&[rows::key(row)]).await?;
        taken.push(asked.elapsed().as_secs_f64() * 1e6);
        rows::check(row, found.first().and_then(Option::as_ref))?;
        tokio::task::yield_now().await;
    }
    Ok(taken)
}
