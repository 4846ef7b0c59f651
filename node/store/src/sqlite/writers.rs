//! The threads that write, for all bodies together: there are as many as there is work, up to a limit, and none when
//! there is none.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(5);

/// Something that has work for a thread.
pub(super) trait Work: Send + Sync + 'static {
    /// Does a bounded part of it, and tells whether there is more.
    fn work(&self) -> bool;

    /// Is told when nobody will: no thread could be started, or it panicked.
    fn give_up(&self);
}

/// Clones share the threads.
pub(super) struct Writers<W: Work> {
    pool: Arc<Pool<W>>,
}

struct Pool<W> {
    limit: usize,
    state: Mutex<State<W>>,
    ready: Condvar,
}

struct State<W> {
    /// Each has been submitted once and not been finished since, so that one is never worked at by two threads.
    waiting: VecDeque<Arc<W>>,
    threads: usize,
    idle: usize,
}

impl<W: Work> Writers<W> {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0 };
        Self { pool: Arc::new(Pool { limit: limit.max(1), state: Mutex::new(state), ready: Condvar::new() }) }
    }

    /// Has a thread work at it until it says that there is no more.
    pub(super) fn submit(&self, work: Arc<W>) {
        let mut state = self.pool.lock();
        state.waiting.push_back(work);
        if state.waiting.len() <= state.idle {
            drop(state);
            self.pool.ready.notify_one();
            return;
        }
        if state.threads >= self.pool.limit {
            return;
        }
        state.threads += 1;
        drop(state);
        let pool = Arc::clone(&self.pool);
        let started = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || pool.run());
        if let Err(error) = started {
            tracing::error!(cause = %error, "no thread to write with");
            self.pool.thread_failed();
        }
    }
}

impl<W: Work> Pool<W> {
    fn run(&self) {
        while let Some(work) = self.next() {
            while proceed(&*work) {
                let mut state = self.lock();
                if !state.waiting.is_empty() {
                    // Others wait: in turn.
                    state.waiting.push_back(work);
                    break;
                }
            }
        }
    }

    /// What is to be worked at next; `None` when the thread is to end.
    fn next(&self) -> Option<Arc<W>> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            state.idle += 1;
            let (woken, waited) =
                self.ready.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn thread_failed(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        // Any other thread will come to what waits.
        let stranded = if state.threads == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
        drop(state);
        stranded.iter().for_each(|work| work.give_up());
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works, and tells whether there is more.
fn proceed(work: &impl Work) -> bool {
    match catch_unwind(AssertUnwindSafe(|| work.work())) {
        Ok(more) => more,
        Err(_) => {
            tracing::error!("a writer panicked");
            work.give_up();
            false
        }
    }
}
