//! The journal: what happened, in order, durable before anybody is told; one file for all bodies, so that one
//! fsync serves them all. Behind it each partition has a log of its own, derived from the journal, and the journal is
//! cut off behind what was derived: a reader finds every entry in one place or the other.
//!
//! Everything that waits is written as one block and synced once, and a block is written only after the one
//! before it was synced. So a damaged block with nothing behind it is a write that a crash cut short and nobody
//! was told of: it is cut off at opening. A damaged block with a good one behind it was acknowledged once: that
//! is [`JournalError::Corrupt`], and nothing is cut. Damage to the very last acknowledged block cannot be told
//! from a torn write here; whoever keeps the sequence numbers elsewhere can. Opening reads the newest segment only:
//! damage in older ones shows when they are read.
//!
//! The log of a body whose rows lie on a PostgreSQL server is a table there instead ([`Journal::adopt`]), and goes with
//! the rows when they move ([`LogMove`]); what belongs to the node alone stays in its files.
//!
//! Entries come sealed under their body's key. Each partition's entries are numbered from 1 without a gap. The first
//! that is kept may be a later one: then it says why ([`GivenUp`]).
//!
//! ```text
//! lock                            held while the journal is open
//! <n>.seg                         segments
//! <n>.sum                         what a full segment holds, in brief
//! checkpoint                      how far the logs are derived
//! logs/<partition>/<number>.log   a partition's entries from that number on
//! reserve/<n>                     space that is kept for when there is no other
//! ```

mod appending;
mod block;
mod blocks;
mod checkpoint;
mod derive;
mod entry;
mod error;
mod fields;
mod given;
mod handover;
mod index;
mod keeper;
mod log_file;
mod on_server;
mod options;
mod reader;
mod recover;
mod reserve;
mod restore;
mod retire;
mod routes;
mod scan;
mod segment;
mod slack;
mod summary;
mod table;
mod unsynced;
mod writer;

#[cfg(test)]
mod doubts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod zeros;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::commit_queue::{CommitQueue, QueueLimits};
use crate::durable_file::ensure_dir;
use crate::folder;
use crate::hold::hold;
use crate::lock_file::LockFile;
pub use appending::Appending;
use checkpoint::Checkpoint;
pub use checkpoint::GivenUp;
pub use entry::{Entry, JournalEntry, MAX_SEALED_BYTES};
pub use error::JournalError;
use given::Given;
pub use handover::{HeldLog, LogMove};
use index::Index;
use keeper::Keeper;
pub use options::{JournalOptions, JournalStatus, Recovered, SyncObserver, SyncReport};
use reader::FileReader;
pub use reader::JournalReader;
pub use reserve::Reserve;
pub use routes::LogPlace;
use routes::Routes;
use segment::{Disk, Medium};
pub use slack::Slack;
use table::TableJournal;
use writer::{Job, Spare, Writer};

/// An open journal. Dropping it writes what is queued and ends its threads.
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    routes: Routes,
    // Dropped last: nobody else may open the journal while the threads still write.
    _lock: LockFile,
}

/// What callers and the journal's threads share. Locks are taken in the order `logs`, `given`, `index`; `spare` before
/// `index`.
struct Shared {
    dir: PathBuf,
    options: JournalOptions,
    medium: Box<dyn Medium>,
    queue: CommitQueue<Job>,
    /// The number given last, per partition.
    given: Given,
    /// What is durable.
    index: Mutex<Index>,
    /// Set after a write of unknown outcome, until the journal goes on in another segment.
    failed: AtomicBool,
    /// How far the logs are derived. Held by who changes them.
    logs: Mutex<Checkpoint>,
    /// Set where it is not known whether another checkpoint than `logs` lies on the disk: nothing is appended then.
    unsettled: AtomicBool,
    /// The next segment, if it was begun ahead.
    spare: Mutex<Option<Spare>>,
    keeper: Keeper,
}

