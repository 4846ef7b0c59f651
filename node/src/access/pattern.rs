//! How identities have been asking: requests within a minute, distinct persons within ten minutes (R6).
//!
//! What must hold: time is monotone, so that no clock that is set makes anybody's past shorter; what is kept of one
//! identity, and of how many, is bounded, and what finds no room counts as more, never as less. Deliberately absent: which
//! persons they were, beyond the windows; anything that outlives the process.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chukei_access::facts::Pattern;
use lru::LruCache;
use tokio::time::Instant;

/// Identities that are remembered; of more, the one that asked longest ago is forgotten.
const IDENTITIES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// Distinct persons of one identity that are told apart; more are one more.
const PERSONS_MAX: usize = 1_024;
/// A minute, in seconds, and the one that is not over.
const SECONDS: usize = 61;
/// Milliseconds of one slot of the ten minutes.
const SLOT_MS: u64 = 10_000;
/// Ten minutes in such slots, and the one that is not over.
const SLOTS: usize = 61;

/// A person, by the body's random internal id: the same number in two bodies is another person.
pub type PersonKey = [u8; 16];

/// How every identity has been asking.
pub struct Patterns {
    since: Instant,
    identities: Mutex<LruCache<String, Arc<Mutex<Asking>>>>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { since: Instant::now(), identities: Mutex::new(LruCache::new(IDENTITIES_MAX)) }
    }
}

impl Patterns {
    /// Counts a request of this identity, and tells how it has been asking, this request included.
    pub fn asked(&self, identity: &str) -> Pattern {
        self.on(identity, |asking, now_ms| {
            asking.requests.add(now_ms / 1_000);
            asking.pattern(now_ms)
        })
    }

    /// Counts persons that this identity opens, and tells how it has been asking, with them.
    pub fn opened(&self, identity: &str, persons: &[PersonKey]) -> Pattern {
        self.on(identity, |asking, now_ms| {
            persons.iter().for_each(|person| asking.open(*person, now_ms / SLOT_MS));
            asking.pattern(now_ms)
        })
    }

    /// How this identity has been asking, with nothing counted: an identity that is only named takes nobody's place.
    pub fn so_far(&self, identity: &str) -> Pattern {
        let known = lock(&self.identities).peek(identity).cloned();
        known.map_or_else(Pattern::default, |asking| lock(&asking).pattern(self.now_ms()))
    }

    fn on<T>(&self, identity: &str, then: impl FnOnce(&mut Asking, u64) -> T) -> T {
        let now_ms = self.now_ms();
        let asking = lock(&self.identities).get_or_insert_ref(identity, Arc::default).clone();
        then(&mut lock(&asking), now_ms)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts of the last slots, each with the number of its slot.
struct Ring<const N: usize>([(u64, u32); N]);

impl<const N: usize> Ring<N> {
    fn place(&mut self, slot: u64) -> Option<&mut (u64, u32)> {
        self.0.get_mut(usize::try_from(slot % N as u64).unwrap_or(0))
    }

    fn add(&mut self, slot: u64) {
        if let Some((of, count)) = self.place(slot) {
            *count = if *of == slot { count.saturating_add(1) } else { 1 };
            *of = slot;
        }
    }

    /// Takes one back where its slot is still counted.
    fn take(&mut self, slot: u64) {
        if let Some((of, count)) = self.place(slot)
            && *of == slot
        {
            *count = count.saturating_sub(1);
        }
    }

    /// All of the `N` slots that end with `slot`.
    fn sum(&self, slot: u64) -> u32 {
        let within = self.0.iter().filter(|(of, _)| slot.saturating_sub(*of) < N as u64);
        within.fold(0_u32, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// One identity.
struct Asking {
    requests: Ring<SECONDS>,
    /// The slot in which each person was opened last.
    persons: HashMap<PersonKey, u64>,
    /// How many there are of each slot.
    opened: Ring<SLOTS>,
    /// The slot in which a person found no room.
    beyond: Option<u64>,
}

impl Default for Asking {
    fn default() -> Self {
        let (requests, opened) = (Ring([(0, 0); SECONDS]), Ring([(0, 0); SLOTS]));
        Self { requests, persons: HashMap::new(), opened, beyond: None }
    }
}

impl Asking {
    fn open(&mut self, person: PersonKey, slot: u64) {
        let full = self.persons.len() >= PERSONS_MAX && !self.persons.contains_key(&person);
        if full {
            self.persons.retain(|_, at| lately(*at, slot));
        }
        if full && self.persons.len() >= PERSONS_MAX {
            self.beyond = Some(slot);
            return;
        }
        if let Some(before) = self.persons.insert(person, slot) {
            self.opened.take(before);
        }
        self.opened.add(slot);
    }

    fn pattern(&self, now_ms: u64) -> Pattern {
        let (second, slot) = (now_ms / 1_000, now_ms / SLOT_MS);
        let more = u32::from(self.beyond.is_some_and(|at| lately(at, slot)));
        Pattern {
            requests_in_minute: self.requests.sum(second),
            persons_in_ten_minutes: self.opened.sum(slot).saturating_add(more),
        }
    }
}

fn lately(at: u64, slot: u64) -> bool {
    slot.saturating_sub(at) < SLOTS as u64
}

#[cfg(test)]
mod tests;
