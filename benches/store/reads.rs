//! Reads on one thread: points of a warm partition, points of a cold one, and scans.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::stats::{self, quantile};
use chukei_benches::table::Table;
use chukei_store::partition::MAX_SCAN_ROWS;
use rustix::fs::{Advice, fadvise};

use crate::Bench;
use crate::place::{Open, Place};
use crate::rows;

/// Reads of a partition whose files the system has forgotten.
const COLD_READS: usize = 2_000;
/// A runtime that is not held up ticks as often.
const TICK: Duration = Duration::from_millis(1);

/// Rows read one by one, each found and compared.
pub(crate) fn points(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = ["engine", "reads/s", "p50, µs", "p99, µs", "answered without a wait"];
    let mut table = Table::new("Warm point reads, one task on one thread", &header);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let open = bench.open_all(&runtime)?;
    let rows = bench.args.rows;
    progress.steps(bench.turns());
    for open in &open {
        runtime.block_on(read_for(open, rows, bench.round() * 2, 99))?;
    }
    let measured = bench.in_turns(progress, &open, |open, number| {
        runtime.block_on(read_for(open, rows, bench.round(), number))
    })?;
    for (place, measured) in bench.places.iter().zip(&measured) {
        table.row([
            place.kind.to_string(),
            stats::show(measured.iter().map(|points| points.per_second), 0),
            stats::show(measured.iter().map(|points| points.p50_us), 1),
            stats::show(measured.iter().map(|points| points.p99_us), 1),
            stats::show(measured.iter().map(|points| points.at_once), 3),
        ]);
    }
    Ok(table)
}

struct Points {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// Share of reads that were answered on the caller's thread.
    at_once: f64,
}

async fn read_for(open: &Open, rows: u64, time: Duration, seed: u64) -> Result<Points, Failure> {
    let mut next = rows::random(rows, seed + 1);
    let (mut taken, mut at_once) = (Vec::new(), 0_usize);
    let began = Instant::now();
    while began.elapsed() < time {
        let row = next();
        let key = rows::key(row);
        let asked = Instant::now();
        let reading = open.partition.get_many(std::slice::from_ref(&key));
        at_once += usize::from(reading.is_now());
        let found = reading.await?;
        taken.push(asked.elapsed().as_secs_f64() * 1e6);
        rows::check(row, found.first().and_then(Option::as_ref))?;
    }
    let (reads, seconds) = (taken.len() as f64, taken.iter().sum::<f64>() / 1e6);
    taken.sort_by(f64::total_cmp);
    let at = |share| quantile(&taken, share).unwrap_or_default();
    Ok(Points {
        per_second: reads / seconds,
        p50_us: at(0.5),
        p99_us: at(0.99),
        at_once: at_once as f64 / reads,
    })
}

/// Rows read after the system has forgotten the files, and how long the runtime stood still meanwhile.
pub(crate) fn cold(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = ["engine", "p50, µs", "p99, µs", "longest, ms", "longest stand-still of the runtime, ms"];
    let mut table = Table::new("Cold point reads, one task on one thread, a clock beside it", &header);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let with_files = || bench.places.iter().filter(|place| place.has_files());
    progress.steps(with_files().count() as u64);
    for place in with_files() {
        let forgotten = || forget(&place.folder);
        // Also what the engine keeps for itself is to be cold.
        forgotten()?;
        let (mut taken, stood_still) = runtime.block_on(async {
            let open = place.open().await?;
            forgotten()?;
            let ticking = tokio::spawn(longest_tick());
            let taken = read_some(&open, bench.args.rows).await?;
            ticking.abort();
            Ok::<_, Failure>((taken, LONGEST.swap(0, std::sync::atomic::Ordering::Relaxed)))
        })?;
        taken.sort_by(f64::total_cmp);
        let at = |share| quantile(&taken, share).unwrap_or_default();
        table.row([
            place.kind.to_string(),
            format!("{:.1}", at(0.5)),
            format!("{:.1}", at(0.99)),
            format!("{:.2}", at(1.0) / 1e3),
            format!("{:.2}", stood_still as f64 / 1e3),
        ]);
        progress.done(1);
    }
    Ok(table)
}

async fn read_some(open: &Open, rows: u64) -> Result<Vec<f64>, Failure> {
    let mut next = rows::random(rows, 7);
    let mut taken = Vec::with_capacity(COLD_READS);
    for _ in 0..COLD_READS {
        let row = next();
        let asked = Instant::now();
        let found = open.partition.get_many(&[rows::key(row)]).await?;
        taken.push(asked.elapsed().as_secs_f64() * 1e6);
        rows::check(row, found.first().and_then(Option::as_ref))?;
        tokio::task::yield_now().await;
    }
    Ok(taken)
}

/// Microseconds by which a tick came late at most.
static LONGEST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

async fn longest_tick() {
    loop {
        let asked = Instant::now();
        tokio::time::sleep(TICK).await;
        let late = asked.elapsed().saturating_sub(TICK).as_micros() as u64;
        LONGEST.fetch_max(late, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Makes the system drop what it holds of the files below a folder.
fn forget(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path)?;
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// All rows, page by page.
pub(crate) fn scans(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let mut table = Table::new("Scan of all rows, pages of 1,024", &["engine", "rows/s"]);
    progress.steps(bench.turns());
    let measured = bench
        .in_turns(progress, &bench.places, |place, _| bench.runtime.block_on(scan(place, bench.args.rows)))?;
    for (place, measured) in bench.places.iter().zip(measured) {
        table.row([place.kind.to_string(), stats::show(measured, 0)]);
    }
    Ok(table)
}

async fn scan(place: &Place, rows: u64) -> Result<f64, Failure> {
    let open = place.open().await?;
    let began = Instant::now();
    let (mut after, mut found) = (None, 0);
    loop {
        let page = open.partition.scan(&rows::all(), after.as_ref(), MAX_SCAN_ROWS).await?;
        found += page.rows.len() as u64;
        match page.next() {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if found != rows {
        return Err("a scan does not find all rows".into());
    }
    Ok(found as f64 / began.elapsed().as_secs_f64())
}
