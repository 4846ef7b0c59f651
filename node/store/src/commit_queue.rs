//! The bounded queue between many callers and the one thread that makes their work durable.
//!
//! The thread takes everything that waits in one piece, so that all of it shares one fsync. A full queue says so
//! at once: nobody waits to be queued (R40). A task in the thread's place waits in the same way, [`TaskQueue`].
//!
//! Where several came together, whoever is ready to run goes first before the next are taken: on a busy machine they come
//! too, and one fsync is for more of them; on an idle one nobody is ready, and nothing is waited for.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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
    /// Whether the last group was of more than one.
    shared: bool,
}

impl<T> CommitQueue<T> {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, closed: false, shared: false };
        Self { limits, state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Queues `item`, which counts as `bytes`.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), PushError> {
        let mut state = self.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if self.full(&state, bytes) {
            return Err(PushError::Full);
        }
        // The thread waits only while nothing is queued: whoever comes later need not wake it, which is a system call.
        let may_wait = state.items.is_empty();
        state.items.push_back((item, bytes));
        state.bytes += bytes;
        drop(state);
        if may_wait {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits until something is queued and moves a group of it into `group`; `false` once the queue is closed and
    /// empty.
    pub(crate) fn take_group(&self, group: &mut Vec<T>) -> bool {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return false;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.shared {
            drop(state);
            std::thread::yield_now();
            state = self.lock();
        }
        self.fill(&mut state, group);
        state.shared = group.len() > 1;
        true
    }

    /// Moves a group of what is queued into `group`; nothing if nothing is.
    pub(crate) fn take_ready(&self, group: &mut Vec<T>) {
        self.fill(&mut self.lock(), group);
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
        self.queue.push(item, bytes)?;
        self.changed.notify_one();
        Ok(())
    }

    /// As [`CommitQueue::take_group`], for the one task that serves the queue.
    pub(crate) async fn take_group(&self, group: &mut Vec<T>) -> bool {
        loop {
            // Before what is queued is taken: nothing comes behind a queue that was closed.
            let closed = self.queue.is_closed();
            self.queue.take_ready(group);
            if !group.is_empty() || closed {
                return !group.is_empty();
            }
            self.changed.notified().await;
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
mod tests {
    use std::sync::Arc;

    use super::{CommitQueue, PushError, QueueLimits, TaskQueue};

    const LIMITS: QueueLimits = QueueLimits { items: 4, bytes: 100, group_items: 3, group_bytes: 50 };

    fn queue() -> CommitQueue<u8> {
        CommitQueue::new(LIMITS)
    }

    fn group(queue: &CommitQueue<u8>) -> Vec<u8> {
        let mut group = Vec::new();
        assert!(queue.take_group(&mut group));
        group
    }

    #[test]
    fn queue_is_bounded_in_items_and_in_bytes() {
        let by_items = queue();
        for item in 0..4 {
            assert_eq!(by_items.push(item, 1), Ok(()));
        }
        assert!(by_items.is_full());
        assert_eq!(by_items.push(4, 0), Err(PushError::Full));
        let by_bytes = queue();
        assert_eq!(by_bytes.push(0, 60), Ok(()));
        assert_eq!(by_bytes.push(1, 41), Err(PushError::Full));
        assert_eq!(by_bytes.push(1, 40), Ok(()));
        assert_eq!((group(&by_bytes), group(&by_bytes)), (vec![0], vec![1]));
        assert_eq!(by_bytes.push(2, 100), Ok(()), "what was taken out no longer counts");
    }

    #[test]
    fn queue_lets_an_item_over_the_limit_through_alone() {
        let queue = queue();
        assert_eq!(queue.push(0, 1000), Ok(()));
        assert_eq!(queue.push(1, 1), Err(PushError::Full));
        assert_eq!(group(&queue), [0]);
    }

    #[test]
    fn queue_groups_are_bounded_and_in_order() {
        let queue = queue();
        for (item, bytes) in [(0, 20), (1, 30), (2, 1), (3, 1)] {
            assert_eq!(queue.push(item, bytes), Ok(()));
        }
        assert_eq!(group(&queue), [0, 1], "bounded in bytes");
        assert_eq!(queue.push(4, 1), Ok(()));
        assert_eq!(queue.push(5, 1), Ok(()));
        assert_eq!(group(&queue), [2, 3, 4], "bounded in items");
        assert_eq!(queue.depth(), 1);
    }

    #[test]
    fn queue_that_is_closed_gives_out_what_it_took_and_then_ends() {
        let queue = queue();
        assert_eq!(queue.push(0, 1), Ok(()));
        queue.close();
        assert_eq!(queue.push(1, 1), Err(PushError::Closed));
        assert_eq!(group(&queue), [0]);
        assert!(!queue.take_group(&mut Vec::new()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn queue_of_a_task_gives_out_all_that_was_pushed_and_then_ends() {
        for _ in 0..200 {
            let queue = Arc::new(TaskQueue::new(LIMITS));
            let served = Arc::clone(&queue);
            let task = tokio::spawn(async move {
                let (mut all, mut group) = (0, Vec::new());
                while served.take_group(&mut group).await {
                    all += group.drain(..).count();
                }
                all
            });
            let mut pushed = 0;
            for item in 0..10u8 {
                pushed += usize::from(queue.push(item, 1).is_ok());
            }
            queue.close();
            assert_eq!(queue.push(0, 1), Err(PushError::Closed));
            assert_eq!(task.await.unwrap(), pushed);
        }
    }
}
