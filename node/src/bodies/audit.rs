//! The body's own log, read again and held against its tree.

use std::sync::Arc;
use std::time::Duration;

use chukei_wire::limits::LOG_CHECKPOINT_MAX;
use chukei_wire::message::audit::{AuditVerifyReply, AuditVerifyRequest, LogFault};
use chukei_wire::result::ResultName;
use tokio::sync::watch;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::audit::{Measure, PERSONS, Unread, Verified};
use crate::bodies::call::{Call, CallError, Done};
use crate::checkpoints::{BadMark, StoredTree};

/// How often a caller who waits hears how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Reads every event of the body again. Whoever sends a question hears meanwhile how far that is.
pub async fn verify(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let asked: Option<AuditVerifyRequest> = call.next().await?;
    let body = grant.scope().body();
    let tree = StoredTree::of(body).await?;
    let mut marks = Vec::new();
    let kept = asked.as_ref().and_then(|asked| asked.checkpoint.as_ref());
    if let Some(checkpoint) = kept {
        let tree = tree.as_ref().ok_or(CallError::NotNow(ResultName::NotReady))?;
        if checkpoint.len() > LOG_CHECKPOINT_MAX {
            return Err(CallError::Refused(ResultName::BadFormat));
        }
        marks.push(tree.mark(checkpoint).map_err(refusal)?);
    }
    if let Some(tree) = &tree {
        marks.extend(tree.witnessed().await?);
    }
    let (head, log) = (tree.as_ref().map(StoredTree::head), body.audit().clone());
    let is_ended = body.is_ended();
    let (told, mut at) = watch::channel((0, log.last_number()));
    let reading = tokio::task::spawn_blocking(move || {
        let tree = tree.map(|tree| (tree.head(), tree));
        let mut told = |done, of| told.send((done, of)).is_ok();
        log.verify_against(Measure { tree, marks: &marks, persons: PERSONS, is_ended, told: &mut told })
    });
    // Where nobody listens any more, dropping `at` calls the work off.
    let verified = match asked {
        Some(_) => meanwhile(call, reading, &mut at).await?,
        None => reading.await,
    };
    let verified = verified.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    let verified = verified.map_err(|_: Unread| CallError::NotNow(ResultName::NotReady))?;
    let witnessed = Some(body.audit().doubts().witnessed()).filter(|size| *size > 0);
    let reply = reply(&verified, head.map(|head| (head.size, head.root)), witnessed);
    if let Some(fault) = reply.reason {
        tracing::error!(
            body = %body.code(), reason = fault.as_str(), first_bad = reply.first_bad, "the log is not whole"
        );
    }
    call.reply(&reply).await?;
    Ok(Done { result: ResultName::Done, count: verified.events })
}

/// Waits for the work, and tells how far it is.
async fn meanwhile<T>(
    call: &mut Call,
    mut reading: tokio::task::JoinHandle<T>,
    at: &mut watch::Receiver<(u64, u64)>,
) -> Result<Result<T, tokio::task::JoinError>, CallError> {
    loop {
        if let Ok(read) = tokio::time::timeout(TELL_EVERY, &mut reading).await {
            return Ok(read);
        }
        let (events, of) = *at.borrow_and_update();
        call.piece(&AuditVerifyReply { events, of: Some(of), ..AuditVerifyReply::default() }).await?;
    }
}

fn reply(verified: &Verified, tree: Option<(u64, [u8; 32])>, witnessed: Option<u64>) -> AuditVerifyReply {
    let bad = match (verified.bad, tree) {
        (None, None) => Some((None, LogFault::TreeDamaged)),
        (bad, _) => bad,
    };
    AuditVerifyReply {
        verified: bad.is_none(),
        events: verified.events,
        first_bad: bad.and_then(|(first, _)| first),
        reason: bad.map(|(_, fault)| fault),
        tree_size: tree.map(|(size, _)| size),
        tree_root: tree.map(|(_, root)| root),
        witnessed,
        expired: Some(verified.expired).filter(|expired| *expired > 0),
        of: None,
    }
}

fn refusal(bad: BadMark) -> CallError {
    CallError::Refused(match bad {
        BadMark::Malformed => ResultName::BadFormat,
        BadMark::Signature => ResultName::BadSignature,
        BadMark::Before => ResultName::Expired,
    })
}
