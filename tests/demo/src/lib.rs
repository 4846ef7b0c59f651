//! The demonstration: the whole stack on loopback with fictitious data (`cargo demo`), and a walk through every
//! function that checks each answer against what it knows (`cargo demo --once`).
//!
//! What must hold: nothing is compared with what the system itself said earlier; every expectation comes from
//! the generator. Deliberately absent: any way into a role but its command line and its socket.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod audit;
mod cli;
mod copies;
mod error;
mod expiry;
mod notices;
mod once;
mod own_information;
mod parallel;
mod persons;
mod provisions;
mod restart;
mod sample;
mod serve;
mod steps;
mod totals;
mod two_persons;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

/// The program: a role, where the process was started to play one, or the demonstration. Exit status: 0 done,
/// 1 something was not as it must be, 2 usage.
pub fn main() -> ExitCode {
    if let Some(code) = chukei_harness::role::play() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, mistakes to standard error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match serve::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_usage() => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
