//! Request ids are used once, across all brokers (R22).
//!
//! An id is a UUIDv7 and carries its time: one outside the window is refused without being remembered, so that
//! memory is bounded by what can arrive within the window. After a restart the window is filled from the journal.

use std::collections::BTreeSet;
use std::sync::Mutex;

use chukei_wire::id::RequestId;
use chukei_wire::limits::{CLOCK_SKEW_MS, DEADLINE_MAX_MS};
use chukei_wire::result::ResultName;

/// How long an id can be fresh, milliseconds.
pub const WINDOW_MS: u64 = DEADLINE_MAX_MS as u64 + 2 * CLOCK_SKEW_MS;

/// How old the note of an id can be that is still fresh, milliseconds: a node whose clock is behind may have made it.
pub const NOTED_MS: u64 = WINDOW_MS + CLOCK_SKEW_MS;

/// Ids seen within the window.
pub struct ReplayWindow {
    // UUIDv7 sorts by time, so the oldest ids are the first ones.
    seen: Mutex<BTreeSet<RequestId>>,
    capacity: usize,
}

impl ReplayWindow {
    /// Remembers at most `capacity` ids; beyond that requests are OVERLOADED.
    pub fn new(capacity: usize) -> Self {
        Self { seen: Mutex::new(BTreeSet::new()), capacity }
    }

    /// Fills the window from ids that the journal kept.
    pub fn restore(&self, ids: impl IntoIterator<Item = RequestId>) {
        self.lock().extend(ids.into_iter().take(self.capacity));
    }

    /// Takes `id` for use now, once.
    pub fn take(&self, id: RequestId, now_ms: u64) -> Result<(), ResultName> {
        let made = id.unix_ms().ok_or(ResultName::BadFormat)?;
        let oldest = now_ms.saturating_sub(WINDOW_MS);
        if made < oldest || made > now_ms.saturating_add(CLOCK_SKEW_MS) {
            return Err(ResultName::PermitExpired);
        }
        let mut seen = self.lock();
        while seen.first().is_some_and(|first| first.unix_ms().is_none_or(|ms| ms < oldest)) {
            seen.pop_first();
        }
        if seen.contains(&id) {
            return Err(ResultName::Replay);
        }
        if seen.len() >= self.capacity {
            return Err(ResultName::Overloaded);
        }
        seen.insert(id);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<RequestId>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn id(made_ms: u64, tail: u8) -> RequestId {
        let [_, _, a, b, c, d, e, f] = made_ms.to_be_bytes();
        RequestId([a, b, c, d, e, f, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, tail])
    }

    #[test]
    fn r22_an_id_is_used_once() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.take(id(NOW, 1), NOW), Ok(()));
        assert_eq!(window.take(id(NOW, 1), NOW + 1_000), Err(ResultName::Replay));
        assert_eq!(window.take(id(NOW, 2), NOW), Ok(()));
    }

    #[test]
    fn r22_an_id_outside_the_window_is_refused_even_when_forgotten() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.take(id(NOW, 1), NOW), Ok(()));
        let later = NOW + WINDOW_MS + 1;
        assert_eq!(window.take(id(later, 2), later), Ok(()));
        assert_eq!(window.take(id(NOW, 1), later), Err(ResultName::PermitExpired));
        assert_eq!(window.take(id(NOW + CLOCK_SKEW_MS + 1, 3), NOW), Err(ResultName::PermitExpired));
    }

    #[test]
    fn r40_a_full_window_sheds_and_empties_with_time() {
        let window = ReplayWindow::new(1);
        assert_eq!(window.take(id(NOW, 1), NOW), Ok(()));
        assert_eq!(window.take(id(NOW, 2), NOW), Err(ResultName::Overloaded));
        let later = NOW + WINDOW_MS + 1;
        assert_eq!(window.take(id(later, 2), later), Ok(()));
    }

    #[test]
    fn r22_the_window_is_restored_after_a_restart() {
        let window = ReplayWindow::new(10);
        window.restore([id(NOW, 1)]);
        assert_eq!(window.take(id(NOW, 1), NOW), Err(ResultName::Replay));
    }
}
