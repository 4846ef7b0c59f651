//! From the arguments of the process to its exit status.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chukei_domain::codes::AffairCode;
use clap::Parser;
use clap::error::ErrorKind;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::acting::Acting;
use crate::cli::{
    AccessCommand, AuditCommand, AuditExportArgs, BackupCommand, CatalogueCommand, Cli, Command,
    ConfigCommand, CopyCommand, ExchangeCommand, FetchedExport, KeysCommand, NoticeCommand, PersonCommand,
    PolicyCommand, ProvisionCommand, SignalCommand,
};
use crate::commands::{
    access, act, audit, backup, copy, custody, exchange, factor, keys, notice, oversight, person, pki,
    postgres, register, review, upkeep,
};
use crate::config::StaffConfig;
use crate::failure::{Exit, Failure};
use crate::link::NodeLink;
use crate::report::{Report, print};

/// Time for background work to end before the process does.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs `chukei` with `args`, the program's name first, and returns its exit status: 0 done (rejected rows
/// included), 2 usage, 3 refused by a rule, 4 unavailable, 1 other.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, args.iter().any(|arg| arg == "--json")),
    };
    start_logging();
    let json = cli.json;
    let outcome = run(cli);
    let exit = match &outcome {
        Ok((_, None)) => ExitCode::SUCCESS,
        Ok((_, Some(exit))) => ExitCode::from(*exit as u8),
        Err(failure) => ExitCode::from(failure.exit as u8),
    };
    match print(&outcome.map(|(report, _)| report), json) {
        Ok(()) => exit,
        Err(_) => ExitCode::from(Exit::Other as u8),
    }
}

type Outcome = Result<(Report, Option<Exit>), Failure>;

/// Does what is asked for: what needs no node on this machine alone, before anything is started for the network.
fn run(cli: Cli) -> Outcome {
    let Cli { config, affair, json, acting, command } = cli;
    let show = !json;
    let node = Way { config, affair, acting };
    let report = match command {
        Command::Pki(command) => pki::run(command),
        Command::Factor(command) => factor::run(command),
        Command::Config(ConfigCommand::Check { file }) => {
            let file = required(file.or(node.config))?;
            interruptible(async { oversight::config_check(&file) })
        }
        Command::Postgres(command) => interruptible(postgres::run(command)),
        Command::Person(PersonCommand::Enroll(args)) => {
            node.ask(async |link| person::enroll(link, args, show).await)
        }
        Command::Person(PersonCommand::List { limit }) => {
            node.ask(async |link| person::list(link, limit).await)
        }
        Command::Person(PersonCommand::Block(what)) => node.ask(async |link| person::block(link, what).await),
        Command::Person(PersonCommand::Unblock { what, reference }) => {
            node.ask(async |link| act::unblock(link, what, reference).await)
        }
        Command::Person(PersonCommand::Undisclose(what)) => {
            node.ask(async |link| person::undisclose(link, what).await)
        }
        Command::Person(PersonCommand::Disclose { what, reference }) => {
            node.ask(async |link| act::disclose(link, what, reference).await)
        }
        Command::Exchange(ExchangeCommand::List(args)) => {
            node.ask(async |link| exchange::list(link, args).await)
        }
        Command::Copy(CopyCommand::Import(args)) => {
            node.ask(async |link| copy::import(link, args, show).await)
        }
        Command::Copy(CopyCommand::Show { person, dataset }) => {
            node.ask(async |link| copy::show(link, person, dataset).await)
        }
        Command::Notice(NoticeCommand::Send { file }) => {
            node.ask(async |link| notice::send(link, &file).await)
        }
        Command::Notice(NoticeCommand::Status { notice }) => {
            node.ask(async |link| notice::status(link, notice).await)
        }
        Command::Notice(NoticeCommand::List) => node.ask(notice::list),
        Command::Provision(ProvisionCommand::Status { person, from, limit }) => {
            node.ask(async |link| oversight::provision_status(link, person, from, limit).await)
        }
        Command::Audit(AuditCommand::Verify(args)) => {
            if let Some(verified) = audit::verify_here(&args, show) {
                return verified;
            }
            return node.ask(async |link| audit::verify(link, args, show).await);
        }
        Command::Audit(AuditCommand::Search(args)) => node.ask(async |link| audit::search(link, args).await),
        Command::Audit(AuditCommand::Stamps { out }) => {
            node.ask(async |link| audit::stamps(link, &out).await)
        }
        Command::Audit(AuditCommand::Export(args)) => match args {
            AuditExportArgs { act: Some(act), out: Some(out), format: form, .. } => {
                let args = FetchedExport { act, form, out };
                node.ask(async |link| audit::export(link, args, show).await)
            }
            AuditExportArgs { from: Some(from), until: Some(until), reference: Some(reference), .. } => {
                node.ask(async |link| act::export(link, [from, until], reference).await)
            }
            _ => Err(Failure::usage(
                "BAD_USAGE",
                "--from、--until、--reference、または --act と --out を指定してください",
            )),
        },
        Command::Audit(AuditCommand::Follow(args)) => {
            return node.ask(async |link| audit::follow(link, args, json).await);
        }
        Command::Review(command) => node.ask(async |link| review::run(link, command).await),
        Command::Catalogue(CatalogueCommand::List) => node.ask(oversight::catalogue_list),
        Command::Catalogue(CatalogueCommand::Load { file, reference }) => {
            node.ask(async |link| act::catalogue(link, &file, reference).await)
        }
        Command::Act(command) => node.ask(async |link| act::run(link, command).await),
        Command::Erase(command) => node.ask(async |link| act::erase(link, command).await),
        Command::Policy(PolicyCommand::Check { file }) => register::check_policy(&file),
        Command::Policy(PolicyCommand::List) => node.ask(register::list_policies),
        Command::Policy(PolicyCommand::Load { file, name, reference }) => {
            node.ask(async |link| act::load_policy(link, &file, name, reference).await)
        }
        Command::Policy(PolicyCommand::Remove { name, reference }) => {
            node.ask(async |link| act::remove_policy(link, name, reference).await)
        }
        Command::Staff(command) => node.ask(async |link| register::staff(link, command).await),
        Command::Device(command) => node.ask(async |link| register::device(link, command).await),
        Command::Ticket(command) => node.ask(async |link| register::ticket(link, command).await),
        Command::Body(command) => node.ask(async |link| register::body(link, command).await),
        Command::Delegation(command) => node.ask(async |link| register::delegation(link, command).await),
        Command::Register(command) => node.ask(async |link| register::register(link, command).await),
        Command::Keys(KeysCommand::Custody(command)) => custody::run(command),
        Command::Keys(KeysCommand::Copy(reference)) => {
            node.ask(async |link| act::keyring(link, reference).await)
        }
        Command::Keys(KeysCommand::Rotate(args)) => node.ask(async |link| keys::rotate(link, args).await),
        Command::Keys(KeysCommand::Status) => node.ask(keys::status),
        Command::Backup(BackupCommand::Create(args)) => {
            node.ask(async |link| backup::create(link, args, show).await)
        }
        Command::Backup(BackupCommand::Verify(args)) => backup::verify(&args, show),
        Command::Upkeep(command) => node.ask(async |link| upkeep::run(link, command).await),
        Command::Access(AccessCommand::Explain(args)) => {
            node.ask(async |link| access::explain(link, args).await)
        }
        Command::Signal(SignalCommand::Device { device, condition }) => {
            node.ask(async |link| access::signal(link, device, condition).await)
        }
    };
    Ok((report?, None))
}

