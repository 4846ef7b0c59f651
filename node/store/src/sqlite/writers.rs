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

/// The threads. They end when this is dropped, once nothing waits.
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
    closed: bool,
}

impl<W: Work> Writers<W> {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0, closed: false };
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

impl<W: Work> Drop for Writers<W> {
    fn drop(&mut self) {
        self.pool.lock().closed = true;
        self.pool.ready.notify_all();
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
            if state.closed {
                state.threads -= 1;
                return None;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::mpsc::{Sender, channel};

    use std::time::Instant;

    use super::{IDLE, Work, Writers};

    /// So many pieces, and who is told of the last.
    struct Pieces {
        left: AtomicU32,
        at_work: AtomicBool,
        panics: bool,
        over: Sender<bool>,
    }

    impl Pieces {
        fn new(left: u32, panics: bool, over: &Sender<bool>) -> Arc<Self> {
            let (left, at_work) = (AtomicU32::new(left), AtomicBool::new(false));
            Arc::new(Self { left, at_work, panics, over: over.clone() })
        }
    }

    impl Work for Pieces {
        fn work(&self) -> bool {
            assert!(!self.panics, "a piece of work that panics");
            assert!(!self.at_work.swap(true, Ordering::SeqCst), "two threads at one piece of work");
            let more = self.left.fetch_sub(1, Ordering::SeqCst) > 1;
            std::thread::yield_now();
            self.at_work.store(false, Ordering::SeqCst);
            if !more {
                self.over.send(true).unwrap();
            }
            more
        }

        fn give_up(&self) {
            self.over.send(false).unwrap();
        }
    }

    #[test]
    fn sqlite_writers_finish_all_work_and_never_two_at_one() {
        for limit in [0, 1, 3] {
            let writers = Writers::new(limit);
            let (over, told) = channel();
            for _ in 0..20 {
                writers.submit(Pieces::new(50, false, &over));
            }
            drop(over);
            assert_eq!(told.iter().take(20).filter(|done| *done).count(), 20);
            assert!(writers.pool.lock().threads <= limit.max(1));
        }
    }

    /// Long before they would have waited for work in vain.
    #[test]
    fn sqlite_writers_end_with_the_engine_and_finish_what_waits() {
        let writers = Writers::new(2);
        let (over, told) = channel();
        for _ in 0..20 {
            writers.submit(Pieces::new(50, false, &over));
        }
        let pool = Arc::downgrade(&writers.pool);
        drop((writers, over));
        assert_eq!(told.iter().filter(|done| *done).count(), 20);
        let dropped = Instant::now();
        while pool.strong_count() > 0 {
            assert!(dropped.elapsed() < IDLE, "they wait for work that cannot come");
            std::thread::yield_now();
        }
    }

    #[test]
    fn sqlite_writers_outlive_work_that_panics_and_tell_it_so() {
        let writers = Writers::new(1);
        let (over, told) = channel();
        writers.submit(Pieces::new(1, true, &over));
        writers.submit(Pieces::new(1, false, &over));
        drop(over);
        assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [false, true]);
    }
}
