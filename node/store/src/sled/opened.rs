//! Opening a partition's sled: what must be so on the disk before, and what is checked and raised after.

use std::path::Path;

use super::directory::{Directory, open_sled};
use super::failure::{contained, store_error};
use super::layout::{Leftover, State, epoch_key, leftover_prefix, number, partition_key, state_key};
use super::reuse_gate::Gated;
use super::sync::{SyncFile, close};
use crate::error::StoreError;

/// An open sled with our handles on its file.
pub(super) struct Opened {
    pub(super) db: sled::Db,
    pub(super) file: SyncFile,
    // After the tree: sled still writes while it closes.
    pub(super) gated: Gated,
}

/// What it held when it was opened.
pub(super) struct Found {
    pub(super) epoch: u64,
    pub(super) state: State,
    /// Parts of rows that were replaced or deleted before somebody was stopped.
    pub(super) leftovers: Vec<Leftover>,
}

impl Opened {
    /// Opens the partition, creating it if it is not there. Without a lease it takes a new one; with one, it must still
    /// be the partition's.
    pub(super) fn open(
        directory: &Directory,
        cache_bytes: u64,
        lease: Option<u64>,
    ) -> Result<(Self, Found), StoreError> {
        directory.create(|dir| fill(dir, directory.name()))?;
        contained(|| Self::open_made(directory, cache_bytes, lease)).inspect_err(|error| {
            // It may have been a sync: the next may say nothing of what was lost with it.
            if matches!(error, StoreError::Io(_) | StoreError::DiskFull) {
                directory.suspect();
            }
        })
    }

    fn open_made(
        directory: &Directory,
        cache_bytes: u64,
        lease: Option<u64>,
    ) -> Result<(Self, Found), StoreError> {
        directory.prepare()?;
        directory.write_snapshot()?;
        let gated = Gated::new(&directory.log())?;
        let db = open_sled(&directory.path(), cache_bytes)?;
        let opened = match SyncFile::open(&directory.log()) {
            Ok(file) => Self { db, file, gated },
            Err(error) => {
                close(db);
                return Err(error.into());
            }
        };
        let found = directory.opened().and_then(|()| opened.look(directory.name(), lease));
        match found {
            Ok(found) => Ok((opened, found)),
            Err(error) => {
                opened.close();
                Err(error)
            }
        }
    }

    /// Closes the last handle.
    pub(super) fn close(self) {
        close(self.db);
    }

    fn look(&self, name: &str, lease: Option<u64>) -> Result<Found, StoreError> {
        if self.item(&partition_key())? != name.as_bytes() {
            return Err(StoreError::WrongPartition);
        }
        let stored = number(&self.item(&epoch_key())?).ok_or(StoreError::Corrupt)?;
        let state = State::decode(&self.item(&state_key())?).ok_or(StoreError::Corrupt)?;
        let epoch = match lease {
            Some(lease) if lease == stored => lease,
            Some(_) => return Err(StoreError::Fenced),
            None => stored.checked_add(1).ok_or(StoreError::Corrupt)?,
        };
        if epoch != stored {
            self.db.insert(epoch_key(), epoch.to_be_bytes().to_vec()).map_err(store_error)?;
            self.file.commit(&self.db)?;
        }
        let leftovers = self.db.scan_prefix(leftover_prefix()).keys();
        let leftovers = leftovers
            .map(|key| Leftover::decode(&key.map_err(store_error)?).ok_or(StoreError::Corrupt))
            .collect::<Result<_, _>>()?;
        Ok(Found { epoch, state, leftovers })
    }

    fn item(&self, key: &[u8]) -> Result<sled::IVec, StoreError> {
        self.db.get(key).map_err(store_error)?.ok_or(StoreError::Corrupt)
    }
}

/// Fills a new directory.
fn fill(dir: &Path, name: &str) -> Result<(), StoreError> {
    let db = open_sled(dir, 1 << 20)?;
    let mut batch = sled::Batch::default();
    batch.insert(partition_key(), name.as_bytes());
    batch.insert(epoch_key(), 0u64.to_be_bytes().to_vec());
    batch.insert(state_key(), State::default().encode());
    let filled = db.apply_batch(batch).map_err(store_error);
    let flushed = filled.and_then(|()| SyncFile::open(&dir.join("db"))?.commit(&db));
    close(db);
    flushed
}
