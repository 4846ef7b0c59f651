//! The engine for who wants sled: one directory per body.
//!
//! sled alone acknowledges what a power cut takes back, keeps large leaves in files that it never syncs, stops opening
//! after being stopped at the wrong moment, shows a batch before it is durable and panics where it finds damage. What
//! is here makes up for each of these; what it cannot make up for is that sled gives no space back, lets nobody read
//! in any body while it takes in a batch of one, and costs threads and syncs for every open body.
//!
//! A read that finds everything in sled's cache stays on the caller's thread. Which page is in the cache sled does not
//! tell: so that is assumed of a body which fits into the cache and was read through once, in the background after its
//! opening. Every other read goes to a thread that may wait.

mod committer;
mod directory;
mod engine;
mod failure;
mod group;
mod layout;
mod live;
mod opened;
mod reuse_gate;
mod shared;
mod sync;
mod writer;

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::batch::{Batch, MAX_BATCH_BYTES};
use crate::commit_queue::{CommitQueue, PushError, QueueLimits};
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Compacted, Partition, Rows, Usage, Versioned, WriteFault};
use crate::reading::Reading;
use crate::row::RowKey;
use crate::turns::{self, FOR_A_READ, FOR_A_WALK, Turns};
use committer::Committer;
use directory::Directory;
pub(crate) use engine::SledEngine;
use live::Live;
use shared::Shared;
use writer::Job;

/// What may wait for one body's writer, and what shares one commit.
const QUEUE: QueueLimits =
    QueueLimits { items: 1024, bytes: 2 * MAX_BATCH_BYTES, group_items: 1024, group_bytes: MAX_BATCH_BYTES };
/// What a step of a batch counts in the queue besides its bytes: the row's first item stays in memory until the group
/// is durable.
const STEP_BYTES: usize = 1024;

/// How the sled engine uses memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SledOptions {
    /// Bytes of pages that each open body may keep in memory. Bodies that fit into half of it are read without waking a
    /// thread.
    pub cache_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20 }
    }
}

/// One body's open directory. Dropping it writes what is queued and ends its thread.
pub(in crate::sled) struct SledPartition {
    shared: Arc<Shared>,
    epoch: u64,
    queue: Arc<CommitQueue<Job>>,
    writer: Option<JoinHandle<()>>,
    // Dropped last: nobody else may open the folder while the thread still writes.
    _lock: Arc<LockFile>,
}

impl SledPartition {
    /// Opens the directory, creating it if there is none. May take as long as sled takes to read its log.
    pub(in crate::sled) fn open(
        directory: Directory,
        options: &SledOptions,
        lock: Arc<LockFile>,
    ) -> Result<Self, StoreError> {
        let name = format!("store-{}", directory.name());
        let shared = Arc::new(Shared::new(directory, options.cache_bytes));
        let opening = Arc::clone(&shared);
        let committer = failure::contained(move || Committer::open(opening))?;
        let epoch = committer.epoch();
        let queue = Arc::new(CommitQueue::new(QUEUE));
        let (waiting, served) = (Arc::clone(&queue), Arc::clone(&shared));
        let writer = std::thread::Builder::new()
            .name(name)
            .spawn(move || writer::run(&waiting, &served, committer))?;
        Ok(Self { shared, epoch, queue, writer: Some(writer), _lock: lock })
    }

    /// Lets nobody wait for a writer that does not come back: the partition takes no more until it is opened again.
    fn give_up_if_stuck(&self) -> bool {
        let stuck = self.shared.is_stuck();
        if stuck {
            self.queue.close();
            self.queue.take_waiting(&mut Vec::new());
        }
        stuck
    }

    /// A read that may have to wait.
    fn later<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Live) -> Result<T, StoreError> + Send + 'static,
    ) -> Reading<T> {
        let shared = Arc::clone(&self.shared);
        waited(FOR_A_READ, move || shared.read(&shared.live(), read))
    }
}

/// Reads that wait for the disk or for a writer at a time, over all bodies, and how many more wait for their turn.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(64, 1024));

fn waited<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Reading<T> {
    Reading::later(async move {
        let turn = turns::turn(TURNS.take()).await?;
        let reading = tokio::task::spawn_blocking(move || {
            // Also if nobody waits for it any more.
            let _turn = turn;
            work()
        });
        turns::read(limit, async { reading.await.unwrap_or(Err(StoreError::Stopped)) }).await
    })
}

impl Partition for SledPartition {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        if let Some(live) = self.shared.at_hand() {
            return Reading::now(self.shared.read(&live, |live| live.get_many(keys)));
        }
        let keys = keys.to_vec();
        self.later(move |live| live.get_many(&keys))
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        if let Some(live) = self.shared.at_hand() {
            return Reading::now(self.shared.read(&live, |live| live.scan(prefix, after, limit)));
        }
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.later(move |live| live.scan(&prefix, after.as_ref(), limit))
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        self.give_up_if_stuck();
        let queued = enqueue(&self.queue, batch);
        // The thread answers every job it takes; if it ended without, the outcome is unknown.
        Box::pin(async move { queued?.await.unwrap_or(Err(StoreError::Stopped)) })
    }

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        let (shared, prefix) = (Arc::clone(&self.shared), prefix.clone());
        waited(FOR_A_WALK, move || {
            let mut counted = 0;
            let mut after = None;
            loop {
                let step = shared.read(&shared.live(), |live| live.count(&prefix, after.as_ref()))?;
                counted += step.0;
                after = step.1;
                if after.is_none() {
                    return Ok(counted);
                }
            }
        })
    }

    fn usage(&self) -> Reading<Usage> {
        let shared = Arc::clone(&self.shared);
        waited(FOR_A_READ, move || {
            let bytes = shared.directory.bytes()?;
            // What sled will use again one day, and never gives back.
            let reclaimable = bytes.saturating_sub(shared.live_bytes.load(Ordering::Relaxed));
            Ok(Usage { bytes, reclaimable })
        })
    }

    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        Box::pin(async { Ok(Compacted::default()) })
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fault(&self) -> Option<WriteFault> {
        self.give_up_if_stuck();
        self.shared.fault()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        if self.fault().is_none() {
            return Box::pin(async { None });
        }
        let (done, answer) = oneshot::channel();
        let queued = self.queue.push(Job::Recover { done }, 0);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            match queued {
                Ok(()) => answer.await.unwrap_or_else(|_| shared.fault()),
                Err(PushError::Full | PushError::Closed) => shared.fault(),
            }
        })
    }
}

fn enqueue(
    queue: &CommitQueue<Job>,
    batch: Batch,
) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
    batch.check()?;
    let bytes = batch.bytes() + batch.steps() * STEP_BYTES;
    let (done, answer) = oneshot::channel();
    queue.push(Job::Write { batch, done }, bytes).map_err(|error| match error {
        PushError::Full => StoreError::Busy,
        PushError::Closed => StoreError::Stopped,
    })?;
    Ok(answer)
}

impl Drop for SledPartition {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.queue.close();
        if self.give_up_if_stuck() {
            tracing::error!("a sled partition is left open: its writer does not come back");
        } else if let Some(writer) = self.writer.take() {
            // A thread that panicked has dropped its jobs: their callers know already.
            let _ = writer.join();
        }
    }
}
