//! One body's flood beside another body's work: what the quiet one notices of it (R40).
//!
//! Broker, node and portal are child processes of this program, and so is the one that floods; this one is a business
//! system of the quiet body. Both come in by the node's entrance for staff, over QUIC.

mod caller;
mod flooder;
mod stage;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chukei_benches::stats::{Spread, show};
use chukei_benches::table::Table;
use chukei_benches::{Failure, disk, machine, program};
use clap::Parser;

use caller::{Caller, Told};
use stage::Stage;

/// A quiet body's latency, alone and beside a body that asks for ten times what it may.
#[derive(Parser)]
#[command(name = "flood")]
struct Args {
    /// What the flooding body may ask for, requests a second.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// How many times that it asks for.
    #[arg(long, default_value_t = 10)]
    times: u32,
    /// Requests a second of the quiet body.
    #[arg(long, default_value_t = 100)]
    quiet: u32,
    /// Rounds of each kind.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of a round.
    #[arg(long, default_value_t = 10_000)]
    round_ms: u64,
    /// The flooding body may ask for all that it asks for: what its limit is worth.
    #[arg(long)]
    without_limit: bool,
    /// Where the stack keeps its data: a folder on the disk whose syncs are to count.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

fn main() -> ExitCode {
    if let Some(code) = chukei_harness::role::play() {
        return code;
    }
    let done = match flooder::play() {
        Some(played) => played,
        None => run(&Args::parse()),
    };
    program::ended("flood", done)
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", machine::describe())?;
    let folder = program::folder("flood", args.dir.clone())?;
    writeln!(out, "{}", disk::table(folder.path())?)?;

    let asked = args.limit.saturating_mul(args.times);
    let stage =
        Stage::start(folder.path(), if args.without_limit { asked.saturating_mul(2) } else { args.limit })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let quiet = runtime.block_on(Caller::connect(&stage.quiet))?;
    let mut flooder = stage.flooder()?;

    let time = Duration::from_millis(args.round_ms);
    let mut round = |flooded: bool| -> Result<Round, Failure> {
        if flooded {
            flooder.tell(&format!("{asked} {}", args.round_ms))?;
        }
        let before = stage.node_cpu_ns();
        let told = runtime.block_on(quiet.pace(args.quiet, time))?;
        let cpu = stage.node_cpu_ns().zip(before).map(|(after, before)| after.saturating_sub(before));
        let flood = if flooded { Some(flooder.hear()?.parse()?) } else { None };
        let cores = cpu.map(|cpu| cpu as f64 / time.as_nanos() as f64);
        Ok(Round { told, flood, cores })
    };
    // Connections and caches are warm before anything counts, and the flooding body's burst is used up.
    round(false)?;
    round(true)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for number in 0..args.rounds {
        if number % 2 == 0 {
            alone.push(round(false)?);
            beside.push(round(true)?);
        } else {
            beside.push(round(true)?);
            alone.push(round(false)?);
        }
    }
    write!(out, "{}\n{}", quiet_table(&alone, &beside)?, flood_table(&beside, time))?;
    drop(flooder);
    stage.stop()
}

/// One round, as the quiet body saw it.
struct Round {
    told: Told,
    /// What the flooding body was told.
    flood: Option<Told>,
    /// Processors that the node kept busy.
    cores: Option<f64>,
}

fn quiet_table(alone: &[Round], beside: &[Round]) -> Result<Table, Failure> {
    let header = ["the quiet body", "answered", "OVERLOADED", "p50, ms", "p99, ms", "the node, processors"];
    let mut table = Table::new("The quiet body, alone and beside the flood", &header);
    for (what, rounds) in [("alone", alone), ("beside the flood", beside)] {
        table.row([
            what.to_owned(),
            rounds.iter().map(|round| round.told.answered).sum::<u64>().to_string(),
            rounds.iter().map(|round| round.told.overloaded).sum::<u64>().to_string(),
            show(rounds.iter().map(|round| round.told.p50_us / 1e3), 2),
            show(rounds.iter().map(|round| round.told.p99_us / 1e3), 2),
            show(rounds.iter().filter_map(|round| round.cores), 2),
        ]);
    }
    let ratio = |of: fn(&Told) -> f64| {
        let pairs = alone.iter().zip(beside).map(|(alone, beside)| of(&beside.told) / of(&alone.told));
        Spread::of(pairs).ok_or("no rounds").map(|spread| spread.show(2))
    };
    let (p50, p99) = (ratio(|told| told.p50_us)?, ratio(|told| told.p99_us)?);
    table.row([
        "beside ÷ alone, round by round".to_owned(),
        String::new(),
        String::new(),
        p50,
        p99,
        String::new(),
    ]);
    Ok(table)
}

fn flood_table(beside: &[Round], time: Duration) -> Table {
    let header = [
        "asked, per second",
        "answered, per second",
        "OVERLOADED, per second",
        "not sent: none free, per second",
    ];
    let mut table = Table::new("The flooding body", &header);
    let each = |of: fn(&Told) -> u64| {
        let told = beside.iter().filter_map(|round| round.flood.as_ref());
        show(told.map(|told| of(told) as f64 / time.as_secs_f64()), 0)
    };
    table.row([
        each(|told| told.answered + told.overloaded + told.unsent),
        each(|told| told.answered),
        each(|told| told.overloaded),
        each(|told| told.unsent),
    ]);
    table
}
