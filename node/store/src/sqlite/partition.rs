//! One body behind the seam: which reads are made at once, and which elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::body::Body;
use super::compaction;
use super::engine::{Slot, blocking};
use super::home::Home;
use super::reader;
use super::writer::Job;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{
    BoxFuture, Compacted, MAX_GET_KEYS, MAX_SCAN_ROWS, Partition, Rows, Usage, Versioned, WriteFault,
};
use crate::reading::Reading;
use crate::row::RowKey;
use crate::turns::{self, FOR_A_READ, FOR_A_WALK};

/// Rows asked for above which a read is not made on the caller's thread, however warm the body is.
const ROWS_HERE: usize = 64;

/// A body that is held open. Dropping it writes what is queued and closes its files.
pub(crate) struct SqlitePartition {
    body: Arc<Body>,
    slot: Arc<Slot>,
    // Dropped last: nobody else may open the folder before all is written.
    _lock: Arc<LockFile>,
}

impl SqlitePartition {
    /// Holds a body open, and its place in the table taken.
    pub(super) fn new(body: Arc<Body>, slot: Arc<Slot>, lock: Arc<LockFile>) -> Self {
        Self { body, slot, _lock: lock }
    }

    /// What a read of up to so many rows gives, if it may be made on this thread.
    fn here<T>(
        &self,
        rows: usize,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<Result<T, StoreError>> {
        let home = &*self.body.home;
        if rows > ROWS_HERE {
            return None;
        }
        let began = home.machinery.now();
        if !home.warmth.enter(began) {
            return None;
        }
        let Some(mut lease) = home.try_lease() else {
            home.warmth.turn_back();
            return None;
        };
        let answer = lease.read(read);
        home.warmth.leave(began, home.machinery.now(), rows);
        Some(answer)
    }

    /// The same on a thread that may wait for the disk.
    fn elsewhere<T: Send + 'static>(
        &self,
        rows: usize,
        limit: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Reading<T> {
        let home = Arc::clone(&self.body.home);
        home.warmth.touch(home.machinery.now());
        Reading::later(async move {
            let both = async { Ok((home.lease().await?, home.machinery.cold.take().await?)) };
            let (mut lease, turn) = turns::turn(both).await?;
            let reading = blocking(move || {
                // Also if nobody waits for it any more.
                let _turn = turn;
                let began = home.machinery.now();
                let answer = lease.read(read);
                home.warmth.elsewhere(began, home.machinery.now(), rows);
                answer
            });
            turns::read(limit, reading).await
        })
    }
}

impl Partition for SqlitePartition {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        if keys.len() > MAX_GET_KEYS {
            return Reading::now(Err(StoreError::TooLarge));
        }
        match self.here(keys.len(), |connection| reader::get_many(connection, keys)) {
            Some(answer) => Reading::now(answer),
            None => {
                let keys = keys.to_vec();
                self.elsewhere(keys.len(), FOR_A_READ, move |connection| reader::get_many(connection, &keys))
            }
        }
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        if limit > MAX_SCAN_ROWS {
            return Reading::now(Err(StoreError::TooLarge));
        }
        match self.here(limit, |connection| reader::scan(connection, prefix, after, limit)) {
            Some(answer) => Reading::now(answer),
            None => {
                let (prefix, after) = (prefix.clone(), after.cloned());
                self.elsewhere(limit, FOR_A_READ, move |connection| {
                    reader::scan(connection, &prefix, after.as_ref(), limit)
                })
            }
        }
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        let queued = self.body.apply(batch);
        // Every job is answered; if its thread ended without, the outcome is unknown.
        Box::pin(async move { queued?.await.unwrap_or(Err(StoreError::Stopped)) })
    }

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        let prefix = prefix.clone();
        // How long it takes says nothing about other reads.
        self.elsewhere(usize::MAX, FOR_A_WALK, move |connection| reader::count(connection, &prefix))
    }

    fn usage(&self) -> Reading<Usage> {
        let home = Arc::clone(&self.body.home);
        let asked = self.elsewhere(1, FOR_A_READ, |connection| {
            let (pages, free, page) = reader::pages(connection)?;
            let used = pages.saturating_sub(free).saturating_mul(page);
            Ok(free.saturating_mul(page) + compaction::reclaimable(connection, used)?)
        });
        Reading::later(async move {
            let reclaimable = asked.await?;
            blocking(move || Ok(Usage { bytes: bytes_of(&home)?, reclaimable })).await
        })
    }

    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        let (done, answer) = oneshot::channel();
        let queued = self.body.submit(Job::Compact(done), 0);
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or(Err(StoreError::Stopped))
        })
    }

    fn epoch(&self) -> u64 {
        self.body.home.epoch
    }

    fn fault(&self) -> Option<WriteFault> {
        self.body.home.look_after_writer();
        self.body.home.fault.get()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        let (done, answer) = oneshot::channel();
        let queued = self.body.submit(Job::Recover(done), 0);
        let home = Arc::clone(&self.body.home);
        Box::pin(async move {
            // A queue that is full is being served: the next batch finds out.
            if queued.is_ok() { answer.await.unwrap_or_else(|_| home.fault.get()) } else { home.fault.get() }
        })
    }
}

fn bytes_of(home: &Home) -> Result<u64, StoreError> {
    let mut log = home.path.as_os_str().to_owned();
    log.push("-wal");
    let log = std::fs::metadata(Path::new(&log)).map_or(0, |log| log.len());
    Ok(std::fs::metadata(&home.path)?.len() + log)
}

impl Drop for SqlitePartition {
    fn drop(&mut self) {
        self.body.close();
        self.slot.free();
    }
}
