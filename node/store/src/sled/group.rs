//! Batches that are written together: what they make of the rows, worked out before sled is told anything.
//!
//! A batch's preconditions are all checked before its first write, against what the batches before it in the group
//! have written; one that is refused touches nothing and the others go on.

use std::collections::BTreeMap;

use sled::IVec;

use super::failure::store_error;
use super::layout::{Header, Leftover, State, digest, row_key, state_key};
use super::live::Hidden;
use crate::batch::{Batch, Precondition, Write};
use crate::error::StoreError;

/// The rows that the batches so far have met.
pub(super) struct Group<'a> {
    db: &'a sled::Db,
    rows: BTreeMap<&'a [u8], Row<'a>>,
    state: State,
    ordinal: u32,
}

struct Row<'a> {
    before: Option<IVec>,
    now: Now<'a>,
}

enum Now<'a> {
    Untouched,
    Put(Header, &'a [u8]),
    Deleted,
}

/// What is to be done, and what must be known about it.
pub(super) struct Prepared {
    pub(super) batch: sled::Batch,
    pub(super) hidden: Hidden,
    /// Parts that may go once the group is durable.
    pub(super) leftovers: Vec<Leftover>,
    pub(super) state: State,
    /// Bytes of keys and values that are written.
    pub(super) bytes: u64,
}

impl<'a> Group<'a> {
    pub(super) fn new(db: &'a sled::Db, state: State) -> Self {
        Self { db, rows: BTreeMap::new(), state, ordinal: 0 }
    }

    /// Takes a batch in, unless a precondition does not hold: then it says so and nothing of it is taken.
    pub(super) fn add(&mut self, batch: &'a Batch) -> Result<bool, StoreError> {
        for precondition in &batch.preconditions {
            let (key, wanted) = match precondition {
                Precondition::Absent(key) => (key, None),
                Precondition::Version(key, version) => (key, Some(*version)),
            };
            if self.row(key.as_bytes())?.version()? != wanted {
                return Ok(false);
            }
        }
        if batch.writes.is_empty() {
            return Ok(true);
        }
        self.state.version += 1;
        let version = self.state.version;
        for write in &batch.writes {
            let (key, now) = match write {
                Write::Put(key, value) => {
                    self.ordinal += 1;
                    let length = u32::try_from(value.len()).map_err(|_| StoreError::TooLarge)?;
                    (key, Now::Put(Header { version, ordinal: self.ordinal, length }, value.as_slice()))
                }
                Write::Delete(key) => (key, Now::Deleted),
            };
            self.row(key.as_bytes())?.now = now;
        }
        Ok(true)
    }

    fn row(&mut self, key: &'a [u8]) -> Result<&mut Row<'a>, StoreError> {
        Ok(match self.rows.entry(key) {
            std::collections::btree_map::Entry::Occupied(row) => row.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let before = self.db.get(row_key(key)).map_err(store_error)?;
                place.insert(Row { before, now: Now::Untouched })
            }
        })
    }

    /// The one batch for sled that does all of it; `None` if there is nothing to write.
    pub(super) fn prepare(self) -> Result<Option<Prepared>, StoreError> {
        let mut prepared = Prepared {
            batch: sled::Batch::default(),
            hidden: Hidden::new(),
            leftovers: Vec::new(),
            state: self.state,
            bytes: 0,
        };
        for (key, row) in self.rows {
            prepared.take(key, row)?;
        }
        if prepared.hidden.is_empty() {
            return Ok(None);
        }
        for leftover in &prepared.leftovers {
            prepared.batch.insert(leftover.key(), IVec::default());
        }
        prepared.batch.insert(state_key(), prepared.state.encode());
        Ok(Some(prepared))
    }
}

impl Row<'_> {
    fn version(&self) -> Result<Option<u64>, StoreError> {
        Ok(match (&self.now, &self.before) {
            (Now::Put(header, _), _) => Some(header.version),
            (Now::Deleted, _) | (Now::Untouched, None) => None,
            (Now::Untouched, Some(before)) => Some(header(before)?.version),
        })
    }
}

fn header(item: &[u8]) -> Result<Header, StoreError> {
    Header::decode(item).map(|(header, _)| header).ok_or(StoreError::Corrupt)
}

impl Prepared {
    fn take(&mut self, key: &[u8], row: Row<'_>) -> Result<(), StoreError> {
        let item_key = row_key(key);
        match row.now {
            Now::Untouched => return Ok(()),
            Now::Deleted if row.before.is_none() => {}
            Now::Deleted => self.batch.remove(item_key),
            Now::Put(header, value) => {
                let (first, parts) = header.encode(value);
                for (part_key, part) in header.parts().part_keys().zip(parts) {
                    self.batch.insert(part_key, part);
                }
                self.batch.insert(item_key, first);
                self.state.live_bytes = self.state.live_bytes.saturating_add(header.bytes(key.len()));
                self.state.digest = self.state.digest.wrapping_add(digest(key, header.version));
                self.bytes += header.bytes(key.len());
            }
        }
        if let Some(before) = &row.before {
            let header = header(before)?;
            self.state.live_bytes = self.state.live_bytes.saturating_sub(header.bytes(key.len()));
            self.state.digest = self.state.digest.wrapping_sub(digest(key, header.version));
            self.leftovers.extend(Some(header.parts()).filter(|parts| parts.parts > 0));
        }
        self.hidden.insert(key.to_vec(), row.before);
        Ok(())
    }
}
