//! The seam between the node and whatever keeps the rows of one body.
//!
//! Every engine gives the same: reads of one moment, batches that are there wholly or not at all, and an
//! acknowledgement that means the disk has it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::reading::Reading;
use crate::row::RowKey;

/// Keys that one [`Partition::get_many`] takes at most.
pub const MAX_GET_KEYS: usize = 1024;
/// Rows that one page of [`Partition::scan`] has at most.
pub const MAX_SCAN_ROWS: usize = 1024;

/// Bytes of values after which a page of [`Partition::scan`] ends; its last value may go beyond.
pub const MAX_SCAN_BYTES: usize = 4 << 20;

/// A future that owns all it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A stored value and the version it stands in.
#[derive(Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Grows with every write to the row and never comes again in this partition, not even after the row was
    /// deleted. Rows written by one batch share one version.
    pub version: u64,
    /// The value as it was put.
    pub value: Vec<u8>,
}

impl fmt::Debug for Versioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Versioned(version {}, {} bytes)", self.version, self.value.len())
    }
}

/// Rows in order of their keys, and whether there are more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// As they stood at one moment.
    pub rows: Vec<(RowKey, Versioned)>,
    /// Whether rows follow the last of them.
    pub more: bool,
}

impl Rows {
    /// From where the next page is read; `None` behind the last.
    pub fn next(&self) -> Option<RowKey> {
        self.rows.last().filter(|_| self.more).map(|(key, _)| key.clone())
    }
}

/// The space that a partition takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on the disk, logs included.
    pub bytes: u64,
    /// Bytes of these that hold nothing and can be given back by [`Partition::compact`]; 0 where an engine cannot
    /// tell.
    pub reclaimable: u64,
}

/// What a step of compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes given back to the disk.
    pub bytes: u64,
    /// Whether another step would give more back.
    pub more: bool,
}

/// Why a partition does not take writes now. Reads that it still answers can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WriteFault {
    /// No space left on the disk.
    #[error("no space left on the disk")]
    DiskFull,
    /// The disk or the file system takes no writes.
    #[error("the disk is read-only")]
    ReadOnly,
    /// A write or a sync failed.
    #[error("the disk failed")]
    Disk,
    /// Stored pages are damaged. Found by who reads or writes them, not at the opening.
    #[error("stored data is damaged")]
    Corrupt,
    /// The server cannot be reached.
    #[error("the database server cannot be reached")]
    Unreachable,
    /// Another process has taken the partition over.
    #[error("another node owns the partition now")]
    Fenced,
}

/// The rows of one body.
pub trait Partition: Send + Sync {
    /// Reads rows as they stand at one moment, in the order of `keys`: a batch is seen in all of them or in none
    /// (R31). At most [`MAX_GET_KEYS`] keys.
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>>;

    /// Reads the rows whose keys begin with `prefix` and come after `after`, in order of their keys: one page of at
    /// most `limit` rows (itself at most [`MAX_SCAN_ROWS`]) as they stand at one moment. A page ends earlier where its
    /// values reach [`MAX_SCAN_BYTES`].
    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows>;

    /// Queues a batch at once and resolves when it is durable and visible, or refused. Batches take effect in the
    /// order of the calls; dropping the future does not take the batch back.
    ///
    /// [`StoreError::Conflict`], [`StoreError::Busy`], [`StoreError::DiskFull`], [`StoreError::ReadOnly`] and
    /// [`StoreError::Fenced`] say that nothing was written. After [`StoreError::Stopped`] and
    /// [`StoreError::Unreachable`] the batch may or may not be there.
    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>>;

    /// How many rows have keys that begin with `prefix`. Walks them all, away from the caller's thread.
    fn count(&self, prefix: &RowKey) -> Reading<u64>;

    /// The space it takes.
    fn usage(&self) -> Reading<Usage>;

    /// Gives back space that holds nothing: a bounded step, so that reads and writes go on in between.
    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>>;

    /// The fencing epoch of this process's lease: grows each time the partition is opened by anybody, and never comes
    /// again. Every batch carries it; one of an earlier epoch is [`StoreError::Fenced`].
    fn epoch(&self) -> u64;

    /// Why no writes are taken now, as far as is known without trying; cheap.
    fn fault(&self) -> Option<WriteFault>;

    /// Tries whether what was the matter is over: where there is a fault, opens anew what must be opened anew and makes
    /// a small durable write; where stored data was damaged, reads all of it first, unless that was done a moment ago
    /// or would take longer than writers can wait. Afterwards [`Partition::fault`] says what is true.
    fn recover(&self) -> BoxFuture<Option<WriteFault>>;
}
