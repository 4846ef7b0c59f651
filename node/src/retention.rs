//! The end of what logs have kept for as long as they had to (番号法23条: seven years; R23): the bodies' logs, the broker's
//! records, and both roles' evidence of permits.
//!
//! What must hold: a node's clock alone ends nothing, a witness must have passed the time as well; a log says that its
//! oldest records go before they go, and numbers never begin anew. An erased body's log goes like any other, and says
//! nothing of it: that would be all there is. Each log is looked at once a day, one after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_relay_client::permit::EVIDENCE_PARTITION;
use chukei_store::{GivenUp, Journal, JournalError};
use chukei_wire::body_code::BodyCode;

use crate::app::Node;
use crate::audit::AuditError;
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

/// The first number that stays of a log of which entries made before `before_ms` are to go; `None` where none is.
pub(crate) async fn first_kept(
    journal: &Arc<Journal>,
    log: &str,
    before_ms: u64,
) -> Result<Option<u64>, JournalError> {
    let looked = beside(journal, log, move |journal, log| {
        let first = journal.first_number(log).0;
        Ok(Some(journal.first_since(log, before_ms)?).filter(|kept| *kept > first))
    });
    looked.await
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
    match first_kept(journal, EVIDENCE_PARTITION, before_ms).await? {
        Some(number) => give_up(journal, EVIDENCE_PARTITION, number).await,
        None => Ok(0),
    }
}

/// Gives up records of a body that are old enough: how many.
async fn of_body(
    journal: &Arc<Journal>,
    body: &HostedBody,
    actor: &str,
    before_ms: u64,
    now_ms: u64,
) -> Result<u64, AuditError> {
    let (code, log) = (body.code(), body.audit());
    let Some(number) = first_kept(journal, code.as_str(), before_ms).await? else { return Ok(0) };
    if !body.is_ended() {
        log.given_up(actor, number, before_ms, now_ms).await?;
    }
    Ok(give_up(journal, code.as_str(), number).await?)
}

/// What was looked at on which day, and how it goes.
struct Looked {
    day: Option<u32>,
    duty: Duty,
}

/// Looks at every log of a node once a day until the node stops.
pub async fn run(node: Arc<Node>, journal: Arc<Journal>, keep: RetentionSettings) {
    let mut looked: HashMap<BodyCode, Looked> = HashMap::new();
    let mut evidence = None;
    while node.sleep(LOOK).await {
        let Some(witnessed_ms) = node.witness.witnessed_ms() else { continue };
        let now_ms = node.clock.now_ms().min(witnessed_ms);
        let today = Some(day_of(now_ms));
        if evidence != today {
            evidence = today;
            match of_evidence(&journal, before_ms(now_ms, keep.evidence_days)).await {
                Ok(entries) => node.metrics.log_entries_given_up.inc_by(entries),
                Err(error) => tracing::warn!(code = error.code(), "old evidence is kept until tomorrow"),
            }
        }
        for body in node.bodies.iter() {
            let new = || Looked { day: None, duty: Duty::new("retention", body.code(), &node.metrics) };
            let looked = looked.entry(body.code()).or_insert_with(new);
            if looked.day == today || (body.gate().pass().is_err() && !body.is_ended()) {
                continue;
            }
            let before_ms = before_ms(now_ms, keep.log_days);
            match of_body(&journal, &body, &node.actor(), before_ms, now_ms).await {
                Ok(entries) => {
                    node.metrics.log_entries_given_up.inc_by(entries);
                    looked.day = today;
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

#[cfg(test)]
mod tests;
