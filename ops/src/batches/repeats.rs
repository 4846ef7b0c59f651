//! Which ids a file has had accepted already, so that no later row of the file overwrites an earlier one.
//!
//! Whether a row is a repetition depends on what became of the one before it. While that is not known yet, the
//! row waits. Ids are kept as 16 bytes of their hash: the survey's bound on lines bounds the memory (80 MB).

use std::collections::HashSet;

use chukei_crypto::hash::sha256;

/// An id as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct IdKey([u8; 16]);

impl IdKey {
    pub(super) fn of(id: &str) -> Self {
        let mut key = [0; 16];
        key.iter_mut().zip(sha256(id.as_bytes())).for_each(|(to, from)| *to = from);
        Self(key)
    }
}

/// What is known of an id when its row is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No row with it was accepted.
    New,
    /// One was.
    Repeated,
    /// One is on its way and not answered.
    Undecided,
}

/// The ids of one file.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    accepted: HashSet<IdKey>,
    under_way: HashSet<IdKey>,
}

impl Repeats {
    /// What is known of `id`.
    pub(super) fn standing(&self, id: IdKey) -> Standing {
        if self.accepted.contains(&id) {
            Standing::Repeated
        } else if self.under_way.contains(&id) {
            Standing::Undecided
        } else {
            Standing::New
        }
    }

    /// Rows with these ids are about to be sent together.
    pub(super) fn sent(&mut self, ids: impl IntoIterator<Item = IdKey>) {
        self.under_way.extend(ids);
    }

    /// The row with this id was answered.
    pub(super) fn answered(&mut self, id: IdKey, accepted: bool) {
        self.under_way.remove(&id);
        if accepted {
            self.accepted.insert(id);
        }
    }
}
