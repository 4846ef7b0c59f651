//! Memory of a process in which every body can be opened and some are at work.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_store::Batch;

use crate::Bench;
use crate::place::{Place, body, open_when_free};
use crate::rows;

/// Says to the program that it is the measured process: bodies, place.
const ROLE: &str = "CHUKEI_BENCH_MEMORY";
/// Bodies that read and write.
const ACTIVE: usize = 100;
/// Rows of each body.
const ROWS: u64 = 200;
/// How long they are at work.
const WORK: Duration = Duration::from_secs(5);

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = [
        "engine",
        "bodies open",
        "active",
        "resident, MiB",
        "at most, MiB",
        "threads",
        "open files",
        "server's processes, MiB",
    ];
    let mut table = Table::new("Memory of one process", &header);
    progress.steps(bench.places.len() as u64);
    for place in &bench.places {
        progress.at(place.kind.as_str());
        let place = place.beside("bodies");
        let names = [place.kind.to_string(), bench.args.bodies.to_string(), ACTIVE.to_string()];
        table.row(names.into_iter().chain(measured(&place, bench.args.bodies)?));
        progress.done(1);
    }
    Ok(table)
}

/// What a process says of itself while everything in it is open, and what its server takes then.
fn measured(place: &Place, bodies: usize) -> Result<Vec<String>, Failure> {
    let mut process = Command::new(std::env::current_exe()?)
        .env(ROLE, format!("{bodies} {}", place.told()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = process.stdout.take().map(BufReader::new).ok_or("no output")?.lines().next();
    let server = place.server_processes()?.into_iter().map(shared_out).sum::<Result<u64, _>>()?;
    drop(process.stdin.take());
    let (Some(said), true) = (said, process.wait()?.success()) else {
        return Err("the measured process failed".into());
    };
    let mut figures: Vec<String> = said?.split_whitespace().map(str::to_owned).collect();
    figures.push(if server == 0 { "–".to_owned() } else { (server / 1024).to_string() });
    Ok(figures)
}

/// Plays the measured process, if this is it.
pub(crate) fn play() -> Option<Result<(), Failure>> {
    let told = std::env::var(ROLE).ok()?;
    Some(work(&told))
}

fn work(told: &str) -> Result<(), Failure> {
    let (bodies, place) = told.split_once(' ').ok_or("told too little")?;
    let (bodies, place): (usize, _) = (bodies.parse()?, Place::heard(place)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (_folder, engine) = place.engine().await?;
        let mut open = Vec::with_capacity(bodies);
        for number in 0..bodies {
            let partition = open_when_free(&*engine, &body(number)).await?;
            let rows = (0..ROWS).fold(Batch::new(), |batch, row| batch.put(rows::key(row), rows::value(row)));
            partition.apply(rows).await?;
            open.push(partition);
        }
        let began = Instant::now();
        let mut next = rows::random(ROWS, 5);
        while began.elapsed() < WORK {
            for partition in open.iter().take(ACTIVE) {
                let row = next();
                partition.apply(rows::put(row)).await?;
                let found = partition.get_many(&[rows::key(row)]).await?;
                rows::check(row, found.first().and_then(Option::as_ref))?;
            }
        }
        let figures = [status("VmRSS")? / 1024, status("VmHWM")? / 1024, status("Threads")?, files()?];
        writeln!(std::io::stdout(), "{}", figures.map(|figure| figure.to_string()).join(" "))?;
        // All stays open until the server was measured too.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        Ok(())
    })
}

/// A figure of this process in proc_pid_status(5).
fn status(name: &str) -> Result<u64, Failure> {
    figure(&std::fs::read_to_string("/proc/self/status")?, name)
}

/// KiB of a process, with its part of what it shares with others.
fn shared_out(process: u32) -> Result<u64, Failure> {
    figure(&std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?, "Pss:")
}

fn figure(text: &str, name: &str) -> Result<u64, Failure> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
}

fn files() -> Result<u64, Failure> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64)
}
