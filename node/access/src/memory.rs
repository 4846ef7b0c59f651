//! Outcomes of policies that no table holds, remembered under everything they look at; bounded.
//!
//! What must hold: a key begins with a number that was given to one policy only, so that what is remembered of a
//! policy ends with it. Faults are remembered too: they follow from the same values.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use crate::evaluation::Outcome;
use crate::limits::REMEMBERED_MAX;

/// Parts with a lock each.
const PARTS: usize = 16;
/// Bytes of a key that is remembered; facts that make a longer one are evaluated each time.
const KEY_MAX: usize = 512;
const OF_PART: NonZeroUsize = NonZeroUsize::new(REMEMBERED_MAX / PARTS).unwrap();

/// Remembered outcomes.
pub(crate) struct Memory {
    parts: [Mutex<LruCache<Box<[u8]>, Outcome>>; PARTS],
    numbers: AtomicU64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::new(LruCache::sparse(OF_PART))),
            numbers: AtomicU64::new(0),
        }
    }

    /// A number that was never given before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What is remembered under `key`, or what `find` finds.
    pub(crate) fn outcome(&self, key: &[u8], find: impl FnOnce() -> Outcome) -> Outcome {
        if key.len() > KEY_MAX {
            return find();
        }
        let place =
            key.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        let Some(part) = self.parts.get(place % PARTS) else { return find() };
        // Nothing panics under the lock; were it so, the map would still be whole.
        let remembered = part.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        remembered.unwrap_or_else(|| {
            let found = find();
            part.lock().unwrap_or_else(PoisonError::into_inner).put(key.into(), found);
            found
        })
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for part in &self.parts {
            part.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// How many outcomes are remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_kept_apart_by_key() {
        let memory = Memory::new();
        for number in 0..REMEMBERED_MAX as u64 + 1_000 {
            memory.outcome(&number.to_be_bytes(), || Outcome::Silent);
        }
        assert!(memory.len() <= REMEMBERED_MAX);
        assert_eq!(memory.outcome(b"key", || Outcome::Fires), Outcome::Fires);
        assert_eq!(memory.outcome(b"key", || panic!("remembered")), Outcome::Fires);
        memory.outcome(&[7; KEY_MAX + 1], || Outcome::Fires);
        assert_eq!(
            memory.outcome(&[7; KEY_MAX + 1], || Outcome::Silent),
            Outcome::Silent,
            "too long to keep"
        );
        assert_ne!(memory.number(), memory.number());
    }
}
