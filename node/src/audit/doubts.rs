//! What others know of a log that the log itself cannot show: how far its witnesses remember it, who contradicts it, and
//! whether its tree was once longer.
//!
//! What must hold: it is what was heard since the log was opened, of the epoch that it is in. Deliberately absent: proofs,
//! which are the witnesses'.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known from outside of one log.
#[derive(Default)]
pub(crate) struct Doubts(Mutex<Known>);

#[derive(Default)]
struct Known {
    remembered: u64,
    contradicted_by: BTreeSet<String>,
    cut_behind: Option<u64>,
}

impl Doubts {
    /// A witness remembers this many leaves.
    pub(crate) fn remembered(&self, size: u64) {
        let mut known = self.known();
        known.remembered = known.remembered.max(size);
    }

    /// A witness says that the log is another one than it has cosigned.
    pub(crate) fn contradicted(&self, witness: &str) {
        self.known().contradicted_by.insert(witness.to_owned());
    }

    /// A witness has cosigned it.
    pub(crate) fn cosigned(&self, witness: &str, size: u64) {
        let mut known = self.known();
        known.remembered = known.remembered.max(size);
        known.contradicted_by.remove(witness);
    }

    /// The stored tree had more leaves than the log has records: it ended with this one.
    pub(crate) fn cut_behind(&self, last: u64) {
        self.known().cut_behind = Some(last);
    }

    /// The log goes on in another epoch, of which nothing was heard.
    pub(crate) fn begin_anew(&self) {
        *self.known() = Known::default();
    }

    /// Leaves of the largest checkpoint that a witness is known to remember; 0 for none.
    pub(crate) fn witnessed(&self) -> u64 {
        self.known().remembered
    }

    /// Whether a witness contradicts the log.
    pub(crate) fn is_contradicted(&self) -> bool {
        !self.known().contradicted_by.is_empty()
    }

    /// The record behind which it was cut off, where that is known.
    pub(crate) fn was_cut_behind(&self) -> Option<u64> {
        self.known().cut_behind
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
