//! When the node announces its bodies to brokers that know them already.
//!
//! Delegations are renewed long before they end, by the clock that judges them: it may jump. They are shown anew
//! when a body's identity turns, and when the peer list changes, for a broker drops those under an identity that
//! the list no longer names. A renewal that fails is tried again at the next look.
//!
//! What must hold: a broker is told one list at a time, each as it is when its turn comes. Bodies that open at the same moment
//! are all announced by all of them, and an older list that came last would take a body away from everybody. Whoever waits while
//! a list is told that was made after it asked has been told of: a thousand bodies that open at once make two lists, not a thousand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    turns: Mutex<HashMap<String, Turns>>,
}

/// Who tells one broker.
#[derive(Debug, Default)]
struct Turns {
    /// How often a turn was asked for.
    asked: Arc<AtomicU64>,
    last: Arc<tokio::sync::Mutex<Option<Told>>>,
}

/// A list that a broker took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    /// Which connection it was told over: a broker forgets what it was told over another one.
    connection: usize,
    /// So many had asked for a turn before it was made.
    asked: u64,
}

/// The turn in which a broker is told; nobody else tells it meanwhile.
#[derive(Debug)]
pub(super) struct Telling {
    last: OwnedMutexGuard<Option<Told>>,
    this: Told,
}

impl Telling {
    /// The broker took the list, which was made in this turn.
    pub(super) fn done(mut self) {
        *self.last = Some(self.this);
    }
}

impl Announcements {
    /// Wants one after `wait`, or when an earlier one was wanted.
    pub fn want(&self, wait: Duration) {
        let at = Instant::now() + wait;
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = Some(due.map_or(at, |due| due.min(at)));
    }

    /// Until nobody else is telling this broker, which takes a bounded time; `None` where it was told meanwhile, over this
    /// connection, of all that there was when this was called.
    pub(super) async fn turn(&self, broker: &str, connection: usize) -> Option<Telling> {
        let (asked, last) = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let turns = turns.entry(broker.to_owned()).or_default();
            (Arc::clone(&turns.asked), Arc::clone(&turns.last))
        };
        let own = asked.fetch_add(1, Ordering::AcqRel) + 1;
        let last = last.lock_owned().await;
        if last.is_some_and(|told| told.connection == connection && told.asked >= own) {
            return None;
        }
        let this = Told { connection, asked: asked.load(Ordering::Acquire) };
        Some(Telling { last, this })
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
        let telling = announcements.turn("broker-a", 1).await.unwrap();
        assert!(announcements.turn("broker-b", 2).await.is_some());
        let mut next = std::pin::pin!(announcements.turn("broker-a", 1));
        assert!(waits(next.as_mut()).await);
        // Its list was made before the next one asked.
        telling.done();
        assert!(next.await.is_some());
    }

    #[tokio::test]
    async fn whoever_waits_while_a_later_list_is_told_has_been_told_of() {
        let announcements = Announcements::default();
        let turn = |connection| announcements.turn("broker-a", connection);
        for (connection, taken) in [(1, true), (1, false), (2, true)] {
            let first = turn(1).await.unwrap();
            let mut second = std::pin::pin!(turn(connection));
            let mut third = std::pin::pin!(turn(1));
            assert!(waits(second.as_mut()).await && waits(third.as_mut()).await);
            first.done();
            let telling = second.await.unwrap();
            match taken {
                true => telling.done(),
                false => drop(telling),
            }
            let covered = taken && connection == 1;
            assert_eq!(third.await.is_none(), covered, "over {connection}, taken {taken}");
            assert!(turn(1).await.is_some(), "who asks afterwards may have a body more");
        }
    }

    async fn waits(turn: impl Future<Output = Option<Telling>>) -> bool {
        tokio::time::timeout(Duration::ZERO, turn).await.is_err()
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
