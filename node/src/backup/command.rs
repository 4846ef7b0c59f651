//! `chukei-node backup` and `chukei-node body`: operators' commands on a node's data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use chukei_store::{DataFolder, SqliteOptions};
use chukei_wire::body_code::BodyCode;
use clap::{Args, Subcommand};

use crate::backup::outcome::{self, Exit, Failure, Report};
use crate::backup::restore::{Restore, restore};
use crate::config::serve::NodeConfig;

/// `backup`.
#[derive(Subcommand)]
pub enum BackupCommand {
    /// Put a body's rows and log back from a backup, into a data folder that no node has open.
    Restore(RestoreArgs),
}

/// What to restore.
#[derive(Args)]
pub struct RestoreArgs {
    /// TOML configuration of the node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Local body code.
    #[arg(long)]
    body: BodyCode,
    /// Folder of the backup; those that it builds on lie beside it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// File with the body's public identity in hexadecimal, where the peer list no longer names it.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// One compact JSON line on standard output.
    #[arg(long)]
    json: bool,
}

/// Runs `backup`.
pub fn backup(command: BackupCommand) -> ExitCode {
    let BackupCommand::Restore(args) = command;
    outcome::print(&run(restored(&args)), args.json)
}

fn run(work: impl Future<Output = Result<Report, Failure>>) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Other, "RUNTIME", error.to_string()))?;
    runtime.block_on(work)
}

async fn restored(args: &RestoreArgs) -> Result<Report, Failure> {
    let config = load(&args.config)?;
    known(&config, args.body)?;
    let folder = DataFolder::open(&config.path(&config.data_dir))?;
    let engine = folder.sqlite(SqliteOptions::default());
    let asked =
        Restore { body: args.body, from: &args.from, identity: args.identity.as_deref(), show: !args.json };
    restore(&config, &folder, &*engine, asked).await
}

fn load(path: &std::path::Path) -> Result<NodeConfig, Failure> {
    NodeConfig::load(path).map_err(|error| {
        Failure::new(Exit::Usage, "BAD_CONFIG", format!("configuration: {error}: mend {}", path.display()))
    })
}

fn known(config: &NodeConfig, body: BodyCode) -> Result<(), Failure> {
    if config.bodies.iter().any(|known| known.code == body) {
        return Ok(());
    }
    let text = format!("the configuration has no body {body}: add it to [[bodies]]");
    Err(Failure::new(Exit::Usage, "NOT_FOUND", text))
}
