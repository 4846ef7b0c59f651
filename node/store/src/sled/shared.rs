//! What readers and the writing thread of one partition share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::directory::Directory;
use super::failure::{contained, fault_of};
use super::live::Live;
use crate::error::StoreError;
use crate::hold::hold;
use crate::partition::WriteFault;

/// Batches that sled is taking in now: meanwhile it lets nobody read, in any partition of the process.
static APPLYING: AtomicUsize = AtomicUsize::new(0);

/// Counts a batch among those that sled is taking in, until it is dropped.
pub(super) struct Applying(());

impl Applying {
    pub(super) fn now() -> Self {
        APPLYING.fetch_add(1, Ordering::AcqRel);
        Self(())
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        APPLYING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Who waits for a batch.
pub(super) type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// How long one group may take. sled waits without end for threads of its own, even where they have panicked.
const PATIENCE: Duration = Duration::from_secs(30);

/// The group that is being written.
#[derive(Default)]
struct Group {
    since: Option<Instant>,
    waiters: Vec<Waiter>,
}

/// One partition, as its readers and its writer know it.
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) cache_bytes: u64,
    /// `None` while it is opened anew, and if that failed.
    live: RwLock<Option<Live>>,
    fault: Mutex<Option<WriteFault>>,
    group: Mutex<Group>,
    /// Whether every item has been in sled's cache since the opening.
    pub(super) touched: AtomicBool,
    /// Whether a read met a failure since the opening, which sled may repeat for ever.
    pub(super) failing: AtomicBool,
    pub(super) closing: AtomicBool,
    /// Bytes of the log, as of the last group.
    pub(super) log_bytes: AtomicU64,
    /// Bytes of the items that make rows.
    pub(super) live_bytes: AtomicU64,
}

impl Shared {
    pub(super) fn new(directory: Directory, cache_bytes: u64) -> Self {
        Self {
            directory,
            cache_bytes,
            live: RwLock::new(None),
            fault: Mutex::new(None),
            group: Mutex::default(),
            touched: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            log_bytes: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
        }
    }

    /// Whether sled's cache has room for everything: it is divided into parts that fill unevenly, hence the half.
    pub(super) fn fits_cache(&self) -> bool {
        self.log_bytes.load(Ordering::Relaxed) <= self.cache_bytes / 2
    }

    /// What a read can be made from without waiting for the disk, for a batch or for a thread.
    pub(super) fn at_hand(&self) -> Option<RwLockReadGuard<'_, Option<Live>>> {
        let quick = self.touched.load(Ordering::Acquire)
            && self.fits_cache()
            && APPLYING.load(Ordering::Acquire) == 0;
        if quick { self.live.try_read().ok() } else { None }
    }

    /// What a read is made from.
    pub(super) fn live(&self) -> RwLockReadGuard<'_, Option<Live>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What readers see, to be changed: waits for those who read.
    pub(super) fn live_mut(&self) -> RwLockWriteGuard<'_, Option<Live>> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// One read. Once sled has failed to write it answers every read with that failure until it is opened anew, so what
    /// a read fails for need not be the matter any more, nor ever have been the disk's that is read: it is told as a
    /// fault, and the read as one of a partition that stopped.
    pub(super) fn read<T>(
        &self,
        live: &Option<Live>,
        read: impl FnOnce(&Live) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = contained(|| live.as_ref().map_or(Err(StoreError::Stopped), read));
        match answer {
            Err(StoreError::Corrupt) => {
                self.set_fault(Some(WriteFault::Corrupt));
                Err(StoreError::Corrupt)
            }
            Err(error @ (StoreError::DiskFull | StoreError::ReadOnly | StoreError::Io(_))) => {
                self.failing.store(true, Ordering::Release);
                tracing::warn!(code = error.code(), cause = %error, "sled refused a read");
                let mut fault = hold(&self.fault);
                fault.get_or_insert(fault_of(&error));
                Err(StoreError::Stopped)
            }
            answer => answer,
        }
    }

    pub(super) fn fault(&self) -> Option<WriteFault> {
        *hold(&self.fault)
    }

    pub(super) fn set_fault(&self, fault: Option<WriteFault>) {
        *hold(&self.fault) = fault;
    }

    /// The writer begins a group.
    pub(super) fn begin(&self, waiters: Vec<Waiter>) {
        *hold(&self.group) = Group { since: Some(Instant::now()), waiters };
    }

    /// A group that was begun so long ago.
    #[cfg(test)]
    pub(super) fn begin_at(&self, waiters: Vec<Waiter>, ago: Duration) {
        *hold(&self.group) = Group { since: Instant::now().checked_sub(ago), waiters };
    }

    /// How many wait for the group that is being written.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        hold(&self.group).waiters.len()
    }

    /// The writer has ended it; none if it was given up.
    pub(super) fn end(&self) -> Vec<Waiter> {
        std::mem::take(&mut *hold(&self.group)).waiters
    }

    /// Whether the writer is stuck in a group. Who waits for it is told that its outcome is unknown.
    pub(super) fn is_stuck(&self) -> bool {
        let mut group = hold(&self.group);
        let stuck = group.since.is_some_and(|since| since.elapsed() > PATIENCE);
        if stuck {
            group.waiters.clear();
            drop(group);
            self.set_fault(Some(WriteFault::Disk));
        }
        stuck
    }
}
