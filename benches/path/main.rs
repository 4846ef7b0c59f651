//! The whole path of a person's own information, in turns with a bare QUIC splice of the same shape.
//!
//! Portal, broker and node are child processes and this program is the portal's client. Of the splice, two parts
//! are child processes and this program is the third. Both sides have two hops with the same endpoints.

mod answers;
mod bulk;
mod growth;
mod report;
mod splice;
mod stack;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chukei_benches::load::Round;
use chukei_benches::table::Table;
use chukei_benches::{Failure, disk, machine, program};
use clap::Parser;
use tokio::runtime::Runtime;

use growth::Growth;
use report::Level;
use splice::Splice;
use stack::WholePath;

/// Speed of the whole path, of enrolment and of import.
#[derive(Parser)]
#[command(name = "path")]
struct Args {
    /// Persons whose own information is asked for.
    #[arg(long, default_value_t = 1_000)]
    persons: usize,
    /// Persons of the body that enrolment and import are timed with.
    #[arg(long, default_value_t = 5_000)]
    bulk_persons: usize,
    /// Rows imported for each of them.
    #[arg(long, default_value_t = 20)]
    bulk_rows: usize,
    /// Requests in flight, one level after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 128])]
    in_flight: Vec<usize>,
    /// Rounds of each side at each level.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of a round.
    #[arg(long, default_value_t = 3_000)]
    round_ms: u64,
    /// Where the stack keeps its data: a folder on the disk whose syncs are to count.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A folder in memory: a second stack keeps its data there, and is measured in turns with the first. What its events
    /// are written to does not last.
    #[arg(long)]
    memory: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

fn main() -> ExitCode {
    if let Some(code) = chukei_harness::role::play() {
        return code;
    }
    let done = match splice::play() {
        Some(played) => played,
        None => run(&Args::parse()),
    };
    program::ended("path", done)
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", machine::describe())?;
    let folder = program::folder("path", args.dir.clone())?;
    writeln!(out, "{}", disk::table(folder.path())?)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stack = stack::start(folder.path())?;
    writeln!(out, "{}", bulk::table(&stack, args.bulk_persons, args.bulk_rows)?)?;
    let persons = answers::load(&runtime, &stack, args.persons)?;
    let path = runtime.block_on(WholePath::connect(&stack, persons))?;
    let splice = runtime.block_on(Splice::start(&folder.path().join("pki"), answers::ANSWER))?;

    let round = Duration::from_millis(args.round_ms);
    let growth = Growth::begin(stack.layout())?;
    let mut levels = Vec::new();
    for &in_flight in &args.in_flight {
        levels.push(level(&runtime, &path, &splice, in_flight, args.rounds, round)?);
    }
    let disclosures = levels.iter().flat_map(|level| &level.path).map(|round| round.requests).sum();
    let growth = growth.table(disclosures)?;
    let decisions = report::decisions(&path.decisions()?)?;
    if let Some(memory) = &args.memory {
        writeln!(out, "{}", lasting(&runtime, &path, memory, args)?)?;
    }
    stack.stop()?;
    write!(out, "{}\n{}\n{growth}\n{decisions}", report::speed(&levels)?, report::processors(&levels)?)?;
    Ok(())
}

/// The path against itself with everything in memory, in turns: what it costs that events last.
fn lasting(runtime: &Runtime, path: &WholePath<'_>, memory: &Path, args: &Args) -> Result<Table, Failure> {
    let folder = program::folder("path", Some(memory.to_owned()))?;
    let stack = stack::start(folder.path())?;
    let persons = answers::load(runtime, &stack, args.persons)?;
    let other = runtime.block_on(WholePath::connect(&stack, persons))?;
    let round = Duration::from_millis(args.round_ms);
    let of = |side: &WholePath<'_>, in_flight, time| runtime.block_on(side.round(in_flight, time));
    let mut levels = Vec::new();
    for &in_flight in &args.in_flight {
        of(path, in_flight, round / 4)?;
        of(&other, in_flight, round / 4)?;
        let mut pairs = Vec::new();
        for number in 0..args.rounds {
            pairs.push(if number % 2 == 0 {
                let first = of(path, in_flight, round)?;
                (first, of(&other, in_flight, round)?)
            } else {
                let first = of(&other, in_flight, round)?;
                (of(path, in_flight, round)?, first)
            });
        }
        levels.push((in_flight, pairs));
    }
    stack.stop()?;
    report::lasting(&levels)
}

/// Rounds of path and splice in turns.
fn level(
    runtime: &Runtime,
    path: &WholePath<'_>,
    splice: &Splice,
    in_flight: usize,
    rounds: usize,
    round: Duration,
) -> Result<Level, Failure> {
    let of_path = |time| -> Result<Round, Failure> { runtime.block_on(path.round(in_flight, time)) };
    let of_splice = |time| -> Result<Round, Failure> { runtime.block_on(splice.round(in_flight, time)) };
    // Channels, caches and connections are warm before anything counts.
    of_path(round / 4)?;
    of_splice(round / 4)?;
    let mut level = Level { in_flight, path: Vec::new(), splice: Vec::new() };
    for number in 0..rounds {
        if number % 2 == 0 {
            level.path.push(of_path(round)?);
            level.splice.push(of_splice(round)?);
        } else {
            level.splice.push(of_splice(round)?);
            level.path.push(of_path(round)?);
        }
    }
    Ok(level)
}
