//! The command line of `chukei-node`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;
use crate::config::serve::NodeConfig;
use crate::start::StartError;

/// The two server roles of Chukei.
#[derive(Parser)]
#[command(name = "chukei-node", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Host bodies: keep their copies, answer for them, deliver their notices.
    Serve(Configured),
    /// Look at a configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(clap::Args)]
struct Configured {
    /// TOML configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a configuration of either role without starting anything.
    Check {
        /// TOML configuration.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

const USAGE: u8 = 2;
const UNAVAILABLE: u8 = 4;

/// Runs the command line; `args` includes the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    crate::telemetry::logs::start();
    match arguments.command {
        Command::Serve(Configured { config }) => configured(NodeConfig::load(&config), crate::serve::run),
        Command::Config { command: ConfigCommand::Check { file } } => check(&file),
    }
}

fn configured<C, F>(config: Result<C, ConfigError>, run: impl FnOnce(C) -> F) -> ExitCode
where
    F: Future<Output = Result<(), StartError>>,
{
    let config = match config {
        Ok(config) => config,
        Err(error) => return usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(config));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = error.code(), %error, "not started");
            ExitCode::from(UNAVAILABLE)
        }
    }
}

fn check(file: &std::path::Path) -> ExitCode {
    match NodeConfig::load(file) {
        Ok(_) => ExitCode::SUCCESS,
        Err(e) => usage(&e),
    }
}
fn usage(error: &ConfigError) -> ExitCode {
    tracing::error!(%error, "configuration refused");
    ExitCode::from(USAGE)
}
