//! The store's engines beside each other, on the same rows in the same run, in turns; and the journal.
//!
//! Rows have 1 KiB and random keys. What is measured is the seam that the node uses: a figure includes its queues, its
//! checks and the real sync.

mod commits;
mod journal;
mod kill;
mod loading;
mod memory;
mod place;
mod reads;
mod rows;
mod space;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chukei_benches::{Failure, disk, machine};
use chukei_store::EngineKind;
use clap::Parser;
use tokio::runtime::Runtime;

use place::Place;

/// Speed and space of the store's engines and of the journal.
#[derive(Clone, Parser)]
#[command(name = "store")]
struct Args {
    /// Rows of 1 KiB.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Engines, measured in turns.
    #[arg(long, value_delimiter = ',', default_values_t = [EngineKind::Sqlite, EngineKind::Sled, EngineKind::Postgres])]
    engines: Vec<EngineKind>,
    /// Rounds of each engine.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of a round.
    #[arg(long, default_value_t = 3_000)]
    round_ms: u64,
    /// Bodies that can be opened when memory is measured.
    #[arg(long, default_value_t = 1_788)]
    bodies: usize,
    /// Parts to run: engines, memory, journal.
    #[arg(long, value_delimiter = ',', default_values_t = ["engines".to_owned(), "memory".to_owned(), "journal".to_owned()])]
    only: Vec<String>,
    /// Where the data lies: a folder on the disk whose syncs are to count.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

impl Args {
    fn round(&self) -> Duration {
        Duration::from_millis(self.round_ms)
    }

    fn runs(&self, part: &str) -> bool {
        self.only.iter().any(|only| only == part)
    }
}

fn main() -> ExitCode {
    let done = kill::play().or_else(memory::play).unwrap_or_else(|| run(&Args::parse()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("store: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", machine::describe())?;
    let base = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("chukei-store-").tempdir_in(base)?;
    writeln!(out, "{}", disk::table(folder.path())?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = match args.engines.contains(&EngineKind::Postgres) {
        true => Some(runtime.block_on(place::server())?),
        false => None,
    };
    let places: Vec<Place> =
        args.engines.iter().map(|&kind| Place::new(kind, folder.path(), server.as_ref())).collect();
    if args.runs("engines") {
        engines(args, &runtime, &places, &mut out)?;
    }
    if args.runs("memory") {
        writeln!(out, "{}", memory::table(&places, args)?)?;
    }
    if args.runs("journal") {
        writeln!(out, "{}", journal::table(&runtime, &folder.path().join("journals"), args)?)?;
    }
    Ok(())
}

fn engines(args: &Args, runtime: &Runtime, places: &[Place], out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "{}", loading::table(runtime, places, args.rows)?)?;
    writeln!(out, "{}", commits::table(runtime, places, args)?)?;
    writeln!(out, "{}", reads::points(places, args)?)?;
    writeln!(out, "{}", reads::cold(places, args)?)?;
    writeln!(out, "{}", reads::scans(runtime, places, args)?)?;
    writeln!(out, "{}", kill::table(runtime, places, args)?)?;
    writeln!(out, "{}", space::table(runtime, places, args)?)?;
    Ok(())
}
