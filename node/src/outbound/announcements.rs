//! When the node announces its bodies to brokers that know them already.
//!
//! Delegations are renewed long before they end, by the clock that judges them: it may jump. They are shown anew
//! when a body's identity turns, and when the peer list changes, for a broker drops those under an identity that
//! the list no longer names. A renewal that fails is tried again at the next look.
//!
//! What must hold: a broker is told one list at a time, each as it is when its turn comes. Bodies that open at the same moment
//! are all announced by all of them, and an older list that came last would take a body away from everybody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::app::Node;
use crate::outbound::announce::announce;

/// How often it is looked whether an announcement is due.
const LOOK: Duration = Duration::from_millis(200);
/// Time between announcements without another reason: what a broker missed, it learns so.
const EVERY_MS: u64 = 600_000;

/// The next announcement that there is a reason for.
#[derive(Debug, Default)]
pub struct Announcements {
    due: Mutex<Option<Instant>>,
    /// Whether a broker may know of a body here.
    begun: AtomicBool,
    /// By brokers' names.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Announcements {
    /// Wants one after `wait`, or when an earlier one was wanted.
    pub fn want(&self, wait: Duration) {
        let at = Instant::now() + wait;
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = Some(due.map_or(at, |due| due.min(at)));
    }

    /// Until nobody else is telling this broker. Whoever is takes a bounded time.
    pub(super) async fn turn(&self, broker: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(broker.to_owned()).or_default())
        };
        turn.lock_owned().await
    }

    /// Notes that a body is announced.
    pub(super) fn are(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Whether a body was ever announced.
    pub(super) fn have_been(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether one is due; it is then no longer wanted.
    fn take(&self) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.take_if(|at| *at <= Instant::now()).is_some()
    }
}

/// Announces again and again, until the node stops.
pub async fn run(node: Arc<Node>) {
    let next = |now_ms: u64| now_ms.saturating_add(EVERY_MS);
    let mut due_ms = next(node.clock.now_ms());
    while node.sleep(LOOK).await {
        let now_ms = node.clock.now_ms();
        if node.announcements.take() || now_ms >= due_ms {
            due_ms = if everywhere(&node).await { next(now_ms) } else { now_ms };
        }
    }
}

async fn everywhere(node: &Node) -> bool {
    let mut done = true;
    for broker in node.brokers() {
        if let Err(error) = announce(node, &broker).await {
            tracing::warn!(broker = broker.identity().name(), %error, "not announced anew");
            done = false;
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broker_is_told_one_list_at_a_time_and_no_other_waits_for_it() {
        let announcements = Announcements::default();
        let telling = announcements.turn("broker-a").await;
        drop(announcements.turn("broker-b").await);
        let mut next = std::pin::pin!(announcements.turn("broker-a"));
        let waits = tokio::time::timeout(Duration::ZERO, next.as_mut()).await;
        assert!(waits.is_err());
        drop(telling);
        drop(next.await);
    }

    #[test]
    fn the_earliest_reason_counts_and_once() {
        let announcements = Announcements::default();
        assert!(!announcements.take());
        announcements.want(Duration::from_secs(3600));
        assert!(!announcements.take());
        announcements.want(Duration::ZERO);
        announcements.want(Duration::from_secs(3600));
        assert!(announcements.take() && !announcements.take());
    }
}