/// What the command line says of the node, and of what it is asked for.
struct Way {
    config: Option<PathBuf>,
    affair: Option<AffairCode>,
    acting: Acting,
}

impl Way {
    /// Does `work` with the node, and takes leave of it however that ended.
    fn ask<T>(self, work: impl AsyncFnOnce(&mut NodeLink) -> Result<T, Failure>) -> Result<T, Failure> {
        let config = required(self.config)?;
        interruptible(async {
            let mut link = NodeLink::new(StaffConfig::load(&config)?, self.acting)?;
            if let Some(affair) = self.affair {
                link.work_on(affair);
            }
            let outcome = work(&mut link).await;
            link.close().await;
            outcome
        })
    }
}

/// Waits for `work`, or for a signal that ends it.
fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::other("RUNTIME", format!("起動できません: {error}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            () = stop_signal() => Err(interrupted()),
        }
    });
    runtime.shutdown_timeout(DRAIN);
    outcome
}

/// SIGINT or SIGTERM. Where no handler can be had, the signal's own effect stands.
async fn stop_signal() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => std::future::pending().await,
    }
}

fn required(config: Option<PathBuf>) -> Result<PathBuf, Failure> {
    config.ok_or_else(no_config)
}

fn no_config() -> Failure {
    Failure::usage("BAD_USAGE", "設定ファイルがありません。--config FILE を指定してください")
}

fn interrupted() -> Failure {
    Failure::other("INTERRUPTED", "中断しました。同じ操作をやり直すと続きから登録されます")
}

/// What clap found: help and version are results, everything else is a usage error.
fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Other as u8) };
    }
    let _ = error.print();
    if json {
        let message = "コマンドの指定が正しくありません。--help を確認してください";
        let _ = print(&Err(Failure::usage("BAD_USAGE", message)), true);
    }
    ExitCode::from(Exit::Usage as u8)
}

/// Logs go to standard error, from `warn` on or as `CHUKEI_LOG` says. An embedding program's own logging stands.
fn start_logging() {
    let filter = EnvFilter::try_from_env("CHUKEI_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}
