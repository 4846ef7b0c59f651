//! One transaction per group of batches.
//!
//! A batch's preconditions are all checked before its first write, against what the batches before it in the
//! group have written; so a batch that is refused has touched nothing and the others go on. Any failure of SQLite
//! itself undoes the whole group.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::reader::Reader;
use super::writer::{Applied, GroupCommit, GroupError};
use super::{compaction, file, store_error};
use crate::batch::{Batch, Precondition, Write};
use crate::error::StoreError;
use crate::partition::Compacted;

/// Versions are taken from the file in blocks, so that a commit does not rewrite the counter's page; what is left
/// of a block when the process ends is never used.
const VERSION_BLOCK: i64 = 1 << 20;

const PUT: &str = "INSERT INTO rows (key, version, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";

/// Whose file it is, and where.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) epoch: u64,
    pub(super) cache_bytes: usize,
}

pub(super) struct Committer {
    connection: Connection,
    source: Source,
    reader: Arc<Reader>,
    next_version: i64,
    reserved: i64,
}

impl Committer {
    pub(super) fn new(connection: Connection, source: Source, reader: Arc<Reader>) -> Self {
        Self { connection, source, reader, next_version: 0, reserved: 0 }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn write_group(&mut self, batches: &[Applied]) -> rusqlite::Result<Vec<Result<(), StoreError>>> {
        let mut results = Vec::with_capacity(batches.len());
        for applied in batches {
            let holds = self.preconditions_hold(&applied.batch)?;
            if holds {
                let version = self.take_version()?;
                self.write(&applied.batch, version)?;
            }
            results.push(if holds { Ok(()) } else { Err(StoreError::Conflict) });
        }
        Ok(results)
    }

    fn preconditions_hold(&self, batch: &Batch) -> rusqlite::Result<bool> {
        for precondition in &batch.preconditions {
            let holds = match precondition {
                Precondition::Absent(key) => self.version_of(key.as_bytes())?.is_none(),
                Precondition::Version(key, version) => {
                    self.version_of(key.as_bytes())?.and_then(|found| u64::try_from(found).ok())
                        == Some(*version)
                }
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn version_of(&self, key: &[u8]) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT version FROM rows WHERE key = ?1")?;
        statement.query_row([key], |row| row.get(0)).optional()
    }

    fn take_version(&mut self) -> rusqlite::Result<i64> {
        if self.next_version >= self.reserved {
            let mut statement = self.connection.prepare_cached(
                "UPDATE meta SET value = value + ?1 WHERE name = 'versions' RETURNING value",
            )?;
            self.reserved = statement.query_row([VERSION_BLOCK], |row| row.get(0))?;
            self.next_version = self.reserved - VERSION_BLOCK;
        }
        self.next_version += 1;
        Ok(self.next_version)
    }

    fn write(&self, batch: &Batch, version: i64) -> rusqlite::Result<()> {
        for write in &batch.writes {
            match write {
                Write::Put(key, value) => {
                    self.connection.prepare_cached(PUT)?.execute((key.as_bytes(), version, value))?
                }
                Write::Delete(key) => self
                    .connection
                    .prepare_cached("DELETE FROM rows WHERE key = ?1")?
                    .execute([key.as_bytes()])?,
            };
        }
        Ok(())
    }

    /// Forgets a reservation of versions that may have been made in what was undone.
    fn undone(&mut self) {
        self.reserved = 0;
        self.next_version = 0;
    }

    fn undo(&mut self) -> rusqlite::Result<()> {
        self.undone();
        // SQLite may have undone it by itself.
        if self.connection.is_autocommit() { Ok(()) } else { self.run("ROLLBACK") }
    }

    fn is_ours(&self) -> rusqlite::Result<bool> {
        Ok(file::stored_epoch(&self.connection)? == i64::try_from(self.source.epoch).ok())
    }

    fn open_anew(&mut self) -> Result<(), StoreError> {
        // All that is open must go first: the log's index in memory says what was written, not what is durable.
        self.reader.close();
        self.connection = Connection::open_in_memory().map_err(store_error)?;
        self.undone();
        let Source { path, name, epoch, cache_bytes } = &self.source;
        self.connection = file::reopen(path, name, *epoch, *cache_bytes)?;
        file::empty_log(&self.connection).map_err(store_error)?;
        self.reader.open_again()
    }
}

impl GroupCommit for Committer {
    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        let refused = |error| GroupError::Refused(store_error(error));
        self.run("BEGIN IMMEDIATE").map_err(refused)?;
        let written = match self.is_ours() {
            Ok(true) => self.write_group(batches).map_err(store_error),
            Ok(false) => Err(StoreError::Fenced),
            Err(error) => Err(store_error(error)),
        };
        match written {
            Ok(results) => match self.run("COMMIT").map_err(store_error) {
                Ok(()) => Ok(results),
                // The last frame did not fit: without it the transaction is none.
                Err(StoreError::DiskFull) if self.undo().is_ok() => {
                    Err(GroupError::Refused(StoreError::DiskFull))
                }
                Err(error) => Err(GroupError::Unknown(error)),
            },
            Err(error) => match self.undo() {
                Ok(()) => Err(GroupError::Refused(error)),
                Err(_) => Err(GroupError::Unknown(error)),
            },
        }
    }

    fn compact(&mut self) -> Result<Compacted, GroupError> {
        compaction::step(&self.connection).map_err(|error| match store_error(error) {
            full @ (StoreError::DiskFull | StoreError::Busy) => GroupError::Refused(full),
            other => GroupError::Unknown(other),
        })
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        self.open_anew()?;
        self.run("UPDATE meta SET value = value WHERE name = 'epoch'").map_err(store_error)
    }
}
