//! The end of what logs have kept for as long as they had to (番号法23条: seven years; R23): the bodies' logs, the broker's
//! records, and both roles' evidence of permits.
//!
//! What must hold: a node's clock alone ends nothing, a witness must have passed the time as well. Records end with their
//! key, at the turn of the day (`expiry`); what is left of them is given up behind that, and a log says so before they go.
//! Their leaves stay: nothing is given up that the stored tree does not have, and numbers never begin anew. An erased
//! body's log goes like any other, and says nothing of it: that would be all there is. Each log is looked at once a day,
//! one after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::seal::Purpose;
use chukei_domain::day::day_of;
use chukei_keys::KeyfileError;
use chukei_relay_client::permit::EVIDENCE_PARTITION;
use chukei_store::{GivenUp, Journal, JournalError};
use chukei_wire::body_code::BodyCode;

use crate::app::Node;
use crate::audit::{AuditError, SealedLog};
use crate::config::retention::RetentionSettings;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;

/// How often it is looked whether a day has begun, or a body was opened.
pub(crate) const LOOK: Duration = Duration::from_secs(2);
/// Pause between two logs.
const PAUSE: Duration = Duration::from_millis(100);
const DAY_MS: u64 = 86_400_000;

/// The moment before which entries are older than `days`, Unix milliseconds.
pub(crate) fn before_ms(now_ms: u64, days: u32) -> u64 {
    now_ms.saturating_sub(u64::from(days) * DAY_MS)
}

/// Why what is over of a log was not given up.
#[derive(Debug, thiserror::Error)]
enum RetentionError {
    #[error("log: {0}")]
    Audit(#[from] AuditError),
    #[error("keys: {0}")]
    Keys(#[from] KeyfileError),
}

impl From<JournalError> for RetentionError {
    fn from(error: JournalError) -> Self {
        Self::Audit(error.into())
    }
}

/// The first number that stays of records of which others are over; `None` where none is. Keys of days before `ending` are
/// about to go; 0 where those that go are gone.
pub(crate) async fn first_kept(
    records: &SealedLog,
    ending: u32,
    now_ms: u64,
) -> Result<Option<u64>, JournalError> {
    let records = records.clone();
    let looked = tokio::task::spawn_blocking(move || records.first_kept(ending, now_ms));
    looked.await.unwrap_or(Err(JournalError::Failed))
}

/// Gives up a log's entries before `number`: how many.
pub(crate) async fn give_up(journal: &Arc<Journal>, log: &str, number: u64) -> Result<u64, JournalError> {
    let given_up = beside(journal, log, move |journal, log| {
        let first = journal.first_number(log).0;
        journal.forget_before(log, number, GivenUp::Retention)?;
        Ok(number.saturating_sub(first))
    });
    given_up.await
}

/// On a thread that may wait for files.
async fn beside<T: Send + 'static>(
    journal: &Arc<Journal>,
    log: &str,
    work: impl FnOnce(&Journal, &str) -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    let (journal, log) = (journal.clone(), log.to_owned());
    tokio::task::spawn_blocking(move || work(&journal, &log)).await.unwrap_or(Err(JournalError::Failed))
}

/// Gives up evidence of permits that is old enough, which nobody's log tells: how many entries.
pub(crate) async fn of_evidence(journal: &Arc<Journal>, before_ms: u64) -> Result<u64, JournalError> {
    let looked = beside(journal, EVIDENCE_PARTITION, move |journal, log| journal.first_since(log, before_ms));
    let kept = looked.await?;
    if kept > journal.first_number(EVIDENCE_PARTITION).0 {
        return give_up(journal, EVIDENCE_PARTITION, kept).await;
    }
    Ok(0)
}

/// Gives up records of a body that are over: how many, and whether that was all.
async fn of_body(
    journal: &Arc<Journal>,
    body: &Arc<HostedBody>,
    actor: &str,
    keep: u32,
    now_ms: u64,
) -> Result<(u64, bool), RetentionError> {
    let (code, log) = (body.code(), body.audit());
    if body.is_ended() {
        end_days(body, day_of(now_ms), keep).await?;
    }
    let Some(over) = first_kept(log.records(), 0, now_ms).await? else { return Ok((0, true)) };
    let Some(number) = in_tree(body, over).filter(|number| *number > journal.first_number(code.as_str()).0)
    else {
        return Ok((0, false));
    };
    if !body.is_ended() {
        log.given_up(actor, number, log.records().before_ms(now_ms), now_ms).await?;
    }
    Ok((give_up(journal, code.as_str(), number).await?, number == over))
}

/// As far as the stored tree has the leaves; an erased body has no tree any more.
fn in_tree(body: &HostedBody, over: u64) -> Option<u64> {
    if body.is_ended() {
        return Some(over);
    }
    let tree = body.audit().tree();
    let known = tree.stored_leaves()? + 1;
    if known < over {
        tree.ask_to_store();
    }
    Some(over.min(known))
}

/// Ends the keys of an erased body's records, which no turn of the day does: they are the last that it has.
async fn end_days(body: &Arc<HostedBody>, today: u32, keep: u32) -> Result<(), KeyfileError> {
    if body.keyring().snapshot().days(Purpose::Audit).first().is_none_or(|day| *day >= today) {
        return Ok(());
    }
    let body = body.clone();
    let ended = tokio::task::spawn_blocking(move || {
        body.keyring().destroy_days_before(today)?;
        body.keyring().turn_epoch(today, keep).map(drop)
    });
    ended.await.unwrap_or_else(|error| Err(KeyfileError::Io(std::io::Error::other(error))))
}

/// What was looked at on which day, and how it goes.
struct Looked {
    day: Option<u32>,
    duty: Duty,
}

/// Looks at every log of a node once a day until the node stops.
pub async fn run(node: Arc<Node>, journal: Arc<Journal>, settings: RetentionSettings) {
    let mut looked: HashMap<BodyCode, Looked> = HashMap::new();
    let mut evidence = None;
    while node.sleep(LOOK).await {
        let Some(witnessed_ms) = node.witness.witnessed_ms() else { continue };
        let now_ms = node.clock.now_ms().min(witnessed_ms);
        let today = Some(day_of(now_ms));
        if evidence != today {
            evidence = today;
            match of_evidence(&journal, before_ms(now_ms, settings.evidence_days)).await {
                Ok(entries) => node.metrics.log_entries_given_up.inc_by(entries),
                Err(error) => tracing::warn!(code = error.code(), "old evidence is kept until tomorrow"),
            }
        }
        for body in node.bodies.iter() {
            let new = || Looked { day: None, duty: Duty::new("retention", body.code(), &node.metrics) };
            let looked = looked.entry(body.code()).or_insert_with(new);
            if looked.day == today || !has_turned(&body, today) {
                continue;
            }
            match of_body(&journal, &body, &node.actor(), node.epochs_kept, now_ms).await {
                Ok((entries, whole)) => {
                    node.metrics.log_entries_given_up.inc_by(entries);
                    // The rest is looked at again once the tree is stored.
                    looked.day = if whole { today } else { looked.day };
                    looked.duty.done();
                }
                Err(error) => drop(looked.duty.failed(&error)),
            }
            if !node.sleep(PAUSE).await {
                return;
            }
        }
    }
}

/// Whether the keys of what is over are gone: a body turns its day first.
fn has_turned(body: &HostedBody, today: Option<u32>) -> bool {
    body.is_ended() || (body.gate().pass().is_ok() && Some(body.keys().first_day()) >= today)
}

#[cfg(test)]
mod tests;
