//! Which rows were written since somebody began to look.

use std::collections::BTreeSet;

use crate::batch::{Batch, Write};
use crate::row::RowKey;

/// Rows noted at most: their names take some 60 MiB. Beyond, everything counts as changed.
const MAX_NOTED: usize = 262_144;

/// Keys of rows that were written, each once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    keys: BTreeSet<RowKey>,
    /// More rows were written than are noted.
    overflowed: bool,
}

impl Changes {
    /// Notes what a batch writes, whether or not it will be refused.
    pub(super) fn note(&mut self, batch: &Batch) {
        for write in &batch.writes {
            let (Write::Put(key, _) | Write::Delete(key)) = write;
            self.note_key(key);
        }
    }

    /// Puts back what was taken out and not copied.
    pub(super) fn put_back(&mut self, keys: Vec<RowKey>) {
        keys.iter().for_each(|key| self.note_key(key));
    }

    /// The keys in order, and from now on none; `None` if they were too many.
    pub(super) fn take(&mut self) -> Option<Vec<RowKey>> {
        let overflowed = std::mem::take(&mut self.overflowed);
        let keys = std::mem::take(&mut self.keys);
        (!overflowed).then(|| keys.into_iter().collect())
    }

    /// How many rows are noted.
    pub(super) fn len(&self) -> usize {
        if self.overflowed { usize::MAX } else { self.keys.len() }
    }

    fn note_key(&mut self, key: &RowKey) {
        if self.overflowed || self.keys.contains(key) {
            return;
        }
        if self.keys.len() >= MAX_NOTED {
            self.overflowed = true;
            self.keys.clear();
            return;
        }
        self.keys.insert(key.clone());
    }
}
