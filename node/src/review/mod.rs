//! The review queue of each body (R7): what was decided is looked at for unusual patterns, and what is found waits,
//! durable, for a reviewer's word.
//!
//! What must hold: nothing here is waited for by the operation that is looked at, and a queue that is full stops none.
//! An item is durable, and in the body's log, within a second of its operation while store and journal take writes;
//! further operations of an open item are counted in memory and durable within ten seconds. A crash loses no more than
//! that of the queue, and nothing of the log, which had its event before the operation was done. Deliberately absent:
//! persons whose data it was about.

mod duty;
mod observed;
mod rows;
mod sign;

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_domain::review::{Item, Limits, Merged, Observation, Queue, Watch};
use chukei_store::Batch;
use tokio::sync::Notify;

use crate::audit::AuditError;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

pub use duty::{run, settle_all, show};
pub use observed::watch;
pub use sign::SignError;

/// Items written in one batch.
const BATCH: usize = 200;

/// Why the queue is not as durable as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The rows could not be read or written.
    #[error("data: {0}")]
    Row(#[from] RowError),
    /// The log could not be written.
    #[error("log: {0}")]
    Audit(#[from] AuditError),
}

#[derive(Default)]
struct State {
    watch: Watch,
    queue: Queue,
    /// The last number that is durable as given.
    last_written: u64,
}

/// One body's queue.
#[derive(Default)]
pub struct Reviews {
    state: Mutex<State>,
    /// Held while rows are written: they are written in one order.
    writing: tokio::sync::Mutex<()>,
    wake: Notify,
}

impl Reviews {
    /// Looks at one operation; tells how many items it would have opened had there been room.
    pub(crate) fn observe(&self, limits: &Limits, seen: &Observation<'_>) -> u64 {
        let mut state = self.state();
        let State { watch, queue, .. } = &mut *state;
        let mut dropped = 0;
        for rule in watch.look(limits, seen).iter() {
            match queue.add(rule, seen) {
                Merged::Opened(number) => {
                    tracing::info!(rule = rule.as_str(), number, "a review item is opened");
                    self.wake.notify_one();
                }
                Merged::Added(_) => {}
                Merged::Dropped(_) => {
                    dropped += 1;
                    self.wake.notify_one();
                }
            }
        }
        dropped
    }

    /// Open items, and of these the overdue ones.
    pub(crate) fn counts(&self, days: u32, now_ms: u64) -> [usize; 2] {
        let state = self.state();
        [state.queue.len(), state.queue.overdue(days, now_ms)]
    }

    /// Open items with numbers beyond `after`, that `wanted` says yes to.
    pub(crate) fn open_items(&self, after: u64, most: usize, wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
        self.state().queue.items(after).filter(|item| wanted(item)).take(most).cloned().collect()
    }

    /// The open item of this number.
    pub(crate) fn open_item(&self, number: u64) -> Option<Item> {
        self.state().queue.item(number).cloned()
    }

    /// Writes what is not durable yet, and tells the log of items that it does not know.
    pub(crate) async fn settle(
        &self,
        body: &HostedBody,
        actor: &str,
        now_ms: u64,
    ) -> Result<(), ReviewError> {
        let _writing = self.writing.lock().await;
        loop {
            let (items, last, head) = {
                let state = self.state();
                let last = state.queue.last_number();
                (state.queue.unwritten_items(BATCH), last, last > state.last_written)
            };
            if items.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new();
            for (item, _) in &items {
                batch = rows::put_open(body, batch, item).await?;
            }
            if head {
                batch = rows::put_last(body, batch, last).await?;
            }
            body.apply(batch).await?;
            let untold: Vec<&Item> = {
                let mut state = self.state();
                state.last_written = state.last_written.max(last);
                items.iter().for_each(|(item, revision)| state.queue.written(item.number, *revision));
                items.iter().map(|(item, _)| item).filter(|item| !item.told).collect()
            };
            for item in untold {
                body.audit().review_opened(actor, item, now_ms).await?;
                self.state().queue.told(item.number);
            }
            if items.len() < BATCH && !self.state().queue.is_urgent() {
                return Ok(());
            }
        }
    }

    /// Nothing in here is left half done by a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
