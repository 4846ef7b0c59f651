//! The logs of bodies: what a durable event costs, what a proof costs where the log is long, and how long it takes to go
//! through a log from its first record to its last.

mod appends;
mod body;
mod proofs;
mod whole;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chukei_benches::progress::Progress;
use chukei_benches::{Failure, disk, machine, program};
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

/// Cost of events, proofs and verification.
#[derive(Clone, Parser)]
#[command(name = "log")]
struct Args {
    /// Rounds of each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of a round.
    #[arg(long, default_value_t = 3_000)]
    round_ms: u64,
    /// Bodies that write at a time, one table row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1_788])]
    bodies: Vec<usize>,
    /// Leaves of the log that proofs are made of.
    #[arg(long, default_value_t = 100_000_000)]
    leaves: u64,
    /// Proofs made in that log.
    #[arg(long, default_value_t = 10_000)]
    proofs: usize,
    /// Records of the log that is verified.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Of::Appends, Of::Proofs, Of::Whole])]
    only: Vec<Of>,
    /// Where the data lies: a folder on the disk whose syncs are to count, with 4 GiB for the long log.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

/// What parts are about.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Durable events.
    Appends,
    /// Proofs in a long log.
    Proofs,
    /// A log from end to end.
    Whole,
}

/// What every part works with.
struct Bench {
    args: Args,
    runtime: Runtime,
    folder: PathBuf,
}

impl Bench {
    fn round(&self) -> Duration {
        Duration::from_millis(self.args.round_ms)
    }
}

fn main() -> ExitCode {
    program::ended("log", run(Args::parse()))
}

fn run(args: Args) -> Result<(), Failure> {
    let mut progress = Progress::new(args.only.len());
    progress.print(format!("{}\n", machine::describe()))?;
    let folder = program::folder("log", args.dir.clone())?;
    progress.print(disk::table(folder.path())?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bench = Bench { runtime, folder: folder.path().to_owned(), args };
    for of in &bench.args.only {
        let table = match of {
            Of::Appends => {
                progress.part("appends");
                appends::table(&bench, &progress)?
            }
            Of::Proofs => {
                progress.part("proofs");
                proofs::table(&bench, &progress)?
            }
            Of::Whole => {
                progress.part("whole log");
                whole::table(&bench, &progress)?
            }
        };
        progress.print(table)?;
    }
    Ok(())
}
