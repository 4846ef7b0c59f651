//! One transaction per group of batches.
//!
//! A batch's preconditions are all checked before its first write, against what the batches before it in the
//! group have written; so a batch that is refused has touched nothing and the others go on. Any failure of SQLite
//! itself undoes the whole group.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, ffi};

use super::compaction::Compaction;
use super::fault::FaultCell;
use super::home::{Home, Link};
use super::writer::{Applied, GroupCommit, GroupError};
use super::{disk, file, store_error};
use crate::batch::{Batch, Precondition, Write};
use crate::error::StoreError;
use crate::partition::{Compacted, WriteFault};

/// Versions are taken from the file in blocks, so that a commit does not rewrite the counter's page; what is left
/// of a block when the process ends is never used.
const VERSION_BLOCK: i64 = 1 << 20;
/// Pages in the log, as far as they can be told without asking, after which it is written into the file: what a
/// process that was killed leaves to be read again.
const LOG_PAGES: u64 = 1024;
/// Pages in the log with which readers are waited for, so that it begins anew.
const LOG_PAGES_AT_MOST: i64 = 8 * 1024;
/// Bytes of a file that is looked at for damage while its body waits: about a second.
const LOOKED_AT: u64 = 256 << 20;
/// Times as long as it was looked at, it is not looked at again.
const LOOK_PAUSE: u32 = 20;
/// Bytes of values that fill a page.
const PAGE_BYTES: usize = 8192;

const PUT: &str = "INSERT INTO rows (key, version, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";

pub(super) struct Committer {
    home: Arc<Home>,
    link: Option<Link>,
    versions: Versions,
    compaction: Compaction,
    /// Whether what the log holds was made durable since the file was opened by this process, or anew: an earlier
    /// sync may have failed, and the kernel hold for written what never was.
    proven: bool,
    /// Pages that were written to the log since it was last written into the file, about.
    logged: u64,
    /// When it may be looked for damage again.
    look_after: Option<Instant>,
}

/// What is left of the versions taken from the file.
#[derive(Default)]
struct Versions {
    last: i64,
    reserved: i64,
}

impl Committer {
    pub(super) fn new(link: Link, home: Arc<Home>) -> Self {
        Self {
            home,
            link: Some(link),
            versions: Versions::default(),
            compaction: Compaction::default(),
            proven: false,
            logged: 0,
            look_after: None,
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.open_anew()?;
        let connection = open(&self.home, &mut self.link)?;
        file::check(connection).map_err(store_error)?.then_some(()).ok_or(StoreError::Corrupt)
    }

    /// Does `work` in a transaction of its own, if the file is still ours.
    fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Versions, &mut Compaction) -> rusqlite::Result<T>,
    ) -> Result<T, GroupError> {
        let connection = match open(&self.home, &mut self.link) {
            Ok(connection) => connection,
            Err(error) => return Err(GroupError::Refused(disk::explain(error, &self.home.path))),
        };
        if !self.proven {
            // Not when it is opened: until something is to be written, a body that was killed is read at once.
            let confirmed = file::confirm_log(&self.home.path).map_err(disk::io_error);
            if let Err(error) = confirmed.and_then(|()| file::empty_log(connection).map_err(store_error)) {
                return Err(GroupError::Refused(disk::explain(error, &self.home.path)));
            }
            self.proven = true;
        }
        let (versions, compaction) = (&mut self.versions, &mut self.compaction);
        let done =
            transaction(connection, self.home.epoch, |connection| work(connection, versions, compaction));
        done.map_err(|failed| {
            self.versions = Versions::default();
            self.compaction = Compaction::default();
            self.explain(failed)
        })
    }

    /// Lets go of all that is open first: the log's index in memory says what was written, not what is durable.
    fn open_anew(&mut self) -> Result<(), StoreError> {
        self.link = None;
        self.proven = false;
        self.versions = Versions::default();
        let opened = if self.home.pause() {
            open(&self.home, &mut self.link).map(|_| ())
        } else {
            Err(StoreError::Io(std::io::ErrorKind::TimedOut.into()))
        };
        self.home.resume();
        opened
    }

    fn explain(&mut self, failed: Failed) -> GroupError {
        match failed {
            Failed::Undone(error) => {
                let error = disk::explain(error, &self.home.path);
                if matches!(error, StoreError::ReadOnly) {
                    // What was opened on a disk that took no writes takes none when the disk does again.
                    self.link = None;
                }
                GroupError::Refused(error)
            }
            Failed::WriteUndone(error) => match disk::explain(error, &self.home.path) {
                refused @ (StoreError::ReadOnly | StoreError::DiskFull) => GroupError::Refused(refused),
                unknown => GroupError::Unknown(unknown),
            },
            Failed::Unknown(error) => GroupError::Unknown(error),
        }
    }
}

