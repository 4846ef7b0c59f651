//! Turns: places under one shared semaphore, given to waiting bodies in the order that `queue` finds.
//!
//! What must hold: a turn is given back when it is dropped, and so is one whose waiter has gone away meanwhile; whoever
//! stops waiting leaves the queue at once, so that it never holds more than may wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::queue::{FlowId, Queue};

/// The one semaphore of a role, and who waits for it.
pub(super) struct Fair {
    shared: Arc<Semaphore>,
    queue: Mutex<Queue<oneshot::Sender<Turn>>>,
}

impl Fair {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { shared: Arc::new(Semaphore::new(limit)), queue: Mutex::new(Queue::new()) })
    }

    /// A body's place in the queue.
    pub(super) fn add_flow(&self, weight: u32, limit: usize) -> FlowId {
        self.queue().add_flow(weight, limit)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting()
    }

    /// Waits for a turn that uses `cost` of the body's share.
    pub(super) fn take(self: &Arc<Self>, flow: FlowId, cost: u32) -> Waiting {
        let (sender, turn) = oneshot::channel();
        let id = self.queue().push(flow, cost, sender);
        self.give();
        Waiting { fair: self.clone(), flow, id, turn }
    }

    /// Gives every place that is free.
    fn give(self: &Arc<Self>) {
        while let Some((waiter, turn)) = self.next() {
            // Where the waiter is gone, the turn comes back and is given again.
            let _ = waiter.send(turn);
        }
    }

    fn next(self: &Arc<Self>) -> Option<(oneshot::Sender<Turn>, Turn)> {
        let mut queue = self.queue();
        if !queue.has_next() {
            return None;
        }
        let place = self.shared.clone().try_acquire_owned().ok()?;
        let (flow, waiter) = queue.next()?;
        Some((waiter, Turn { fair: self.clone(), flow, place: Some(place) }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue<oneshot::Sender<Turn>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place under the role's limit and the body's own, for as long as it is kept.
#[must_use = "a turn that is dropped is over"]
pub struct Turn {
    fair: Arc<Fair>,
    flow: FlowId,
    place: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("flow", &self.flow).finish_non_exhaustive()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.place.take());
        self.fair.queue().done(self.flow);
        self.fair.give();
    }
}

/// Somebody who waits for a turn.
pub(super) struct Waiting {
    fair: Arc<Fair>,
    flow: FlowId,
    id: u64,
    turn: oneshot::Receiver<Turn>,
}

/// The queue is gone, which it never is while somebody waits in it.
#[derive(Debug, thiserror::Error)]
#[error("no turn")]
pub(super) struct NoTurn;

impl Future for Waiting {
    type Output = Result<Turn, NoTurn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.turn).poll(context).map_err(|_| NoTurn)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.fair.queue().cancel(self.flow, self.id);
    }
}
