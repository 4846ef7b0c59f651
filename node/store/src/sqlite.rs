//! The default engine: one SQLite file per body, in WAL mode with a real fsync at every commit.
//!
//! Reads take one connection behind a mutex and stay on the caller's thread: waking another would cost more than
//! the read. Writes go through a bounded queue to one thread, which makes all that wait durable in one commit.

mod committer;
mod compaction;
mod engine;
mod fault;
mod file;
mod options;
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
use crate::partition::{BoxFuture, Compacted, Partition, Rows, Usage, Versioned, WriteFault};
use crate::reading::Reading;
use crate::row::RowKey;
use committer::Committer;
pub(crate) use engine::SqliteEngine;
use fault::FaultCell;
pub use options::SqliteOptions;
use reader::Reader;
use writer::Job;

/// What may wait for one body's writer, and what shares one commit: a group is written in well under a second.
const QUEUE: QueueLimits =
    QueueLimits { items: 1024, bytes: 2 * MAX_BATCH_BYTES, group_items: 1024, group_bytes: MAX_BATCH_BYTES };

/// One body's open file. Dropping it writes what is queued and ends its thread.
pub(crate) struct SqlitePartition {
    reader: Arc<Reader>,
    queue: Arc<CommitQueue<Job>>,
    fault: Arc<FaultCell>,
    epoch: u64,
    writer: Option<JoinHandle<()>>,
    // Dropped last: nobody else may open the folder while the thread still writes.
    _lock: Arc<LockFile>,
}

impl SqlitePartition {
    /// Opens the file of the partition `name`, creating it if there is none.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        options: &SqliteOptions,
        lock: Arc<LockFile>,
    ) -> Result<Self, StoreError> {
        let (connection, epoch) = file::open(path, name, options.cache_bytes_per_connection)?;
        let reader = Arc::new(Reader::open(path, options.cache_bytes_per_connection)?);
        let fault = Arc::new(FaultCell::default());
        let committer = Committer::new(
            connection,
            committer::Source {
                path: path.to_owned(),
                name: name.to_owned(),
                epoch,
                cache_bytes: options.cache_bytes_per_connection,
            },
            Arc::clone(&reader),
        );
        let queue = Arc::new(CommitQueue::new(QUEUE));
        let (waiting, shared) = (Arc::clone(&queue), Arc::clone(&fault));
        let writer = std::thread::Builder::new()
            .name(format!("store-{name}"))
            .spawn(move || writer::run(&waiting, committer, &shared))?;
        Ok(Self { reader, queue, fault, epoch, writer: Some(writer), _lock: lock })
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

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        let (reader, prefix) = (Arc::clone(&self.reader), prefix.clone());
        Reading::later(engine::blocking(move || reader.count(&prefix)))
    }

    fn usage(&self) -> Reading<Usage> {
        let reader = Arc::clone(&self.reader);
        Reading::later(engine::blocking(move || reader.usage()))
    }

    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        let (done, answer) = oneshot::channel();
        let queued = self.queue.push(Job::Compact(done), 0).map_err(push_error);
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or(Err(StoreError::Stopped))
        })
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fault(&self) -> Option<WriteFault> {
        self.fault.get()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        let (done, answer) = oneshot::channel();
        let queued = self.queue.push(Job::Recover(done), 0);
        let fault = Arc::clone(&self.fault);
        Box::pin(async move {
            match queued {
                Ok(()) => answer.await.unwrap_or_else(|_| fault.get()),
                // A queue that is full is served or has a fault already.
                Err(_) => fault.get(),
            }
        })
    }
}

fn enqueue(
    queue: &CommitQueue<Job>,
    batch: Batch,
) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
    batch.check()?;
    let bytes = batch.bytes();
    let (done, answer) = oneshot::channel();
    queue.push(Job::Apply(writer::Applied { batch, done }), bytes).map_err(push_error)?;
    Ok(answer)
}

fn push_error(error: PushError) -> StoreError {
    match error {
        PushError::Full => StoreError::Busy,
        PushError::Closed => StoreError::Stopped,
    }
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
        Some(Code::ReadOnly) => StoreError::ReadOnly,
        _ => StoreError::Io(std::io::Error::other(error)),
    }
}