/// The connection that writes, opened if it is not.
fn open<'a>(home: &Home, link: &'a mut Option<Link>) -> Result<&'a Connection, StoreError> {
    let link = match link {
        Some(link) => link,
        none => none.insert(home.link(|home| file::reopen(&home.path, &home.name, home.epoch))?),
    };
    link.connection().map_err(store_error)
}

/// How a transaction failed.
enum Failed {
    /// Nothing of it was written.
    Undone(StoreError),
    /// Its last pages were not taken; nothing of it was written if that is because the disk takes none.
    WriteUndone(StoreError),
    /// It may be there when the file is opened again.
    Unknown(StoreError),
}

fn transaction<T>(
    connection: &Connection,
    epoch: u64,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Failed> {
    run(connection, "BEGIN IMMEDIATE").map_err(|error| Failed::Undone(store_error(error)))?;
    let written = match file::stored_epoch(connection) {
        Ok(stored) if stored == i64::try_from(epoch).ok() => work(connection).map_err(store_error),
        Ok(_) => Err(StoreError::Fenced),
        Err(error) => Err(store_error(error)),
    };
    match written {
        Ok(done) => match run(connection, "COMMIT") {
            Ok(()) => Ok(done),
            Err(error) => Err(not_committed(connection, error)),
        },
        Err(error) => match undo(connection) {
            Ok(()) => Err(Failed::Undone(error)),
            Err(_) => Err(Failed::Unknown(error)),
        },
    }
}

fn not_committed(connection: &Connection, error: rusqlite::Error) -> Failed {
    let write = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE);
    let undone = undo(connection).is_ok();
    match store_error(error) {
        // The last page did not fit: without it the transaction is none.
        StoreError::DiskFull if undone => Failed::Undone(StoreError::DiskFull),
        error if undone && write => Failed::WriteUndone(error),
        error => Failed::Unknown(error),
    }
}

