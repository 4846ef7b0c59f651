//! Records on their way into a tree: kept from when they are queued until their leaf is due.
//!
//! What must hold: whoever writes a record waits for nobody who lets the tree grow, because the order of every log of the node
//! is held meanwhile. Bounded: what does not fit is read from the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::tlog::{Commitment, Salt};
use chukei_domain::event::Unplaced;

use crate::hosted::persons::PersonId;

/// Records kept that are not in the tree yet.
pub(super) const AT_HAND: usize = 16_384;
/// So many are a reason to let the tree grow before its turn.
const MANY: usize = AT_HAND / 4;

/// A record on its way into the tree.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    /// To all of it.
    pub(super) internal: Commitment,
    /// Of the person's part.
    pub(super) salt: Salt,
    /// The person who may see it, and what they may see.
    pub(super) shown: Option<Box<(PersonId, Unplaced)>>,
    /// The epoch of the log that begins with it, where it tells of a restore: the record's time.
    pub(super) begins: Option<u64>,
}

impl Coming {
    /// The person who may see it.
    pub(super) fn person(&self) -> Option<&PersonId> {
        self.shown.as_deref().map(|(person, _)| person)
    }
}

/// Those of one log, by their numbers.
#[derive(Default)]
pub(super) struct AtHand {
    records: Mutex<BTreeMap<u64, Coming>>,
    count: AtomicUsize,
}

impl AtHand {
    /// Keeps a record that is being written. A number that is given anew, because the write before failed, has what was
    /// kept last.
    pub(super) fn keep(&self, number: u64, coming: Coming) {
        let mut records = self.records();
        if records.len() < AT_HAND {
            records.insert(number, coming);
        } else {
            // What stands at this number is not to be an older record.
            records.remove(&number);
        }
        self.count.store(records.len(), Ordering::Relaxed);
    }

    /// Takes a record that was read from the log.
    pub(super) fn take(&self, number: u64, coming: Coming) {
        self.records().insert(number, coming);
    }

    /// Whether there are so many that the tree had better grow now.
    pub(super) fn are_many(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= MANY
    }

    /// All of them.
    pub(super) fn records(&self) -> MutexGuard<'_, BTreeMap<u64, Coming>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one out, if it is `ready`; `Ok(None)` where it is not at hand.
    pub(super) fn next<E>(
        &self,
        number: u64,
        ready: impl FnOnce(&Coming, &BTreeMap<u64, Coming>) -> Result<(), E>,
    ) -> Result<Option<Coming>, E> {
        let mut records = self.records();
        let Some(coming) = records.get(&number) else { return Ok(None) };
        ready(coming, &records)?;
        let coming = records.remove(&number);
        self.count.store(records.len(), Ordering::Relaxed);
        Ok(coming)
    }
}
