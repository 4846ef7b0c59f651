//! The tables of path and splice: medians over the rounds, with their spread.

use chukei_benches::Failure;
use chukei_benches::stats::Spread;
use chukei_benches::table::Table;

use chukei_benches::load::Round;

/// What was measured with one number of requests in flight. Rounds of both sides belong together by position.
pub(crate) struct Level {
    /// Requests in flight.
    pub(crate) in_flight: usize,
    /// Rounds of the whole path.
    pub(crate) path: Vec<Round>,
    /// Rounds of the splice.
    pub(crate) splice: Vec<Round>,
}

/// Requests per second and latencies.
pub(crate) fn speed(levels: &[Level]) -> Result<Table, Failure> {
    let header = [
        "in flight",
        "path, req/s",
        "p50, ms",
        "p99, ms",
        "splice, req/s",
        "p50, ms",
        "p99, ms",
        "path ÷ splice",
    ];
    let mut table = Table::new("Own information of 1 KiB, whole path against a bare QUIC splice", &header);
    for level in levels {
        let mut cells = vec![level.in_flight.to_string()];
        for rounds in [&level.path, &level.splice] {
            cells.push(spread(rounds.iter().map(|round| round.per_second))?.show(0));
            cells.push(spread(rounds.iter().map(|round| round.p50_us))?.scaled(1e-3).show(2));
            cells.push(spread(rounds.iter().map(|round| round.p99_us))?.scaled(1e-3).show(2));
        }
        let pairs = level.path.iter().zip(&level.splice);
        cells.push(spread(pairs.map(|(path, splice)| path.per_second / splice.per_second))?.show(2));
        table.row(cells);
    }
    Ok(table)
}

/// Processor time by role, and how many requests share a sync.
pub(crate) fn processors(levels: &[Level]) -> Result<Table, Failure> {
    let header = [
        "in flight",
        "client, µs",
        "portal, µs",
        "broker, µs",
        "node, µs",
        "splice: asker, µs",
        "middle, µs",
        "end, µs",
        "requests per sync at the node",
    ];
    let mut table = Table::new("Processor time for one request", &header);
    for level in levels {
        let mut cells = vec![level.in_flight.to_string()];
        for (rounds, processes) in [(&level.path, 4), (&level.splice, 3)] {
            for process in 0..processes {
                let times = rounds.iter().filter_map(|round| round.cpu_us.as_ref()?.get(process).copied());
                cells.push(Spread::of(times).map_or_else(|| "not counted".to_owned(), |us| us.show(1)));
            }
        }
        let per_sync = Spread::of(level.path.iter().filter_map(|round| round.per_sync));
        cells.push(per_sync.map_or_else(|| "not counted".to_owned(), |per_sync| per_sync.show(1)));
        table.row(cells);
    }
    Ok(table)
}

/// The path on the disk and in memory, round by round.
pub(crate) fn lasting(levels: &[(usize, Vec<(Round, Round)>)]) -> Result<Table, Failure> {
    let header = ["in flight", "on the disk, req/s", "in memory, req/s", "disk ÷ memory"];
    let mut table = Table::new("The same path, its events on the disk and in memory", &header);
    for (in_flight, pairs) in levels {
        table.row([
            in_flight.to_string(),
            spread(pairs.iter().map(|(disk, _)| disk.per_second))?.show(0),
            spread(pairs.iter().map(|(_, memory)| memory.per_second))?.show(0),
            spread(pairs.iter().map(|(disk, memory)| disk.per_second / memory.per_second))?.show(2),
        ]);
    }
    Ok(table)
}

/// Which share of the node's access decisions took how long, gathering of their facts included.
pub(crate) fn decisions(buckets: &[(f64, u64)]) -> Result<Table, Failure> {
    let &(_, all) = buckets.last().ok_or("no decisions are counted")?;
    let mut table = Table::new("Access decisions at the node", &["at most, µs", "share of all"]);
    for (bound, count) in buckets {
        let share = *count as f64 * 100.0 / all.max(1) as f64;
        table.row([format!("{:.1}", bound * 1e6), format!("{share:.2} % of {all}")]);
    }
    Ok(table)
}

fn spread(values: impl Iterator<Item = f64>) -> Result<Spread, Failure> {
    Spread::of(values).ok_or_else(|| "no rounds".into())
}
