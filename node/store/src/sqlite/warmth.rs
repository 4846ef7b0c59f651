//! Whether a body is read on the caller's thread.
//!
//! A read that finds its pages in memory is over in microseconds, and waking another thread would cost several times
//! that; one that waits for the disk would stall everything else on the thread. Which it will be is known only
//! afterwards, so what the last reads did decides about the next: a body begins cold, is warm after a fast read on
//! another thread, and is cold again after one that was slow here, the longer the oftener that happens.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Microseconds after which a read counts as slow, and as many more for each row it gives.
const SLOW: u64 = 500;
const SLOW_ROW: u64 = 20;
/// Microseconds without a read after which the pages may have left the memory.
const IDLE: u64 = 60_000_000;
/// Fast reads elsewhere that are asked for at most before a body is warm again.
const MOST_PROOFS: u32 = 16;
/// Fast reads here after which earlier slow ones are forgotten.
const CALM: u32 = 1024;

/// What is known of one body. All times are microseconds of one clock, which begins at or above 0.
#[derive(Debug)]
pub(super) struct Warmth {
    /// Fast reads elsewhere that are still to be seen; 0 while the body is warm.
    proofs: AtomicU32,
    /// How many will be asked for after the next slow one.
    proofs_next: AtomicU32,
    /// Fast reads here since the last slow one.
    calm: AtomicU32,
    /// Reads in progress here.
    here: AtomicU32,
    /// When a read was last begun alone or found fast.
    proved: AtomicU64,
    /// When the body was last used.
    used: AtomicU64,
}

impl Warmth {
    pub(super) fn new(now: u64) -> Self {
        Self {
            proofs: AtomicU32::new(1),
            proofs_next: AtomicU32::new(1),
            calm: AtomicU32::new(0),
            here: AtomicU32::new(0),
            proved: AtomicU64::new(now),
            used: AtomicU64::new(now),
        }
    }

    /// When the body was last used.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Notes that it is used now.
    pub(super) fn touch(&self, now: u64) {
        self.used.store(now, Ordering::Relaxed);
    }

    /// Whether a read may be made here; if so, [`Warmth::leave`] must follow.
    pub(super) fn enter(&self, now: u64) -> bool {
        let used = self.used.swap(now, Ordering::Relaxed);
        if self.proofs.load(Ordering::Relaxed) > 0 {
            return false;
        }
        if now.saturating_sub(used) > IDLE {
            self.proofs.store(1, Ordering::Relaxed);
            return false;
        }
        // While one read takes suspiciously long, no other follows it into the same trouble.
        let overdue = now.saturating_sub(self.proved.load(Ordering::Relaxed)) > SLOW;
        if self.here.load(Ordering::Relaxed) > 0 && overdue {
            return false;
        }
        if self.here.fetch_add(1, Ordering::Relaxed) == 0 {
            self.proved.store(now, Ordering::Relaxed);
        }
        true
    }

    /// Notes how a read here went: when it began and ended, and how many rows it asked for.
    pub(super) fn leave(&self, began: u64, now: u64, rows: usize) {
        self.here.fetch_sub(1, Ordering::Relaxed);
        if is_slow(began, now, rows) {
            let proofs = self.proofs_next.load(Ordering::Relaxed);
            self.proofs.store(proofs, Ordering::Relaxed);
            self.proofs_next.store((proofs * 2).min(MOST_PROOFS), Ordering::Relaxed);
            self.calm.store(0, Ordering::Relaxed);
            return;
        }
        self.proved.store(now, Ordering::Relaxed);
        if self.calm.fetch_add(1, Ordering::Relaxed) == CALM {
            self.proofs_next.store(1, Ordering::Relaxed);
        }
    }

