//! The end of exchange records and evidence that were kept for as long as they had to be.
//!
//! What must hold: records end with their key, and what is left of them behind that; each end is told of before it. Nothing
//! ends before the index has every record: what bodies hide is known from it alone, and one that is being made anew would
//! leave out what is about to go (R50). A broker has nobody to vouch for its time. It gives nothing up by a clock under which its certificate or
//! its signed peer list would be over: one that jumps further ends no record, and one that jumps less ends none by more
//! than what these are valid for.

use std::sync::Arc;
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_keys::KeyfileError;
use chukei_store::{Journal, JournalError};
use tokio::sync::watch;

use super::Broker;
use super::exchange::{self, ExchangeError};
use super::index::IndexError;
use crate::config::retention::RetentionSettings;
use crate::retention::{LOOK, before_ms, first_kept, give_up, of_evidence};
use crate::rotation::purpose_name;

/// How long the index is waited for; it is tried again at the next look.
const WHOLE_WITHIN: Duration = Duration::from_secs(2);

/// Looks once a day until `stop` changes to true.
pub(super) async fn keep(
    broker: Arc<Broker>,
    journal: Arc<Journal>,
    settings: RetentionSettings,
    mut stop: watch::Receiver<bool>,
) {
    let mut looked = None;
    loop {
        let now_ms = broker.clock.now_ms();
        let today = Some(day_of(now_ms));
        let can = broker.trusts_clock(now_ms) && broker.keys.gate.pass().is_ok() && broker.index.is_open();
        if looked != today && can {
            match turn(&broker, &journal, settings, now_ms).await {
                Err(error) if error.passes() => {
                    tracing::info!(%error, "old records are kept until their index is whole");
                }
                Err(error) => {
                    looked = today;
                    tracing::warn!(%error, "old records are kept until tomorrow");
                }
                Ok(()) => looked = today,
            }
        }
        if tokio::time::timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Ends the keys of records that are over, each told of before, and makes those of the months ahead.
async fn end_days(broker: &Broker, now_ms: u64) -> Result<(), ExchangeError> {
    let (file, today) = (broker.keys.file.clone(), day_of(now_ms));
    for (purpose, day) in file.snapshot().days_before(today) {
        broker.exchanges.erased(&broker.name, purpose_name(purpose), day, now_ms).await?;
    }
    let records = broker.exchanges.records().clone();
    let ended = tokio::task::spawn_blocking(move || {
        let gone = file.destroy_days_before(today)?;
        records.prepare(now_ms)?;
        Ok(gone)
    });
    let ended = ended.await.unwrap_or_else(|error| Err(KeyfileError::Io(std::io::Error::other(error))))?;
    for (purpose, day) in ended {
        tracing::info!(purpose = purpose_name(purpose), day, "day key destroyed");
    }
    Ok(())
}

async fn turn(
    broker: &Broker,
    journal: &Arc<Journal>,
    settings: RetentionSettings,
    now_ms: u64,
) -> Result<(), RetentionError> {
    let evidence_before = before_ms(now_ms, settings.evidence_days);
    let records = broker.exchanges.records();
    // What a body hides is recorded anew before the keys of these go.
    let over = first_kept(records, day_of(now_ms), now_ms).await?;
    if let Some(first) = over {
        broker.index.upto(records.last_number(), WHOLE_WITHIN).await?;
        keep_marks(broker, first, now_ms).await?;
    }
    end_days(broker, now_ms).await?;
    if let Some(first) = over {
        broker.exchanges.given_up(&broker.name, first, records.before_ms(now_ms), now_ms).await?;
        broker.metrics.log_entries_given_up.inc_by(give_up(journal, exchange::OWNER, first).await?);
    }
    let evidence = of_evidence(journal, evidence_before).await?;
    broker.metrics.log_entries_given_up.inc_by(evidence);
    let first = journal.first_number(exchange::OWNER).0;
    Ok(broker.index.forget(first, evidence_before).await?)
}

/// What bodies hide stays hidden however long ago they said so: it is recorded anew before the record of it goes.
async fn keep_marks(broker: &Broker, first: u64, now_ms: u64) -> Result<(), RetentionError> {
    for mark in broker.index.marks_before(first).await? {
        broker.exchanges.hidden_still(&broker.name, &mark, now_ms).await?;
    }
    Ok(())
}

/// Why a day's retention is to be tried again.
#[derive(Debug, thiserror::Error)]
enum RetentionError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl RetentionError {
    /// Whether it passes within the day: the index is on its way.
    fn passes(&self) -> bool {
        matches!(self, Self::Index(IndexError::Behind | IndexError::Closed))
    }
}
