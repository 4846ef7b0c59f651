//! Reopening after a kill: a child writes with 64 writers until it is killed, then this process opens the same place.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_benches::{load, stats};

use crate::Bench;
use crate::place::Place;
use crate::rows;

/// Says to the program that it is the child: rows, place.
const ROLE: &str = "CHUKEI_BENCH_KILLED";
const WRITERS: usize = 64;
/// How long the child writes before it is killed.
const WRITING: Duration = Duration::from_millis(500);
/// A child that nobody kills ends.
const AT_MOST: Duration = Duration::from_secs(60);

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = ["engine", "opened and one row read, ms"];
    let mut table = Table::new("Reopening after kill -9 under 64 writers", &header);
    progress.steps(bench.turns());
    let measured = bench.in_turns(progress, &bench.places, |place, _| {
        kill_a_writer(place, bench.args.rows)?;
        let began = Instant::now();
        bench.runtime.block_on(async {
            let open = place.open().await?;
            let found = open.partition.get_many(&[rows::key(0)]).await?;
            rows::check(0, found.first().and_then(Option::as_ref))?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        })
    })?;
    for (place, measured) in bench.places.iter().zip(measured) {
        table.row([place.kind.to_string(), stats::show(measured, 1)]);
    }
    Ok(table)
}

fn kill_a_writer(place: &Place, rows: u64) -> Result<(), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .env(ROLE, format!("{rows} {}", place.told()))
        .stdout(Stdio::piped())
        .spawn()?;
    let said = child.stdout.take().map(BufReader::new).ok_or("no output")?;
    let first = said.lines().next();
    std::thread::sleep(WRITING);
    child.kill()?;
    child.wait()?;
    if first.is_some() { Ok(()) } else { Err("the writing process did not begin".into()) }
}

/// Plays the child, if this process is one.
pub(crate) fn play() -> Option<Result<(), Failure>> {
    let told = std::env::var(ROLE).ok()?;
    Some(write(&told))
}

fn write(told: &str) -> Result<(), Failure> {
    let (rows, place) = told.split_once(' ').ok_or("told too little")?;
    let (rows, place): (u64, _) = (rows.parse()?, Place::heard(place)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let open = place.open().await?;
        let partition = Arc::clone(&open.partition);
        let ask = move |number: u64| {
            let partition = Arc::clone(&partition);
            let row = rows::random(rows, number + 1)();
            async move { Ok::<_, Failure>(partition.apply(rows::put(row)).await?) }
        };
        let mut out = std::io::stdout();
        writeln!(out, "writing")?;
        out.flush()?;
        load::run(WRITERS, AT_MOST, Vec::new(), ask).await?;
        drop(open);
        Ok(())
    })
}
