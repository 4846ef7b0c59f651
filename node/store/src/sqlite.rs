//! The default engine: one SQLite file per body, in WAL mode with a real fsync at every commit.
//!
//! Reads take one connection behind a mutex and stay on the caller's thread: waking another would cost more than
//! the read. Writes go through a bounded queue to one thread, which makes all that wait durable in one commit.
//! An idle partition costs its thread and two connections, nothing else.

mod committer;
mod engine;
mod file;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::batch::{Batch, MAX_BATCH_BYTES};
use crate::commit_queue::{CommitQueue, PushError, QueueLimits};
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Partition, Rows, Versioned};
use crate::reading::Reading;
use crate::row::RowKey;
use committer::Committer;
pub(crate) use engine::SqliteEngine;
use reader::Reader;
use writer::Job;

/// What may wait for one body's writer, and what shares one commit: a group is written in well under a second.
const QUEUE: QueueLimits =
    QueueLimits { items: 1024, bytes: 2 * MAX_BATCH_BYTES, group_items: 256, group_bytes: MAX_BATCH_BYTES };

/// One body's open file. Dropping it writes what is queued and ends its thread.
pub(crate) struct SqlitePartition {
    reader: Reader,
    queue: Arc<CommitQueue<Job>>,
    writer: Option<JoinHandle<()>>,
    // Dropped last: nobody else may open the folder while the thread still writes.
    _lock: Arc<LockFile>,
}

impl SqlitePartition {
    /// Opens the file of the partition `name`, creating it if there is none.
    pub(crate) fn open(path: &Path, name: &str, lock: Arc<LockFile>) -> Result<Self, StoreError> {
        let engine = Committer::new(file::open(path, name)?);
        let reader = Reader::new(file::open_reader(path)?);
        let queue = Arc::new(CommitQueue::new(QUEUE));
        let waiting = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name(format!("store-{name}"))
            .spawn(move || writer::run(&waiting, engine))?;
        Ok(Self { reader, queue, writer: Some(writer), _lock: lock })
    }
}

impl Partition for SqlitePartition {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        Reading::now(self.reader.get_many(keys))
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        Reading::now(self.reader.scan(prefix, after, limit))
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        let queued = enqueue(&self.queue, batch);
        // The thread answers every job it takes; if it ended without, the outcome is unknown.
        Box::pin(async move { queued?.await.unwrap_or(Err(StoreError::Stopped)) })
    }
}

fn enqueue(
    queue: &CommitQueue<Job>,
    batch: Batch,
) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
    batch.check()?;
    let bytes = batch.bytes();
    let (done, answer) = oneshot::channel();
    queue.push(Job { batch, done }, bytes).map_err(|error| match error {
        PushError::Full => StoreError::Busy,
        PushError::Closed => StoreError::Stopped,
    })?;
    Ok(answer)
}

impl Drop for SqlitePartition {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has dropped its jobs: their callers know already.
            let _ = writer.join();
        }
    }
}

/// What an engine's failure means to the caller.
fn store_error(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as Code;
    match error.sqlite_error_code() {
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => StoreError::Corrupt,
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => StoreError::Busy,
        Some(Code::DiskFull) => StoreError::DiskFull,
        _ => StoreError::Io(std::io::Error::other(error)),
    }
}
