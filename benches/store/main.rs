//! The store's engines beside each other, on the same rows in the same run, in turns; and the journal.
//!
//! Rows have 1 KiB and random keys. What is measured is the seam that the node uses: a figure includes its queues, its
//! checks and the real sync.

mod commits;
mod journal;
mod kill;
mod loading;
mod memory;
mod pause;
mod place;
mod reads;
mod rows;
mod space;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_benches::{Failure, disk, machine, program};
use chukei_store::EngineKind;
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

use place::{Open, Place};

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
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Of::Engines, Of::Memory, Of::Journal])]
    only: Vec<Of>,
    /// Where the data lies, a server's too: a folder on the disk whose syncs are to count, open to the server's user.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

/// What parts are about.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Speed and space of an engine that holds all rows.
    Engines,
    /// Memory with all bodies open.
    Memory,
    /// The journal.
    Journal,
    /// Pauses of backups and moves: all rows are copied twice a round and pair of engines.
    Pauses,
}

/// One table.
struct Part {
    of: Of,
    name: &'static str,
    measure: fn(&Bench, &Progress) -> Result<Table, Failure>,
}

/// In this order: all but the first of the engines' parts read rows that the first has loaded.
const PARTS: [Part; 10] = [
    Part { of: Of::Engines, name: "bulk load", measure: loading::table },
    Part { of: Of::Engines, name: "commits", measure: commits::table },
    Part { of: Of::Engines, name: "warm reads", measure: reads::points },
    Part { of: Of::Engines, name: "cold reads", measure: reads::cold },
    Part { of: Of::Engines, name: "scans", measure: reads::scans },
    Part { of: Of::Engines, name: "reopening", measure: kill::table },
    Part { of: Of::Engines, name: "space", measure: space::table },
    Part { of: Of::Memory, name: "memory", measure: memory::table },
    Part { of: Of::Journal, name: "journal", measure: journal::table },
    Part { of: Of::Pauses, name: "pauses", measure: pause::table },
];

/// What every part works with.
struct Bench {
    args: Args,
    runtime: Runtime,
    /// One for each engine.
    places: Vec<Place>,
    folder: PathBuf,
}

impl Bench {
    fn round(&self) -> Duration {
        Duration::from_millis(self.args.round_ms)
    }

    /// The partition of each place.
    fn open_all(&self, runtime: &Runtime) -> Result<Vec<Open>, Failure> {
        self.places.iter().map(|place| runtime.block_on(place.open())).collect()
    }

    /// Rounds of every side in turns, numbered; gives each side's.
    fn in_turns<S, R>(
        &self,
        progress: &Progress,
        sides: &[S],
        mut round: impl FnMut(&S, u64) -> Result<R, Failure>,
    ) -> Result<Vec<Vec<R>>, Failure> {
        let mut rounds: Vec<Vec<R>> = sides.iter().map(|_| Vec::new()).collect();
        for number in 0..self.args.rounds {
            for (side, rounds) in sides.iter().zip(&mut rounds) {
                rounds.push(round(side, number as u64)?);
                progress.done(1);
            }
        }
        Ok(rounds)
    }

    /// How many rounds [`Bench::in_turns`] makes with all engines.
    fn turns(&self) -> u64 {
        (self.args.rounds * self.places.len()) as u64
    }
}

fn main() -> ExitCode {
    let done = kill::play().or_else(memory::play).unwrap_or_else(|| run(Args::parse()));
    program::ended("store", done)
}

fn run(args: Args) -> Result<(), Failure> {
    let parts = || PARTS.iter().filter(|part| args.only.contains(&part.of));
    let mut progress = Progress::new(parts().count());
    progress.print(format!("{}\n", machine::describe()))?;
    let base = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = program::folder("store", Some(base.clone()))?;
    progress.print(disk::table(folder.path())?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = match args.engines.contains(&EngineKind::Postgres) {
        true => Some(Arc::new(runtime.block_on(place::server(&base))?)),
        false => None,
    };
    let places = args.engines.iter().map(|&kind| Place::new(kind, folder.path(), server.as_ref())).collect();
    let bench = Bench { args: args.clone(), runtime, places, folder: folder.path().to_owned() };
    let mut took = Table::new("The run itself", &["part", "seconds"]);
    for part in parts() {
        progress.part(part.name);
        let began = Instant::now();
        progress.print((part.measure)(&bench, &progress)?)?;
        took.row([part.name.to_owned(), format!("{:.0}", began.elapsed().as_secs_f64())]);
    }
    Ok(progress.print(took)?)
}
