//! The bounded queue between many callers and the one thread that makes their work durable.
//!
//! The thread takes everything that waits in one piece, so that all of it shares one fsync. A full queue says so
//! at once: nobody waits to be queued (R40). A task in the thread's place waits in the same way, [`TaskQueue`].
//!
//! An item says how long it may wait for others to share its fsync: none is waited for longer than the least patient of
//! them says.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// So many items share an fsync that waiting for more would save nothing.
const ENOUGH: usize = 256;

/// How much may wait, and how much is taken at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    /// Items that may wait.
    pub(crate) items: usize,
    /// Bytes that may wait; an item that is larger alone still passes through an empty queue.
    pub(crate) bytes: usize,
    /// Items taken together at most.
    pub(crate) group_items: usize,
    /// Bytes taken together at most, but always one item.
    pub(crate) group_bytes: usize,
}

/// Why an item was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushError {
    Full,
    Closed,
}

pub(crate) struct CommitQueue<T> {
    limits: QueueLimits,
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
    /// When what is queued is to be taken at the latest.
    due: Due,
    /// What whoever said so may wait: who comes later and waits as long needs no clock to be later.
    patience: Duration,
}

/// The sooner, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Now,
    At(Instant),
}

impl Due {
    fn within(slack: Duration) -> Self {
        if slack.is_zero() { Self::Now } else { Self::At(Instant::now() + slack) }
    }
}

/// What there is to be done about a group.
enum Next {
    Take,
    /// Nothing is due before then; never, where nothing is queued.
    Wait(Option<Instant>),
    End,
}

impl<T> State<T> {
    /// What is queued is taken within `slack`, if not sooner anyway; whether it was not.
    fn hurry(&mut self, slack: Duration) -> bool {
        if !self.items.is_empty() && (self.due == Due::Now || slack >= self.patience) {
            return false;
        }
        let due = Due::within(slack);
        let sooner = self.items.is_empty() || due < self.due;
        if sooner {
            (self.due, self.patience) = (due, slack);
        }
        sooner
    }

    fn next(&self) -> Next {
        match (self.items.is_empty(), self.closed, self.due) {
            (true, true, _) => Next::End,
            (true, false, _) => Next::Wait(None),
            (false, false, Due::At(at)) if at > Instant::now() => Next::Wait(Some(at)),
            (false, ..) => Next::Take,
        }
    }
}

impl<T> CommitQueue<T> {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
            due: Due::Now,
            patience: Duration::ZERO,
        };
        Self { limits, state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Queues `item`, which counts as `bytes`.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), PushError> {
        self.push_within(item, bytes, Duration::ZERO).map(drop)
    }

    /// As [`Self::push`], of an item that may wait for others for `slack`. Whether it is to be taken sooner than what was
    /// queued before: only then is the thread woken, which is a system call.
    pub(crate) fn push_within(&self, item: T, bytes: usize, slack: Duration) -> Result<bool, PushError> {
        let mut state = self.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if self.full(&state, bytes) {
            return Err(PushError::Full);
        }
        state.bytes += bytes;
        let enough = ENOUGH.min(self.limits.items / 2);
        let crowded = state.bytes > self.limits.bytes / 2 || state.items.len() + 1 >= enough;
        let slack = if crowded { Duration::ZERO } else { slack };
        let sooner = state.hurry(slack);
        state.items.push_back((item, bytes));
        drop(state);
        if sooner {
            self.ready.notify_one();
        }
        Ok(sooner)
    }

    /// Waits until something is due and moves a group of what is queued into `group`; `false` once the queue is closed and
    /// empty.
    pub(crate) fn take_group(&self, group: &mut Vec<T>) -> bool {
        let mut state = self.lock();
        loop {
            state = match state.next() {
                Next::Take => break,
                Next::End => return false,
                Next::Wait(None) => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Next::Wait(Some(at)) => {
                    let waited = self.ready.wait_timeout(state, at.saturating_duration_since(Instant::now()));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        self.fill(&mut state, group);
        true
    }

    /// Moves a group of what is queued into `group`, due or not; nothing if nothing is.
    pub(crate) fn take_ready(&self, group: &mut Vec<T>) {
        self.fill(&mut self.lock(), group);
    }

    /// As [`Self::take_group`], where that need not wait.
    fn take_due(&self, group: &mut Vec<T>) -> Next {
        let mut state = self.lock();
        let next = state.next();
        if matches!(next, Next::Take) {
            self.fill(&mut state, group);
        }
        next
    }

    fn fill(&self, state: &mut State<T>, group: &mut Vec<T>) {
        let mut taken = 0usize;
        while group.len() < self.limits.group_items {
            let Some((_, bytes)) = state.items.front() else { break };
            if !group.is_empty() && taken + bytes > self.limits.group_bytes {
                break;
            }
            let Some((item, bytes)) = state.items.pop_front() else { break };
            state.bytes -= bytes;
            taken += bytes;
            group.push(item);
        }
        // What did not fit has waited enough.
        state.due = Due::Now;
    }

    /// Lets go of memory that a burst has left behind.
    pub(crate) fn shrink(&self) {
        self.lock().items.shrink_to_fit();
    }

    /// Moves everything that waits into `group`, without waiting for more.
    pub(crate) fn take_waiting(&self, group: &mut Vec<T>) {
        let mut state = self.lock();
        state.bytes = 0;
        group.extend(state.items.drain(..).map(|(item, _)| item));
    }

    /// Whether not even an empty item would be taken now.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.lock();
        self.full(&state, 0)
    }

    /// Items that wait now.
    pub(crate) fn depth(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether no more items are taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes no more items; what is queued is still taken out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn full(&self, state: &State<T>, bytes: usize) -> bool {
        let over_bytes = state.bytes.saturating_add(bytes) > self.limits.bytes && !state.items.is_empty();
        state.items.len() >= self.limits.items || over_bytes
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue in front of a task, which must not wait as a thread does.
pub(crate) struct TaskQueue<T> {
    queue: CommitQueue<T>,
    changed: Notify,
}

impl<T> TaskQueue<T> {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self { queue: CommitQueue::new(limits), changed: Notify::new() }
    }

    /// As [`CommitQueue::push`].
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), PushError> {
        self.push_within(item, bytes, Duration::ZERO)
    }

    /// As [`CommitQueue::push_within`].
    pub(crate) fn push_within(&self, item: T, bytes: usize, slack: Duration) -> Result<(), PushError> {
        if self.queue.push_within(item, bytes, slack)? {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// As [`CommitQueue::take_group`], for the one task that serves the queue.
    pub(crate) async fn take_group(&self, group: &mut Vec<T>) -> bool {
        loop {
            match self.queue.take_due(group) {
                Next::Take => return true,
                Next::End => return false,
                Next::Wait(None) => self.changed.notified().await,
                Next::Wait(Some(at)) => {
                    drop(tokio::time::timeout_at(at.into(), self.changed.notified()).await)
                }
            }
        }
    }

    /// As [`CommitQueue::close`].
    pub(crate) fn close(&self) {
        self.queue.close();
        self.changed.notify_one();
    }
}

impl<T> std::ops::Deref for TaskQueue<T> {
    type Target = CommitQueue<T>;

    fn deref(&self) -> &CommitQueue<T> {
        &self.queue
    }
}

#[cfg(test)]
mod tests;