impl Journal {
    /// Opens the journal in `dir` (created if it is not there), reads its newest segment, cuts off a torn write.
    /// Blocking. One process at a time: [`JournalError::Locked`] for the second.
    pub fn open(dir: &Path, options: JournalOptions) -> Result<(Self, Recovered), JournalError> {
        Self::open_on(dir, options, Disk)
    }

    fn open_on(
        dir: &Path,
        options: JournalOptions,
        medium: impl Medium,
    ) -> Result<(Self, Recovered), JournalError> {
        ensure_dir(dir)?;
        let lock = LockFile::take(&dir.join("lock"))?.ok_or(JournalError::Locked)?;
        let medium: Box<dyn Medium> = Box::new(medium);
        let found = recover::recover(dir, &*medium)?;
        let limits = QueueLimits {
            items: options.queue_entries,
            bytes: options.queue_bytes,
            group_items: options.queue_entries,
            group_bytes: block::MAX_GROUP_BYTES,
        };
        let first = found.checkpoint.journal_from;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            options,
            medium,
            queue: CommitQueue::new(limits),
            given: Given::after(found.index.last_numbers()),
            index: Mutex::new(found.index),
            failed: AtomicBool::new(false),
            logs: Mutex::new(found.checkpoint),
            unsettled: AtomicBool::new(false),
            spare: Mutex::new(found.spare),
            keeper: Keeper::default(),
        });
        let routes = Routes::default();
        let mut journal =
            Self { shared: Arc::clone(&shared), writer: None, keeper: None, routes, _lock: lock };
        let writer = Writer::new(Arc::clone(&shared), found.tail, first);
        journal.writer = Some(thread("journal", move || writer.run())?);
        journal.keeper = Some(thread("journal-keeper", move || keeper::run(&shared))?);
        journal.shared.keeper.wake();
        Ok((journal, found.recovered))
    }

    /// The entries of one partition that are durable now, from the number `from` on, or from the first that is kept if
    /// that is a later one, in order. The reader does blocking file I/O and holds one block in memory.
    pub fn read(&self, partition: &str, from: u64) -> JournalReader {
        match self.routes.table_of(partition) {
            Some(table) => table.read(partition, from).into(),
            None => FileReader::new(Arc::clone(&self.shared), partition, from).into(),
        }
    }

    /// The numbers of the partition's entries as they stand one behind the other near where `from` is to be, at most
    /// `limit` or a block more: where what stands there is not what is due. Empty where a server keeps them, which keeps
    /// them by their numbers. Blocking file I/O.
    pub fn numbers_near(&self, partition: &str, from: u64, limit: usize) -> Vec<u64> {
        match self.routes.table_of(partition) {
            Some(_) => Vec::new(),
            None => reader::numbers(&self.shared, partition, from, limit),
        }
    }

    /// The number of the partition's last durable entry; 0 if there never was one.
    pub fn last_number(&self, partition: &str) -> u64 {
        match self.routes.table_of(partition) {
            Some(table) => table.last_number(partition),
            None => hold(&self.shared.index).last_number(partition),
        }
    }

    /// The number of the partition's first entry that is kept, 1 unless earlier ones were given up, and why they were.
    pub fn first_number(&self, partition: &str) -> (u64, Option<GivenUp>) {
        match self.routes.table_of(partition) {
            Some(table) => table.first_number(partition),
            None => hold(&self.shared.index).first_number(partition),
        }
    }

    /// The replay ids of all durable entries made at or after `since_ms` (Unix milliseconds), each with its time
    /// (R22): of all bodies that are adopted, where the journal is a table. Blocking. They are kept until
    /// [`Journal::forget_replay_ids`].
    pub fn replay_ids(&self, since_ms: u64) -> Result<Vec<([u8; 16], u64)>, JournalError> {
        let mut ids = reader::replay_ids(&self.shared, since_ms)?;
        if let Some(table) = self.routes.table() {
            ids.extend(table.replay_ids(None, since_ms)?);
        }
        Ok(ids)
    }

    /// Those of one body that was just adopted: of its own log where that lies on a server, so that who takes a body over
    /// knows what another node has answered; in files, where all logs share their segments, of all logs there. Blocking.
    pub fn replay_ids_of(
        &self,
        partition: &str,
        since_ms: u64,
    ) -> Result<Vec<([u8; 16], u64)>, JournalError> {
        match self.routes.table_of(partition) {
            Some(table) => table.replay_ids(Some(partition), since_ms),
            None => reader::replay_ids(&self.shared, since_ms),
        }
    }

    /// Replay ids noted before `before_ms` (Unix milliseconds) are asked for no more: what is kept for them alone goes.
    /// Blocking file I/O.
    pub fn forget_replay_ids(&self, before_ms: u64) -> Result<(), JournalError> {
        if let Some(table) = self.routes.table() {
            table.forget_replays(before_ms)?;
        }
        self.shared.forget_replays(before_ms)
    }

    /// Derives the logs from the oldest full segments now and removes these; how many that were, 0 if all is derived.
    /// The journal does it by itself too. Blocking file I/O.
    pub fn derive(&self) -> Result<usize, JournalError> {
        self.shared.derive()
    }

    /// Gives up a partition's entries before `number`, or all it has if that is behind the last: they are read no more
    /// when this returns, also after a power cut, and their space goes with the files that hold nothing else. Numbers go
    /// on as before. Blocking file I/O.
    pub fn forget_before(&self, partition: &str, number: u64, why: GivenUp) -> Result<(), JournalError> {
        match self.routes.table_of(partition) {
            Some(table) => table.forget(partition, number, why),
            None => self.shared.forget(partition, number, why),
        }
    }

    /// The number of the partition's first entry made at or after `since_ms` (Unix milliseconds), or the next one where
    /// there is none. Reads the entries before it: blocking file I/O.
    pub fn first_since(&self, partition: &str, since_ms: u64) -> Result<u64, JournalError> {
        let mut first = self.first_number(partition).0;
        for entry in self.read(partition, first) {
            let entry = entry?;
            if entry.at_ms >= since_ms {
                break;
            }
            first = entry.seq + 1;
        }
        Ok(first)
    }

    /// Puts entries back into the log of a partition that has none, in unbroken sequence from any number on; `missing`
    /// says why, where that is not 1. The number of the last, from which the partition goes on: durable when this
    /// returns; after an error or a stop there is nothing. Blocking file I/O.
    pub fn import(
        &self,
        partition: &str,
        entries: impl IntoIterator<Item = Result<JournalEntry, JournalError>>,
        missing: GivenUp,
    ) -> Result<u64, JournalError> {
        folder::check_name(partition).map_err(|_| JournalError::BadName)?;
        match self.routes.table_of(partition) {
            Some(table) => table.restore(partition, entries.into_iter(), missing),
            None => self.shared.restore(partition, entries.into_iter(), missing),
        }
    }

    /// How the journal and its disk stand. Asks the file system.
    pub fn status(&self) -> Result<JournalStatus, JournalError> {
        let disk = rustix::fs::statvfs(&self.shared.dir).map_err(io::Error::from)?;
        // One after the other: within one expression both would be held, and the keeper takes them the other way round.
        let segments = hold(&self.shared.index).segments().count();
        let reserved = hold(&self.shared.spare).is_some();
        Ok(JournalStatus {
            waiting: self.queue_depth(),
            segments,
            reserved,
            failed: self.failed(),
            disk_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }

    /// The reserve of so many bytes on the journal's disk.
    pub fn reserve(&self, bytes: u64) -> Reserve {
        Reserve::new(&self.shared.dir, bytes)
    }

    /// Entries that wait to be written now.
    pub fn queue_depth(&self) -> usize {
        self.shared.queue.depth() + self.routes.table().map_or(0, TableJournal::queue_depth)
    }

    /// Whether the journal refuses everything because a write failed: it tries by itself to go on.
    pub fn failed(&self) -> bool {
        let on_server = self.routes.table().is_some_and(TableJournal::failed);
        on_server || self.shared.refuses()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.keeper.stop();
        for thread in [self.writer.take(), self.keeper.take()].into_iter().flatten() {
            // A thread that panicked has dropped its jobs: their callers know already.
            let _ = thread.join();
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
