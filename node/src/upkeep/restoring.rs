//! `upkeep-restore` and `upkeep-move`: a body's rows come back, go to another engine, or leave this node.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chukei_wire::body_code::BodyCode;
use chukei_wire::message::upkeep::{UpkeepMove, UpkeepRestore};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::access::decision::circumstances;
use crate::app::Node;
use crate::audit::{By, CallTold};
use crate::backup::outcome::{Failure, Report};
use crate::backup::{control, moving, restore};
use crate::bodies::call::{Call, CallError, Done};
use crate::upkeep::desk::Turn;
use crate::upkeep::folder::{name_of, no_such};
use crate::upkeep::{UpkeepGrant, answer};

/// How long the body that was restored is waited for, so that its log tells by whom.
const OPENED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Puts the rows and the log of the scope's body back, where it has none.
pub(super) async fn restore(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let asked: UpkeepRestore = call.request().await?;
    let begun = (|| {
        let code = grant.scope().hosted()?;
        let desk = node.desk()?;
        let path = desk.backups()?.existing(code, &asked.backup)?;
        Ok((desk.turn(code)?, code, path))
    })();
    let (own, actor, header) = (node.clone(), grant.scope().actor().to_owned(), call.header.clone());
    let why = grant.inquiry().map(|inquiry| circumstances(&inquiry)).unwrap_or_default();
    match begun {
        Ok((turn, code, path)) => {
            let work = async move |_| {
                let _turn = turn;
                let report = restored(&own, code, path, asked.preload).await?;
                if !asked.preload {
                    tokio::spawn(async move {
                        tell_when_open(&own, code, CallTold { actor: &actor, header: &header, why: &why })
                            .await
                    });
                }
                Ok(report)
            };
            answer::carry_out(node, call, work).await
        }
        Err(failure) => answer::end(call, Err(failure)).await,
    }
}

async fn restored(node: &Node, code: BodyCode, from: PathBuf, preload: bool) -> Result<Report, Failure> {
    let desk = node.desk()?;
    let asked = restore::Restore { body: code, from: &from, identity: None, preload, show: false };
    match control::restore_closed(node, &desk.config, &desk.home, asked).await {
        // Somebody renamed it: whose it is concerns nobody here.
        Err(failure) if failure.code == "OTHER_BODY" => Err(no_such()),
        outcome => outcome,
    }
}

/// The log that came back had no place for this act when it was decided: it tells of it as soon as it is open.
async fn tell_when_open(node: &Node, code: BodyCode, told: CallTold<'_>) {
    let deadline = Instant::now() + OPENED_WITHIN;
    while Instant::now() < deadline && !node.is_draining() {
        if let Some(log) = node.bodies.log_of(code) {
            log.call_ended(told, ResultName::Done, 1, node.clock.now_ms());
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tracing::warn!(body = %code, by = told.actor, "restored, and not open yet: its log does not tell by whom");
}

/// Moves the rows of the scope's body while it is served.
pub(super) async fn move_rows(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let asked: UpkeepMove = call.request().await?;
    let begun = (|| {
        let code = grant.scope().sealed()?.code();
        let desk = node.desk()?;
        let to = match asked {
            UpkeepMove::Engine(name) => Move::Engine(name),
            UpkeepMove::Leave { base } => {
                let folder = desk.backups()?;
                let base = base.map(|base| folder.existing(code, &base)).transpose()?;
                Move::Leave { base, out: folder.fresh(code, node.clock.now_ms())? }
            }
        };
        Ok((desk.turn(code)?, code, to))
    })();
    let (own, actor, id) = (node.clone(), grant.scope().actor().to_owned(), call.header.request_id);
    match begun {
        Ok((turn, code, to)) => {
            let work = |progress: answer::Progress| async move {
                let by = By::call(&actor, id);
                moved(&own, turn, code, to, by, &move |records| progress.at(records)).await
            };
            answer::carry_out(node, call, work).await
        }
        Err(failure) => answer::end(call, Err(failure)).await,
    }
}

enum Move {
    Engine(String),
    Leave { base: Option<PathBuf>, out: PathBuf },
}

async fn moved(
    node: &Node,
    _turn: Turn,
    code: BodyCode,
    to: Move,
    by: By<'_>,
    copied: &(dyn Fn(u64) + Send + Sync),
) -> Result<Report, Failure> {
    match to {
        Move::Engine(name) => {
            let engine = control::engine(&name)?;
            moving::to_engine(node, &node.desk()?.home, code, engine, by, copied).await
        }
        Move::Leave { base, out } => {
            let mut report = moving::leave(node, code, &out, base.as_deref()).await?;
            // Callers know names and no paths.
            let name = name_of(&out);
            report.text =
                format!("body {code} has left this node; its last image is {name} in the folder of backups");
            if let Some(backup) = report.json.get_mut("backup") {
                *backup = name.into();
            }
            Ok(report)
        }
    }
}
