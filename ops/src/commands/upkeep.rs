//! `upkeep`: restart, backups, restore, moves and compaction, as a node does them on its own host.
//!
//! What must hold: an act is asked for once; what a lost connection leaves open is told, and not repeated.

use chukei_wire::header::Kind;
use chukei_wire::message::upkeep::{
    UpkeepAnswer, UpkeepBackup, UpkeepFailure, UpkeepMove, UpkeepRestore, UpkeepVerify,
};
use chukei_wire::result::ResultName;
use serde::Serialize;

use crate::cli::UpkeepCommand;
use crate::failure::{Exit, Failure, explain};
use crate::link::{Fault, NodeLink};
use crate::report::Report;

/// Codes beside the result names with which a node says why upkeep was not done.
const CODES: &[&str] = &[
    "ALREADY_THERE",
    "BACKUP_FOLDER",
    "BAD_PEERS",
    "BAD_USAGE",
    "BROKEN_CHAIN",
    "BROKE_OFF",
    "BUSY",
    "CORRUPT",
    "DISK_FULL",
    "FENCED",
    "IN_PROGRESS",
    "IO",
    "KEYRING",
    "LOCKED",
    "MOVED_AWAY",
    "NEWER_FORMAT",
    "NOT_EMPTY",
    "NO_BACKUP_FOLDER",
    "NO_ENGINE",
    "OTHER_ENGINE",
    "OTHER_LINEAGE",
    "OWNED",
    "READ_ONLY",
    "TOO_MANY_BACKUPS",
    "TOO_MUCH",
    "UNFINISHED",
    "UNREACHABLE",
];

/// Does what is asked for at the node.
pub(crate) async fn run(link: &mut NodeLink, command: UpkeepCommand) -> Result<Report, Failure> {
    match command {
        UpkeepCommand::Status => asked::<()>(link, Kind::UpkeepStatus, None).await,
        UpkeepCommand::Restart => asked::<()>(link, Kind::NodeRestart, None).await,
        UpkeepCommand::Compact => asked::<()>(link, Kind::UpkeepCompact, None).await,
        UpkeepCommand::Backup(args) => {
            asked(link, Kind::UpkeepBackup, Some(UpkeepBackup { base: args.base })).await
        }
        UpkeepCommand::Verify { backup } => {
            asked(link, Kind::UpkeepVerify, Some(UpkeepVerify { backup })).await
        }
        UpkeepCommand::Restore { backup, preload } => {
            asked(link, Kind::UpkeepRestore, Some(UpkeepRestore { backup, preload })).await
        }
        UpkeepCommand::Move { to } => asked(link, Kind::UpkeepMove, Some(UpkeepMove::Engine(to))).await,
        UpkeepCommand::Leave(args) => {
            asked(link, Kind::UpkeepMove, Some(UpkeepMove::Leave { base: args.base })).await
        }
    }
}

async fn asked<Q: Serialize>(
    link: &mut NodeLink,
    kind: Kind,
    question: Option<Q>,
) -> Result<Report, Failure> {
    let mut talk = link.persist(async |link| link.open(kind).await).await?;
    let answer = async {
        if let Some(question) = question {
            talk.say(&question).await?;
        }
        talk.finish().await?;
        loop {
            match talk.hear().await? {
                UpkeepAnswer::Working(_) => {}
                UpkeepAnswer::Done(report) => break Ok(report),
                UpkeepAnswer::Failed(failure) => break Err(Fault::Final(told(&failure))),
            }
        }
    };
    let report = answer.await.map_err(|fault| match fault {
        Fault::Final(failure) | Fault::Later(_, failure) => failure,
    })?;
    let json = serde_json::from_str(&report.json).map_err(|_| {
        Failure::other("PROTOCOL", "ノードの答えを読み取れません。ノードと端末の版を管理者に確認してください")
    })?;
    Ok(Report { json, text: report.text })
}

/// A node's failure, under a code of the closed set.
fn told(failure: &UpkeepFailure) -> Failure {
    let exit = match failure.exit {
        2 => Exit::Usage,
        3 => Exit::Refused,
        4 => Exit::Unavailable,
        _ => Exit::Other,
    };
    let named = ResultName::ALL.iter().map(|name| name.as_str()).chain(CODES.iter().copied());
    let code = named.into_iter().find(|code| *code == failure.code).unwrap_or("UPKEEP_FAILED");
    let message = match failure.message.is_empty() {
        true => explain(ResultName::NotReady).to_owned(),
        false => failure.message.clone(),
    };
    Failure { exit, code, message }
}
