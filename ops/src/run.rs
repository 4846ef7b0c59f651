//! From the arguments of the process to its exit status.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::{
    AccessCommand, AuditCommand, BackupCommand, CatalogueCommand, Cli, Command, ConfigCommand, CopyCommand,
    KeysCommand, NoticeCommand, PersonCommand, PolicyCommand, PolicyLook, ProvisionCommand, SignalCommand,
};
use crate::commands::{
    access, act, backup, copy, custody, factor, keys, notice, oversight, person, pki, postgres, register,
    review, upkeep,
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

fn run(cli: Cli) -> Outcome {
    if let Command::Pki(command) = cli.command {
        return Ok((pki::run(command)?, None));
    }
    if let Command::Factor(command) = cli.command {
        return Ok((factor::run(command)?, None));
    }
    if let Command::Keys(KeysCommand::Custody(command)) = cli.command {
        return Ok((custody::run(command)?, None));
    }
    if let Command::Policy(PolicyCommand::Look(PolicyLook::Check { file })) = &cli.command {
        return Ok((register::check_policy(file)?, None));
    }
    if let Command::Backup(BackupCommand::Verify(args)) = &cli.command {
        return Ok((backup::verify(args, !cli.json)?, None));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::other("RUNTIME", format!("起動できません: {error}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = with_node(cli) => outcome,
            () = stop_signal() => Err(interrupted()),
        }
    });
    runtime.shutdown_timeout(DRAIN);
    outcome
}

async fn with_node(cli: Cli) -> Outcome {
    let Cli { config, affair, json, acting, command } = cli;
    if let Command::Config(ConfigCommand::Check { file }) = command {
        return Ok((oversight::config_check(&required(file.or(config))?)?, None));
    }
    if let Command::Postgres(command) = command {
        return Ok((postgres::run(command).await?, None));
    }
    let mut link = NodeLink::new(StaffConfig::load(&required(config)?)?, acting)?;
    if let Some(affair) = affair {
        link.work_on(affair);
    }
    let outcome = dispatch(&mut link, command, !json).await;
    link.close().await;
    outcome
}

async fn dispatch(link: &mut NodeLink, command: Command, show: bool) -> Outcome {
    let report = match command {
        Command::Person(PersonCommand::Enroll(args)) => person::enroll(link, args, show).await,
        Command::Person(PersonCommand::List { limit }) => person::list(link, limit).await,
        Command::Person(PersonCommand::Block { person, datasets }) => {
            person::block(link, person, datasets).await
        }
        Command::Copy(CopyCommand::Import(args)) => copy::import(link, args, show).await,
        Command::Copy(CopyCommand::Show { person, dataset }) => copy::show(link, person, dataset).await,
        Command::Notice(NoticeCommand::Send { file }) => notice::send(link, &file).await,
        Command::Notice(NoticeCommand::Status { notice }) => notice::status(link, notice).await,
        Command::Notice(NoticeCommand::List) => notice::list(link).await,
        Command::Provision(ProvisionCommand::Status { person, from, limit }) => {
            oversight::provision_status(link, person, from, limit).await
        }
        Command::Audit(AuditCommand::Verify) => return oversight::audit_verify(link).await,
        Command::Review(command) => review::run(link, command).await,
        Command::Staff(command) => register::staff(link, command).await,
        Command::Device(command) => register::device(link, command).await,
        Command::Ticket(command) => register::ticket(link, command).await,
        Command::Body(command) => register::body(link, command).await,
        Command::Delegation(command) => register::delegation(link, command).await,
        Command::Register(command) => register::register(link, command).await,
        Command::Catalogue(CatalogueCommand::List) => oversight::catalogue_list(link).await,
        Command::Catalogue(CatalogueCommand::Load { file, reference }) => {
            act::catalogue(link, &file, reference).await
        }
        Command::Audit(AuditCommand::Export(args)) => act::export(link, args).await,
        Command::Person(PersonCommand::Unblock { person, datasets, reference }) => {
            act::unblock(link, person, datasets, reference).await
        }
        Command::Act(command) => act::run(link, command).await,
        Command::Erase(command) => act::erase(link, command).await,
        Command::Policy(command) => act::policy(link, command).await,
        Command::Keys(KeysCommand::Copy(reference)) => act::keyring(link, reference).await,
        Command::Keys(KeysCommand::Rotate(args)) => keys::rotate(link, args).await,
        Command::Keys(KeysCommand::Status) => keys::status(link).await,
        Command::Keys(KeysCommand::Custody(command)) => custody::run(command),
        Command::Backup(BackupCommand::Create(args)) => backup::create(link, args, show).await,
        Command::Backup(BackupCommand::Verify(args)) => backup::verify(&args, show),
        Command::Upkeep(command) => upkeep::run(link, command).await,
        Command::Access(AccessCommand::Explain(args)) => access::explain(link, args).await,
        Command::Signal(SignalCommand::Device { device, condition }) => {
            access::signal(link, device, condition).await
        }
        Command::Postgres(command) => postgres::run(command).await,
        Command::Pki(command) => pki::run(command),
        Command::Factor(command) => factor::run(command),
        Command::Config(_) => Err(no_config()),
    };
    Ok((report?, None))
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
