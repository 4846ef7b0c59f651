//! Durable commits: writers that each put one row and wait until it is durable.

use std::sync::Arc;

use chukei_benches::Failure;
use chukei_benches::load::{self, Round};
use chukei_benches::stats::Spread;
use chukei_benches::table::Table;
use chukei_store::Partition;
use tokio::runtime::Runtime;

use crate::Args;
use crate::place::{Open, Place};
use crate::rows;

const WRITERS: [usize; 3] = [1, 64, 1_024];

pub(crate) fn table(runtime: &Runtime, places: &[Place], args: &Args) -> Result<Table, Failure> {
    let header = ["engine", "writers", "rows/s", "p50, ms", "p99, ms"];
    let mut table = Table::new("Durable commits of one row each, over the rows that are there", &header);
    let open: Vec<Open> =
        places.iter().map(|place| runtime.block_on(place.open())).collect::<Result<_, Failure>>()?;
    for writers in WRITERS {
        let mut rounds: Vec<Vec<Round>> = open.iter().map(|_| Vec::new()).collect();
        for round in 0..args.rounds {
            for (open, rounds) in open.iter().zip(&mut rounds) {
                rounds.push(runtime.block_on(one(open, writers, args, round as u64))?);
            }
        }
        for (place, rounds) in places.iter().zip(&rounds) {
            let spread = |of: fn(&Round) -> f64, digits| {
                Spread::of(rounds.iter().map(of)).map_or_else(String::new, |spread| spread.show(digits))
            };
            table.row([
                place.kind.to_string(),
                writers.to_string(),
                spread(|round| round.per_second, 0),
                spread(|round| round.p50_us / 1e3, 2),
                spread(|round| round.p99_us / 1e3, 2),
            ]);
        }
    }
    Ok(table)
}

async fn one(open: &Open, writers: usize, args: &Args, round: u64) -> Result<Round, Failure> {
    let (partition, rows) = (Arc::clone(&open.partition), args.rows);
    let ask = move |number: u64| put(Arc::clone(&partition), spread(number, round, rows));
    load::run(writers, args.round(), Vec::new(), ask).await
}

async fn put(partition: Arc<dyn Partition>, row: u64) -> Result<(), Failure> {
    Ok(partition.apply(rows::put(row)).await?)
}

/// Consecutive numbers as rows all over the partition.
fn spread(number: u64, round: u64, rows: u64) -> u64 {
    rows::random(rows, number.wrapping_add(round << 40).wrapping_add(1))()
}
