//! The journal: what happened, in order, durable before anybody is told; one file for all bodies, so that one
//! fsync serves them all.
//!
//! Everything that waits is written as one block and synced once, and a block is written only after the one
//! before it was synced. So a damaged block with nothing behind it is a write that a crash cut short and nobody
//! was told of: it is cut off at opening. A damaged block with a good one behind it was acknowledged once: that
//! is [`JournalError::Corrupt`], and nothing is cut. Damage to the very last acknowledged block cannot be told
//! from a torn write here; whoever keeps the sequence numbers elsewhere can.
//!
//! Entries come sealed under their body's key. Each partition's entries are numbered from 1 without a gap.

mod block;
mod entry;
mod error;
mod index;
mod reader;
mod recover;
mod scan;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::commit_queue::{CommitQueue, PushError, QueueLimits};
use crate::durable_file::ensure_dir;
use crate::folder;
use crate::lock_file::LockFile;
pub use entry::{Entry, JournalEntry, MAX_SEALED_BYTES};
pub use error::JournalError;
use index::Index;
pub use reader::JournalReader;
use segment::{Disk, Medium};
use writer::{Job, Writer};

/// Is told what each sync did.
pub type SyncObserver = Arc<dyn Fn(&SyncReport) + Send + Sync>;

/// How a journal is kept.
#[derive(Clone)]
pub struct JournalOptions {
    /// Bytes preallocated for each segment file; a block that is larger gets a segment of its own size.
    pub segment_bytes: u64,
    /// Entries that may wait to be written.
    pub queue_entries: usize,
    /// Bytes of sealed content that may wait to be written.
    pub queue_bytes: usize,
    /// Told after every sync, on the journal's own thread: it must be quick.
    pub observer: Option<SyncObserver>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20, queue_entries: 8192, queue_bytes: 32 << 20, observer: None }
    }
}

/// What one sync did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SyncReport {
    /// Seconds that the operating system took to sync, without the write before it.
    pub seconds: f64,
    /// Entries that it made durable.
    pub entries: usize,
    /// Entries that wait for the next one.
    pub waiting: usize,
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Entries in the journal.
    pub entries: u64,
    /// Bytes of a torn write that were cut off; nobody had been told that they were there.
    pub torn_bytes: u64,
}

/// An open journal. Dropping it writes what is queued and ends its thread.
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    // Dropped last: nobody else may open the journal while the thread still writes.
    _lock: LockFile,
}

/// What callers and the writing thread share.
struct Shared {
    dir: PathBuf,
    queue: CommitQueue<Job>,
    /// The number given last, per partition. Held while an entry is queued: the queue is in order of the numbers.
    given: Mutex<HashMap<String, u64>>,
    /// What is durable.
    index: Mutex<Index>,
    /// Set after a write of unknown outcome, for good.
    failed: AtomicBool,
}

impl Journal {
    /// Opens the journal in `dir` (created if it is not there), reads it through once, cuts off a torn write.
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
        let found = recover::recover(dir)?;
        let limits = QueueLimits {
            items: options.queue_entries,
            bytes: options.queue_bytes,
            group_items: options.queue_entries,
            group_bytes: block::MAX_GROUP_BYTES,
        };
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            queue: CommitQueue::new(limits),
            given: Mutex::new(found.index.last_numbers()),
            index: Mutex::new(found.index),
            failed: AtomicBool::new(false),
        });
        let writer = Writer::new(Arc::clone(&shared), options, found.tail, medium);
        let writer = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())?;
        Ok((Self { shared, writer: Some(writer), _lock: lock }, found.recovered))
    }

    /// Queues an entry at once; the future resolves to its number within its partition when it is durable.
    /// Dropping the future does not take the entry back.
    pub fn append(&self, entry: Entry) -> Appending {
        let Entry { partition, kind, at_ms, replay, sealed } = entry;
        self.append_sealed_with(&partition, kind, at_ms, replay, |_| Ok::<_, JournalError>(sealed))
    }

    /// As [`Journal::append`], for content that is bound to its number: `seal` is called at once, in the calling
    /// thread, with the number that the entry gets, while the journal's order is held: it must be quick. If it
    /// fails, the number is given to the next entry.
    pub fn append_sealed_with<E>(
        &self,
        partition: &str,
        kind: u8,
        at_ms: u64,
        replay: Option<[u8; 16]>,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, E>,
    ) -> Appending
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let head = entry::Head { partition: partition.to_owned(), kind, at_ms, replay };
        Appending(
            self.shared
                .enqueue(head, |number| seal(number).map_err(|error| JournalError::Seal(error.into()))),
        )
    }

    /// The entries of one partition that are durable now, from the number `from` on, in order. The reader does
    /// blocking file I/O and holds one block in memory.
    pub fn read(&self, partition: &str, from: u64) -> JournalReader {
        JournalReader::new(&self.shared.dir, hold(&self.shared.index).route(partition, from))
    }

    /// The number of the partition's last durable entry; 0 if there is none.
    pub fn last_number(&self, partition: &str) -> u64 {
        hold(&self.shared.index).last_number(partition)
    }

    /// The replay ids of all durable entries made at or after `since_ms` (Unix milliseconds), each with its time
    /// (R22). Does blocking file I/O; as long as the journal holds entries of that time.
    pub fn replay_ids(&self, since_ms: u64) -> Result<Vec<([u8; 16], u64)>, JournalError> {
        let segments = hold(&self.shared.index).segments_since(since_ms);
        reader::replay_ids(&self.shared.dir, &segments, since_ms)
    }

    /// Entries that wait to be written now.
    pub fn queue_depth(&self) -> usize {
        self.shared.queue.depth()
    }

    /// Whether the journal refuses everything because a write failed; only opening it anew ends that.
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }
}

impl Shared {
    fn enqueue(
        &self,
        head: entry::Head,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        folder::check_name(&head.partition).map_err(|_| JournalError::BadName)?;
        let mut given = hold(&self.given);
        if self.failed.load(Ordering::Acquire) {
            return Err(JournalError::Failed);
        }
        if self.queue.is_full() {
            return Err(JournalError::Full);
        }
        let number = given.get(&head.partition).copied().unwrap_or(0) + 1;
        let sealed = seal(number)?;
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(JournalError::TooLarge);
        }
        let bytes = head.encoded_len() + sealed.len();
        let partition = head.partition.clone();
        let (done, answer) = oneshot::channel();
        self.queue.push(Job { head, number, sealed, done }, bytes).map_err(|error| match error {
            PushError::Full => JournalError::Full,
            PushError::Closed => JournalError::Failed,
        })?;
        given.insert(partition, number);
        Ok(answer)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has dropped its jobs: their callers know already.
            let _ = writer.join();
        }
    }
}

/// An entry on its way; resolves to its number within its partition when it is durable.
#[derive(Debug)]
#[must_use = "nothing is durable before this resolves"]
pub struct Appending(Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError>);

impl Future for Appending {
    type Output = Result<u64, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // The thread answers every job it takes; if it ended without, the outcome is unknown.
            Ok(answer) => {
                Pin::new(answer).poll(context).map(|answer| answer.unwrap_or(Err(JournalError::Failed)))
            }
            refused => Poll::Ready(std::mem::replace(refused, Err(JournalError::Failed)).map(|_| 0)),
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
