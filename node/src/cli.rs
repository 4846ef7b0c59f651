//! The command line of `chukei-node`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chukei_keys::process::ProcessSettings;
use clap::{Parser, Subcommand};

use crate::backup::command::{BackupCommand, BodyCommand, backup, body};
use crate::broker::BrokerError;
use crate::config::ConfigError;
use crate::config::broker::BrokerConfig;
use crate::config::serve::NodeConfig;
use crate::start::{StartError, protect};

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
    /// Route, permit and record, blind to content.
    Broker {
        /// TOML configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Take back what the other broker holds copies of and this one has lost, before it starts.
        #[arg(long)]
        adopt_copies: bool,
    },
    /// Backups of a body.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// A body's place.
    #[command(subcommand)]
    Body(BodyCommand),
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
        /// One compact JSON line on standard output.
        #[arg(long)]
        json: bool,
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
        Command::Serve(Configured { config }) => {
            configured(NodeConfig::load(&config), |config| config.process, crate::serve::run)
        }
        Command::Broker { config, adopt_copies } => {
            let config = BrokerConfig::load(&config).map(|config| BrokerConfig { adopt_copies, ..config });
            configured(config, |config| config.process, broker)
        }
        Command::Backup(command) => backup(command),
        Command::Body(command) => body(command),
        Command::Config { command: ConfigCommand::Check { file, json } } => check(&file, json),
    }
}

fn configured<C, F>(
    config: Result<C, ConfigError>,
    process: impl FnOnce(&C) -> ProcessSettings,
    run: impl FnOnce(C) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), StartError>>,
{
    let config = match config {
        Ok(config) => config,
        Err(error) => return usage(&error),
    };
    if let Err(error) = protect(process(&config)) {
        tracing::error!(code = error.code(), %error, "not started");
        return ExitCode::from(UNAVAILABLE);
    }
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

/// Runs a broker until it is told to stop.
async fn broker(config: BrokerConfig) -> Result<(), StartError> {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        crate::start::stop_signal().await;
        stop.send_replace(true);
    });
    crate::broker::run(config, stopping).await.map_err(|error| match &error {
        BrokerError::Peers(peers) => StartError::peers(peers),
        BrokerError::Store(store) => StartError::store(store),
        _ => StartError::new("NOT_READY", &error),
    })
}

fn check(file: &std::path::Path, json: bool) -> ExitCode {
    let (node, broker) = (NodeConfig::load(file), BrokerConfig::load(file));
    let (role, fault) = match (node, broker) {
        (Ok(_), _) => ("node", None),
        (_, Ok(_)) => ("broker", None),
        // What a file is meant to be is told by the section that only a node has.
        (Err(node), Err(broker)) => {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.contains("[[bodies]]") { ("node", Some(node)) } else { ("broker", Some(broker)) }
        }
    };
    let line = match (&fault, json) {
        (None, true) => serde_json::json!({ "result": "DONE", "role": role }).to_string(),
        (None, false) => format!("ok: a {role}'s configuration"),
        (Some(fault), true) => {
            serde_json::json!({ "code": "BAD_CONFIG", "message": fault.to_string() }).to_string()
        }
        (Some(_), false) => String::new(),
    };
    if !line.is_empty() && writeln!(std::io::stdout(), "{line}").is_err() {
        return ExitCode::FAILURE;
    }
    fault.map_or(ExitCode::SUCCESS, |fault| usage(&fault))
}

fn usage(error: &ConfigError) -> ExitCode {
    tracing::error!(%error, "configuration refused");
    ExitCode::from(USAGE)
}