    /// Notes that nothing was read here after all.
    pub(super) fn turn_back(&self) {
        self.here.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes how a read on another thread went.
    pub(super) fn elsewhere(&self, began: u64, now: u64, rows: usize) {
        if !is_slow(began, now, rows) {
            let fewer = |proofs: u32| proofs.checked_sub(1);
            // Already warm: nothing to note.
            let _ = self.proofs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        }
    }

    /// Notes that nothing of the body is held any more.
    pub(super) fn cool(&self) {
        self.proofs.fetch_max(1, Ordering::Relaxed);
    }
}

fn is_slow(began: u64, now: u64, rows: usize) -> bool {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    now.saturating_sub(began) > SLOW.saturating_add(SLOW_ROW.saturating_mul(rows))
}

#[cfg(test)]
mod tests {
    use super::{CALM, IDLE, MOST_PROOFS, SLOW, Warmth};

    fn warm() -> Warmth {
        let warmth = Warmth::new(0);
        assert!(!warmth.enter(0), "nothing is known yet");
        warmth.elsewhere(0, 10, 1);
        warmth
    }

    /// A read here that takes so long.
    fn read(warmth: &Warmth, began: u64, took: u64) {
        assert!(warmth.enter(began));
        warmth.leave(began, began + took, 1);
    }

    /// Fast reads elsewhere until one may be made here.
    fn proofs(warmth: &Warmth, now: u64) -> u32 {
        let mut asked = 0;
        while !warmth.enter(now) {
            warmth.elsewhere(now, now, 1);
            asked += 1;
        }
        warmth.leave(now, now, 1);
        asked
    }

    #[test]
    fn sqlite_warmth_comes_with_a_fast_read_elsewhere_only() {
        let warmth = Warmth::new(0);
        warmth.elsewhere(0, 10 * SLOW, 1);
        assert!(!warmth.enter(1));
        warmth.elsewhere(0, 10, 1);
        read(&warmth, 1, 5);
    }

    #[test]
    fn sqlite_warmth_is_lost_by_one_slow_read_and_asks_for_more_each_time() {
        let warmth = warm();
        let mut asked = Vec::new();
        for _ in 0..7 {
            read(&warmth, 10, 10 * SLOW);
            asked.push(proofs(&warmth, 20));
        }
        assert_eq!(asked, [1, 2, 4, 8, MOST_PROOFS, MOST_PROOFS, MOST_PROOFS]);
        for _ in 0..=CALM {
            read(&warmth, 30, 5);
        }
        read(&warmth, 40, 10 * SLOW);
        assert_eq!(proofs(&warmth, 50), 1, "long calm is remembered, not old trouble");
    }

    #[test]
    fn sqlite_warmth_many_rows_may_take_longer() {
        let warmth = warm();
        assert!(warmth.enter(0));
        warmth.leave(0, 2 * SLOW, 64);
        read(&warmth, 2 * SLOW, 5);
    }

    #[test]
    fn sqlite_warmth_nobody_follows_a_read_that_is_overdue() {
        let warmth = warm();
        assert!(warmth.enter(100));
        assert!(warmth.enter(110), "two at once are fine");
        warmth.leave(110, 115, 1);
        assert!(!warmth.enter(116 + SLOW), "the first has been at it for too long");
        warmth.leave(100, 200, 1);
        read(&warmth, 120 + SLOW, 5);
    }

    #[test]
    fn sqlite_warmth_who_turned_back_says_nothing_about_the_one_who_is_overdue() {
        let warmth = warm();
        assert!(warmth.enter(100) && warmth.enter(110));
        warmth.turn_back();
        assert!(!warmth.enter(101 + SLOW));
        warmth.leave(100, 200, 1);
        read(&warmth, 110 + SLOW, 5);
    }

    #[test]
    fn sqlite_warmth_is_lost_when_idle_and_when_closed() {
        let warmth = warm();
        read(&warmth, 10, 5);
        assert!(!warmth.enter(20 + IDLE));
        assert_eq!(proofs(&warmth, 30 + IDLE), 1);
        warmth.cool();
        assert_eq!(proofs(&warmth, 40 + IDLE), 1);
    }
}
