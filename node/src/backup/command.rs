//! `chukei-node backup` and `chukei-node body`: operators' commands on a node's data folder.
//!
//! Where a node has the folder open, it carries the command out while it serves; otherwise this process does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chukei_store::journal::JournalOptions;
use chukei_store::{DataFolder, StoreError};
use chukei_wire::body_code::BodyCode;
use clap::{Args, Subcommand};

use crate::backup::control::{Order, ask, engine};
use crate::backup::outcome::{self, Exit, Failure, Report};
use crate::backup::progress::Progress;
use crate::backup::restore::{Restore, restore};
use crate::config::serve::NodeConfig;
use crate::engine_opener::EngineOpener;
use crate::home::Home;

/// `backup`.
#[derive(Subcommand)]
pub enum BackupCommand {
    /// Put a body's rows and log back from a backup, where it has none.
    Restore(RestoreArgs),
}

/// `body`.
#[derive(Subcommand)]
pub enum BodyCommand {
    /// Move a body's rows to another engine of this node while it is served.
    Move(MoveArgs),
    /// Write a body's last image and give its rows away, for another node to take them.
    Leave(LeaveArgs),
}

/// Of which body of which node.
#[derive(Args)]
struct Of {
    /// TOML configuration of the node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Local body code.
    #[arg(long)]
    body: BodyCode,
    /// One compact JSON line on standard output.
    #[arg(long)]
    json: bool,
}

/// What to restore.
#[derive(Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    of: Of,
    /// Folder of the backup; those that it builds on lie beside it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// File with the body's public identity in hexadecimal, where the peer list no longer names it.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Put the rows in and do not serve them yet: later backups of the same chain follow.
    #[arg(long)]
    preload: bool,
}

/// Where to move.
#[derive(Args)]
pub struct MoveArgs {
    #[command(flatten)]
    of: Of,
    /// The engine: sqlite, sled or postgres.
    #[arg(long, value_name = "ENGINE")]
    to: String,
}

/// How to leave.
#[derive(Args)]
pub struct LeaveArgs {
    #[command(flatten)]
    of: Of,
    /// Folder for the last image; it is not there yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The backup that it builds on: the newer, the shorter the time in which nobody serves the body.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
}

/// Runs `backup`.
pub fn backup(command: BackupCommand) -> ExitCode {
    let BackupCommand::Restore(args) = command;
    outcome::print(&run(restored(&args)), args.of.json)
}

/// Runs `body`.
pub fn body(command: BodyCommand) -> ExitCode {
    match command {
        BodyCommand::Move(args) => outcome::print(&run(moved(&args)), args.of.json),
        BodyCommand::Leave(args) => outcome::print(&run(left(&args)), args.of.json),
    }
}

fn run(work: impl Future<Output = Result<Report, Failure>>) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Other, "RUNTIME", error.to_string()))?;
    runtime.block_on(work)
}

async fn restored(args: &RestoreArgs) -> Result<Report, Failure> {
    let config = load(&args.of)?;
    let (from, identity) = (absolute(&args.from)?, args.identity.as_deref().map(absolute).transpose()?);
    let (body, preload) = (args.of.body, args.preload);
    let order = Order::Restore { body, from: from.clone(), identity: identity.clone(), preload };
    if let Some(outcome) = ask(&config.path(&config.data_dir), &order, |_| ()).await {
        return outcome;
    }
    let folder = DataFolder::open(&config.path(&config.data_dir))?;
    let opener = EngineOpener::new(&config, folder).await?;
    let (journal, _) = opener.journal(JournalOptions::default())?;
    let keep = config.retention.keep();
    let home = Home { engines: Arc::new(opener.engines()), journal: Arc::new(journal), keep };
    let asked = Restore { body, from: &from, identity: identity.as_deref(), preload, show: !args.of.json };
    restore(&config, &home, asked).await
}

async fn moved(args: &MoveArgs) -> Result<Report, Failure> {
    let config = load(&args.of)?;
    engine(&args.to)?;
    let order = Order::Move { body: args.of.body, to: args.to.clone() };
    let progress = Progress::of("rows", 0, !args.of.json);
    let outcome = ask(&config.path(&config.data_dir), &order, |records| progress.advance_to(records)).await;
    drop(progress);
    outcome.unwrap_or_else(|| Err(no_node(&config)))
}

async fn left(args: &LeaveArgs) -> Result<Report, Failure> {
    let config = load(&args.of)?;
    let base = args.base.as_deref().map(absolute).transpose()?;
    let order = Order::Leave { body: args.of.body, out: absolute(&args.out)?, base };
    let outcome = ask(&config.path(&config.data_dir), &order, |_| ()).await;
    outcome.unwrap_or_else(|| Err(no_node(&config)))
}

/// The last image is signed by the body's identity, and a move is told in its log: that takes the body's keys.
fn no_node(config: &NodeConfig) -> Failure {
    let text = format!(
        "no node answers in {}: start it with this configuration, and run the same command again",
        config.path(&config.data_dir).display(),
    );
    Failure::new(Exit::Unavailable, "NO_NODE", text)
}

fn load(of: &Of) -> Result<NodeConfig, Failure> {
    let path = &of.config;
    let config = NodeConfig::load(path).map_err(|error| {
        Failure::new(Exit::Usage, "BAD_CONFIG", format!("configuration: {error}: mend {}", path.display()))
    })?;
    if config.bodies.iter().any(|known| known.code == of.body) {
        return Ok(config);
    }
    let text = format!("the configuration has no body {}: add it to [[bodies]]", of.body);
    Err(Failure::new(Exit::Usage, "NOT_FOUND", text))
}

/// As the node sees it, which works in another folder.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::from(StoreError::from(error)))
}
