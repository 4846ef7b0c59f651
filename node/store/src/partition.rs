//! The seam between the node and whatever keeps the rows of one body.
//!
//! Every engine gives the same: reads of one moment, batches that are there wholly or not at all, and an
//! acknowledgement that means the disk has it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::row::RowKey;

/// Keys that one [`Partition::get_many`] takes at most.
pub const MAX_GET_KEYS: usize = 1024;
/// Rows that one [`Partition::scan`] returns at most.
pub const MAX_SCAN_ROWS: usize = 1024;

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

/// The rows of one body.
pub trait Partition: Send + Sync {
    /// Reads rows as they stand at one moment, in the order of `keys`: a batch is seen in all of them or in none
    /// (R31). Takes microseconds and does not leave the calling thread. At most [`MAX_GET_KEYS`] keys.
    fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError>;

    /// Reads the rows whose keys begin with `prefix` and come after `after`, in order of their keys: one page of
    /// at most `limit` (itself at most [`MAX_SCAN_ROWS`]) rows as they stand at one moment. A page shorter than
    /// `limit` is the last.
    fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<(RowKey, Versioned)>, StoreError>;

    /// Queues a batch at once and resolves when it is durable and visible, or refused. Batches take effect in the
    /// order of the calls; dropping the future does not take the batch back.
    ///
    /// [`StoreError::Conflict`] and [`StoreError::Busy`] say that nothing was written. After
    /// [`StoreError::Stopped`] the batch may or may not be there when the partition is opened again.
    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>>;
}
