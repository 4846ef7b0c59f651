//! Durable commits: writers that each put one row and wait until it is durable.

use std::sync::Arc;

use chukei_benches::Failure;
use chukei_benches::load::{self, Round};
use chukei_benches::progress::Progress;
use chukei_benches::stats;
use chukei_benches::table::Table;
use chukei_store::Partition;

use crate::Bench;
use crate::place::Open;
use crate::rows;

const WRITERS: [usize; 3] = [1, 64, 1_024];

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = ["engine", "writers", "rows/s", "p50, ms", "p99, ms"];
    let mut table = Table::new("Durable commits of one row each, over the rows that are there", &header);
    let open = bench.open_all(&bench.runtime)?;
    progress.steps(WRITERS.len() as u64 * bench.turns());
    for writers in WRITERS {
        progress.at(format!("{writers} writers"));
        let rounds = bench.in_turns(progress, &open, |open, number| {
            bench.runtime.block_on(one(open, writers, bench, number))
        })?;
        for (place, rounds) in bench.places.iter().zip(&rounds) {
            table.row([
                place.kind.to_string(),
                writers.to_string(),
                stats::show(rounds.iter().map(|round| round.per_second), 0),
                stats::show(rounds.iter().map(|round| round.p50_us / 1e3), 2),
                stats::show(rounds.iter().map(|round| round.p99_us / 1e3), 2),
            ]);
        }
    }
    Ok(table)
}

async fn one(open: &Open, writers: usize, bench: &Bench, round: u64) -> Result<Round, Failure> {
    let (partition, rows) = (Arc::clone(&open.partition), bench.args.rows);
    let ask = move |number: u64| put(Arc::clone(&partition), spread(number, round, rows));
    load::run(writers, bench.round(), Vec::new(), ask).await
}

async fn put(partition: Arc<dyn Partition>, row: u64) -> Result<(), Failure> {
    Ok(partition.apply(rows::put(row)).await?)
}

/// Consecutive numbers as rows all over the partition.
fn spread(number: u64, round: u64, rows: u64) -> u64 {
    rows::random(rows, number.wrapping_add(round << 40).wrapping_add(1))()
}
