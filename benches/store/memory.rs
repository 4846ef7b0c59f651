//! Memory of a process in which every body can be opened and some are at work.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::table::Table;
use chukei_store::Batch;

use crate::Args;
use crate::place::Place;
use crate::rows;

/// Says to the program that it is the measured process: bodies, place.
const ROLE: &str = "CHUKEI_BENCH_MEMORY";
/// Bodies that read and write.
const ACTIVE: usize = 100;
/// Rows of each body.
const ROWS: u64 = 200;
/// How long they are at work.
const WORK: Duration = Duration::from_secs(5);

pub(crate) fn table(places: &[Place], args: &Args) -> Result<Table, Failure> {
    let header =
        ["engine", "bodies open", "active", "resident, MiB", "at most, MiB", "threads", "open files"];
    let mut table = Table::new("Memory of one process", &header);
    for place in places {
        let place = place.beside("bodies");
        let out = Command::new(std::env::current_exe()?)
            .env(ROLE, format!("{} {}", args.bodies, place.told()))
            .stderr(Stdio::inherit())
            .output()?;
        if !out.status.success() {
            return Err("the measured process failed".into());
        }
        let said = String::from_utf8(out.stdout)?;
        let figures = said.split_whitespace().map(str::to_owned);
        let names = [place.kind.to_string(), args.bodies.to_string(), ACTIVE.to_string()];
        table.row(names.into_iter().chain(figures));
    }
    Ok(table)
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
        for body in 0..bodies {
            let partition = engine.open(&format!("{:06}", 10_006 + body * 10)).await?;
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
        Ok(())
    })
}

/// A figure of proc_pid_status(5).
fn status(name: &str) -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
}

fn files() -> Result<u64, Failure> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64)
}
