//! Reading: an open sled, and what its readers do not see yet.
//!
//! sled shows a batch before it is durable. So the rows of the group that is on its way to the disk are kept here as
//! they stood before it, and readers are given those until the whole group is durable: they see a batch wholly or not
//! at all, and never one that a power cut may take back (R31).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map;
use std::iter::Peekable;

use sled::IVec;

use super::failure::store_error;
use super::layout::{Header, Leftover, behind_rows, digest, is_part, row_key, row_of};
use crate::error::StoreError;
use crate::partition::{MAX_GET_KEYS, MAX_SCAN_BYTES, MAX_SCAN_ROWS, Rows, Versioned};
use crate::row::RowKey;

/// Rows that are counted, and items that are read ahead, at a time.
const STEP: usize = 1024;

/// Rows by key, with their first items as they stand for readers.
pub(super) type Hidden = BTreeMap<Vec<u8>, Option<IVec>>;

/// What a walk through all items has met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Met {
    /// The sum of the rows' digests.
    pub(super) digest: u64,
    /// Parts that belong to something.
    named: u64,
    /// Parts.
    parts: u64,
}

impl Met {
    fn item(&mut self, key: &[u8], item: &[u8]) -> Result<(), StoreError> {
        if let Some(row) = row_of(key) {
            let (header, _) = Header::decode(item).ok_or(StoreError::Corrupt)?;
            self.digest = self.digest.wrapping_add(digest(row, header.version));
            self.named += u64::from(header.parts().parts);
        } else if is_part(key) {
            self.parts += 1;
        } else if let Some(leftover) = Leftover::decode(key) {
            self.named += u64::from(leftover.parts);
        }
        Ok(())
    }

    /// Whether every part is there, and none too many.
    pub(super) fn all_parts(&self) -> bool {
        self.named == self.parts
    }
}

/// An open sled as its readers see it.
pub(super) struct Live {
    pub(super) db: sled::Db,
    /// The rows of the group that is not durable yet, as they stood before it.
    pub(super) hidden: Hidden,
}

impl Live {
    pub(super) fn new(db: sled::Db) -> Self {
        Self { db, hidden: Hidden::new() }
    }

    pub(super) fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(StoreError::TooLarge);
        }
        keys.iter().map(|key| self.get(key.as_bytes())).collect()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        let item = match self.hidden.get(key) {
            Some(before) => before.clone(),
            None => self.db.get(row_key(key)).map_err(store_error)?,
        };
        item.map(|item| self.value(&item)).transpose()
    }

    fn value(&self, item: &[u8]) -> Result<Versioned, StoreError> {
        let (header, first) = Header::decode(item).ok_or(StoreError::Corrupt)?;
        let length = usize::try_from(header.length).map_err(|_| StoreError::Corrupt)?;
        let mut value = Vec::with_capacity(length.min(crate::batch::MAX_VALUE_BYTES));
        value.extend_from_slice(first);
        for key in header.parts().part_keys() {
            value.extend_from_slice(&self.db.get(key).map_err(store_error)?.ok_or(StoreError::Corrupt)?);
        }
        if value.len() != length {
            return Err(StoreError::Corrupt);
        }
        Ok(Versioned { version: header.version, value })
    }

    pub(super) fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Rows, StoreError> {
        if limit > MAX_SCAN_ROWS {
            return Err(StoreError::TooLarge);
        }
        let mut page = Rows::default();
        let mut bytes = 0;
        for item in self.items(prefix, after) {
            let (key, item) = item?;
            if page.rows.len() >= limit || bytes >= MAX_SCAN_BYTES {
                page.more = true;
                break;
            }
            let row = self.value(&item)?;
            bytes += row.value.len();
            page.rows.push((RowKey::from_stored(key), row));
        }
        Ok(page)
    }

    /// Counts a step of rows; the last key counted, if there may be more.
    pub(super) fn count(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
    ) -> Result<(u64, Option<RowKey>), StoreError> {
        let mut counted = 0;
        let mut last = None;
        for item in self.items(prefix, after).take(STEP) {
            counted += 1;
            last = Some(item?.0);
        }
        let more = usize::try_from(counted).is_ok_and(|counted| counted == STEP);
        Ok((counted, last.filter(|_| more).map(RowKey::from_stored)))
    }

    /// Brings a step of items into sled's cache and takes note of them; the last of them, if there may be more.
    pub(super) fn touch(&self, after: Option<IVec>, met: &mut Met) -> Result<Option<IVec>, StoreError> {
        let mut items = match after {
            Some(after) => self.db.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded)),
            None => self.db.iter(),
        };
        let mut last = None;
        for item in items.by_ref().take(STEP) {
            let (key, item) = item.map_err(store_error)?;
            met.item(&key, &item)?;
            last = Some(key);
        }
        Ok(last.filter(|_| items.next().is_some()))
    }

    fn items(&self, prefix: &RowKey, after: Option<&RowKey>) -> Items<'_> {
        let start = match after {
            Some(after) if after >= prefix => [after.as_bytes(), &[0]].concat(),
            _ => prefix.as_bytes().to_vec(),
        };
        let end = prefix.after_prefix();
        let stored_end = end.as_deref().map_or_else(behind_rows, row_key);
        // A key's first byte is a space's number: no key begins with 0xff.
        let end = end.unwrap_or_else(|| vec![0xff]).max(start.clone());
        let stored = self.db.range(row_key(&start)..stored_end).peekable();
        Items { stored, hidden: self.hidden.range(start..end).peekable() }
    }
}

/// The first items of rows in order of their keys, what is hidden in place of what is stored.
struct Items<'a> {
    stored: Peekable<sled::Iter>,
    hidden: Peekable<btree_map::Range<'a, Vec<u8>, Option<IVec>>>,
}

impl Iterator for Items<'_> {
    type Item = Result<(Vec<u8>, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.stored.peek(), self.hidden.peek()) {
                (Some(Err(_)), _) | (_, None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((stored, _))), Some((hidden, _))) => {
                    row_of(stored).unwrap_or_default().cmp(hidden.as_slice())
                }
            };
            if order == Ordering::Less {
                let stored = self.stored.next()?.map_err(store_error);
                return Some(stored.map(|(key, item)| (row_of(&key).unwrap_or_default().to_vec(), item)));
            }
            if order == Ordering::Equal {
                self.stored.next();
            }
            if let (key, Some(before)) = self.hidden.next()? {
                return Some(Ok((key.clone(), before.clone())));
            }
        }
    }
}
