//! One transaction per group of batches.
//!
//! A batch's preconditions are all checked before its first write, against what the batches before it in the
//! group have written; so a batch that is refused has touched nothing and the others go on. Any failure of SQLite
//! itself undoes the whole group.

use rusqlite::{Connection, OptionalExtension};

use super::store_error;
use super::writer::{GroupCommit, GroupError, Job};
use crate::batch::{Batch, Precondition, Write};
use crate::error::StoreError;

/// Versions are taken from the file in blocks, so that a commit does not rewrite the counter's page; what is left
/// of a block when the process ends is never used.
const VERSION_BLOCK: i64 = 1 << 20;
/// Free pages that are left in the file, and given back to the disk at a time.
const FREE_PAGES: i64 = 256;

const PUT: &str = "INSERT INTO rows (key, version, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";

pub(super) struct Committer {
    connection: Connection,
    next_version: i64,
    reserved: i64,
}

impl Committer {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, next_version: 0, reserved: 0 }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn write_group(&mut self, jobs: &[Job]) -> rusqlite::Result<Vec<Result<(), StoreError>>> {
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            let holds = self.preconditions_hold(&job.batch)?;
            if holds {
                let version = self.take_version()?;
                self.write(&job.batch, version)?;
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

    /// Undoes the group, and with it a reservation of versions made in it.
    fn undo(&mut self) -> rusqlite::Result<()> {
        self.reserved = 0;
        self.next_version = 0;
        // SQLite may have undone it by itself.
        if self.connection.is_autocommit() { Ok(()) } else { self.run("ROLLBACK") }
    }

    fn give_back_free_pages(&self) -> rusqlite::Result<()> {
        let free: i64 =
            self.connection.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))?;
        if free <= FREE_PAGES {
            return Ok(());
        }
        // Each step of this statement gives back one page.
        let mut statement = self.connection.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
        Ok(())
    }
}

impl GroupCommit for Committer {
    fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        let refused = |error| GroupError::Refused(store_error(error));
        self.run("BEGIN IMMEDIATE").map_err(refused)?;
        match self.write_group(jobs) {
            Ok(results) => match self.run("COMMIT").map_err(store_error) {
                Ok(()) => Ok(results),
                // The last frame did not fit: without it the transaction is none.
                Err(StoreError::DiskFull) if self.undo().is_ok() => {
                    Err(GroupError::Refused(StoreError::DiskFull))
                }
                Err(error) => Err(GroupError::Unknown(error)),
            },
            Err(error) => match self.undo() {
                Ok(()) => Err(refused(error)),
                Err(_) => Err(GroupError::Unknown(store_error(error))),
            },
        }
    }

    fn tidy(&mut self) {
        if let Err(error) = self.give_back_free_pages() {
            tracing::warn!(cause = %error, "free pages were not given back");
        }
    }
}
