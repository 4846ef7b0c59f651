//! Small pieces of the path against bare ring or a bare stream, in turns on the same bytes.

mod access;
mod allocations;
mod at_hand;
mod bare;
mod handshake;
mod message;
mod rest;
mod roots;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use chukei_benches::paired::{Pair, Plan};
use chukei_benches::table::Table;
use chukei_benches::{Failure, machine, program};
use clap::Parser;

/// Cost of sealing, of a channel's messages and of its handshake.
#[derive(Parser)]
#[command(name = "micro")]
struct Args {
    /// Rounds of each side.
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// Milliseconds of one side's round.
    #[arg(long, default_value_t = 20)]
    round_ms: u64,
    /// Seconds of permits at each pace.
    #[arg(long, default_value_t = 10.0)]
    root_seconds: f64,
    /// Bodies with access policies of their own; 0 leaves decisions out.
    #[arg(long, default_value_t = 1_788)]
    access_bodies: usize,
    /// Access decisions alone.
    #[arg(long)]
    only_access: bool,
    /// What cargo passes to every benchmark.
    #[arg(long = "bench", hide = true)]
    _cargo: bool,
}

fn main() -> ExitCode {
    program::ended("micro", run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let plan = Plan { rounds: args.rounds, round: Duration::from_millis(args.round_ms) };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", machine::describe())?;
    if args.access_bodies > 0 {
        writeln!(out, "{}", access::table(args.access_bodies)?)?;
    }
    if args.only_access {
        return Ok(());
    }
    let keys = rest::Keys::new()?;
    writeln!(out, "{}", at_hand::table(plan, &keys)?)?;
    writeln!(out, "{}", rest::table(plan, &keys)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ends = runtime.block_on(handshake::Ends::set())?;
    let exchange = runtime.block_on(message::Exchange::new(&ends))?;
    writeln!(out, "{}", message::table(plan, &exchange)?)?;
    writeln!(out, "{}", allocations::table(&keys, &exchange)?)?;
    writeln!(out, "{}", handshake::table(plan, &runtime, &ends)?)?;
    writeln!(out, "{}", roots::table(args.root_seconds, &runtime)?)?;
    runtime.block_on(async { drop(ends) });
    Ok(())
}

/// A table of pairs, microseconds.
fn pairs(title: &str, rows: Vec<(&str, Pair)>) -> Table {
    let header = ["what", "ours, µs", "bare, µs", "added, µs", "bare ÷ ours"];
    let mut table = Table::new(title, &header);
    for (what, Pair { ours, bare, added, ratio }) in rows {
        let times = [ours, bare, added].map(|nanoseconds| nanoseconds.scaled(1e-3).show(2));
        table.row([what.to_owned()].into_iter().chain(times).chain([ratio.show(2)]));
    }
    table
}
