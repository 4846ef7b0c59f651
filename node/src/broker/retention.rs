//! The end of exchange records and evidence that were kept for as long as they had to be.
//!
//! What must hold: a broker has nobody to vouch for its time. It gives nothing up by a clock under which its certificate or
//! its signed peer list would be over: one that jumps further ends no record, and one that jumps less ends none by more
//! than what these are valid for.

use std::sync::Arc;

use chukei_domain::day::day_of;
use chukei_store::Journal;
use tokio::sync::watch;

use super::Broker;
use super::exchange::{self, ExchangeError};
use crate::config::retention::RetentionSettings;
use crate::retention::{LOOK, before_ms, first_kept, give_up, of_evidence};

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
        if looked != today && broker.trusts_clock(now_ms) && broker.keys.gate.pass().is_ok() {
            looked = today;
            if let Err(error) = turn(&broker, &journal, settings, now_ms).await {
                tracing::warn!(%error, "old records are kept until tomorrow");
            }
        }
        if tokio::time::timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

async fn turn(
    broker: &Broker,
    journal: &Arc<Journal>,
    settings: RetentionSettings,
    now_ms: u64,
) -> Result<(), ExchangeError> {
    let before = before_ms(now_ms, settings.log_days);
    if let Some(first) = first_kept(journal, exchange::OWNER, before).await? {
        broker.exchanges.given_up(&broker.name, first, before, now_ms).await?;
        broker.metrics.log_entries_given_up.inc_by(give_up(journal, exchange::OWNER, first).await?);
    }
    let evidence = of_evidence(journal, before_ms(now_ms, settings.evidence_days)).await?;
    broker.metrics.log_entries_given_up.inc_by(evidence);
    Ok(())
}
