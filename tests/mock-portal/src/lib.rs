//! The mock disclosure portal (情報提供等記録開示システム): a real peer of the brokers with keys, a durable store
//! and a process of its own. It also plays the resident registry, which issues acquisition numbers.
//!
//! What must hold: own information is kept in memory only, in the folder of the login that asked, and wiped at
//! its end; an answer that does not open for this person and request is never shown (R22, R30); a notice is
//! acknowledged only once it is durable. Deliberately absent: card authentication (a login is simply opened),
//! and any way to reach a body but through a broker.

mod asking;
mod cli;
pub mod client;
mod command;
mod config;
mod core;
mod expiry;
pub mod failure;
mod folder;
mod health;
mod identities;
mod inbound;
mod metrics;
mod notices;
mod portal;
pub mod protocol;
mod records;
mod registry;
mod renewal;
mod request;
mod screen;
mod self_info;
mod serve;
mod socket;
mod storage;

use std::ffi::OsString;
use std::process::ExitCode;

use chukei_keys::process::protect;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Action, Cli};
use crate::config::Settings;
use crate::failure::{Class, Failure};

/// The program. `args` begins with the program's own name. Exit status: 0 done, 1 other, 2 usage or
/// configuration, 3 refused by a rule, 4 unavailable.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, mistakes to standard error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Class::Usage.exit_status() } else { 0 });
        }
    };
    let json = cli.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            command::show_failure(&failure, json);
            ExitCode::from(failure.class.exit_status())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    if let Action::VerifyReceipts(arguments) = &cli.action {
        // Needs neither a portal nor its configuration.
        return command::verify_receipts(&arguments.folder, cli.json);
    }
    let settings = Settings::load(&cli.config).map_err(|error| Failure::usage(error.to_string()))?;
    let serving = matches!(cli.action, Action::Serve);
    let mut builder = if serving {
        start_logs();
        let lock = protect(settings.process).map_err(|error| Failure::internal(error.to_string()))?;
        tracing::info!(memory = ?lock, "process protected");
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.enable_all().build().map_err(|error| Failure::internal(error.to_string()))?;
    runtime.block_on(async {
        if serving {
            serve::run(&settings).await.map_err(|error| Failure::internal(error.to_string()))
        } else {
            command::perform(cli.action, &settings.socket, cli.json).await
        }
    })
}

/// Structured logs on standard error; standard output belongs to results.
fn start_logs() {
    let filter = EnvFilter::try_from_env("CHUKEI_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A program that embeds this one may have its own logs; those then stand.
    let _ = logs.try_init();
}