fn undo(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite may have undone it by itself.
    if connection.is_autocommit() { Ok(()) } else { run(connection, "ROLLBACK") }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// What a group has done.
struct Group {
    results: Vec<Result<(), StoreError>>,
    /// Pages that it wrote, about.
    pages: usize,
    /// Rows that it removed.
    removed: usize,
}

fn write_group(
    connection: &Connection,
    batches: &[Applied],
    versions: &mut Versions,
) -> rusqlite::Result<Group> {
    let mut group = Group { results: Vec::with_capacity(batches.len()), pages: 0, removed: 0 };
    for applied in batches {
        let holds = preconditions_hold(connection, &applied.batch)?;
        if holds {
            let version = versions.next(connection)?;
            write(connection, &applied.batch, version, &mut group)?;
        }
        group.results.push(if holds { Ok(()) } else { Err(StoreError::Conflict) });
    }
    Ok(group)
}

fn preconditions_hold(connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
    for precondition in &batch.preconditions {
        let holds = match precondition {
            Precondition::Absent(key) => version_of(connection, key.as_bytes())?.is_none(),
            Precondition::Version(key, version) => {
                version_of(connection, key.as_bytes())?.and_then(|found| u64::try_from(found).ok())
                    == Some(*version)
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn version_of(connection: &Connection, key: &[u8]) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT version FROM rows WHERE key = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()
}

impl Versions {
    fn next(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        if self.last >= self.reserved {
            let mut statement = connection.prepare_cached(
                "UPDATE meta SET value = value + ?1 WHERE name = 'versions' RETURNING value",
            )?;
            self.reserved = statement.query_row([VERSION_BLOCK], |row| row.get(0))?;
            self.last = self.reserved - VERSION_BLOCK;
        }
        self.last += 1;
        Ok(self.last)
    }
}

fn write(connection: &Connection, batch: &Batch, version: i64, group: &mut Group) -> rusqlite::Result<()> {
    for write in &batch.writes {
        match write {
            Write::Put(key, value) => {
                connection.prepare_cached(PUT)?.execute((key.as_bytes(), version, value))?;
                group.pages += 1 + value.len() / PAGE_BYTES;
            }
            Write::Delete(key) => {
                let mut statement = connection.prepare_cached("DELETE FROM rows WHERE key = ?1")?;
                group.removed += statement.execute([key.as_bytes()])?;
                group.pages += 1;
            }
        }
    }
    Ok(())
}

impl GroupCommit for Committer {
    fn fault(&self) -> &FaultCell {
        &self.home.fault
    }

    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        let group = self.in_transaction(|connection, versions, compaction| {
            let group = write_group(connection, batches, versions)?;
            compaction.removed(connection, group.removed)?;
            Ok(group)
        })?;
        self.logged += u64::try_from(group.pages).unwrap_or(u64::MAX).saturating_add(1);
        Ok(group.results)
    }

    fn compact(&mut self) -> Result<Compacted, GroupError> {
        let step = self.in_transaction(|connection, _, compaction| compaction.step(connection))?;
        // The file is cut off when the log is written into it.
        self.logged += if step.compacted.bytes > 0 { LOG_PAGES } else { step.pages };
        Ok(step.compacted)
    }

    fn tidy(&mut self) -> Result<(), StoreError> {
        if self.logged < LOG_PAGES {
            return Ok(());
        }
        let Some(link) = &mut self.link else { return Ok(()) };
        let connection = link.connection().map_err(store_error)?;
        self.logged = 0;
        let written = file::write_log(connection, LOG_PAGES_AT_MOST).map_err(store_error);
        written.map_err(|error| disk::explain(error, &self.home.path))
    }

    fn recover(&mut self, anew: bool) -> Result<(), GroupError> {
        if anew {
            self.open_anew().map_err(|error| GroupError::Refused(disk::explain(error, &self.home.path)))?;
        }
        if matches!(self.home.fault.get(), Some(WriteFault::DiskFull)) {
            // A little may fit where a batch does not.
            disk::has_room(&self.home.path).map_err(GroupError::Refused)?;
        }
        // A version is left out: a value that stayed the same would not be written.
        self.in_transaction(|connection, _, _| {
            run(connection, "UPDATE meta SET value = value + 1 WHERE name = 'versions'")
        })
    }

    fn look_for_damage(&mut self) -> Option<Result<(), GroupError>> {
        let now = Instant::now();
        let size = std::fs::metadata(&self.home.path).map_or(0, |file| file.len());
        if size > LOOKED_AT || self.look_after.is_some_and(|after| now < after) {
            return None;
        }
        let looked = self.look().map_err(|error| GroupError::Refused(disk::explain(error, &self.home.path)));
        self.look_after = now.checked_add(now.elapsed() * LOOK_PAUSE);
        Some(looked)
    }

    fn close(&mut self, in_order: bool) {
        let Some(mut link) = self.link.take() else { return };
        self.logged = 0;
        if in_order
            && self.proven
            && let Err(error) = link.connection().and_then(file::empty_log)
        {
            // It is read again when the file is opened.
            tracing::warn!(cause = %error, "a log was left behind");
        }
    }
}
