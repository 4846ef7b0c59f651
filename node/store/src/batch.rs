//! A set of writes that happen together or not at all, and what must be so for them to happen.

use crate::error::StoreError;
use crate::row::{MAX_KEY_BYTES, RowKey};

/// Bytes a stored value may have at most: a sealed value of 1 MiB with its header.
pub const MAX_VALUE_BYTES: usize = (1 << 20) + 4096;
/// Writes and preconditions in one batch at most.
pub const MAX_BATCH_STEPS: usize = 16_384;
/// Bytes of keys and values in one batch at most.
pub const MAX_BATCH_BYTES: usize = 16 << 20;

/// One write.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Put(RowKey, Vec<u8>),
    Delete(RowKey),
}

/// What must be so before any write of the batch is made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    Absent(RowKey),
    Version(RowKey, u64),
}

/// Writes of one body that become visible and durable together.
///
/// Preconditions are checked against what stood there before the batch, all of them before its first write; of
/// two writes to one key the later one stands.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) preconditions: Vec<Precondition>,
    pub(crate) writes: Vec<Write>,
    bytes: usize,
    oversized: bool,
}

impl Batch {
    /// A batch that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `value` under `key`, in place of what was there.
    #[must_use]
    pub fn put(mut self, key: RowKey, value: Vec<u8>) -> Self {
        self.oversized |= value.len() > MAX_VALUE_BYTES;
        self.count(&key, value.len());
        self.writes.push(Write::Put(key, value));
        self
    }

    /// Removes the row, if there is one.
    #[must_use]
    pub fn delete(mut self, key: RowKey) -> Self {
        self.count(&key, 0);
        self.writes.push(Write::Delete(key));
        self
    }

    /// The batch happens only if there is no such row.
    #[must_use]
    pub fn require_absent(mut self, key: RowKey) -> Self {
        self.count(&key, 0);
        self.preconditions.push(Precondition::Absent(key));
        self
    }

    /// The batch happens only if the row is there in this version, as [`crate::Versioned`] gave it.
    #[must_use]
    pub fn require_version(mut self, key: RowKey, version: u64) -> Self {
        self.count(&key, 0);
        self.preconditions.push(Precondition::Version(key, version));
        self
    }

    /// Every value to be put, in order, for a caller that exchanges some of them for others of the same length.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (&RowKey, &mut Vec<u8>)> {
        self.writes.iter_mut().filter_map(|write| match write {
            Write::Put(key, value) => Some((&*key, value)),
            Write::Delete(_) => None,
        })
    }

    /// Whether the batch writes nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Writes and preconditions, for callers that fill batches up to [`MAX_BATCH_STEPS`].
    pub fn steps(&self) -> usize {
        self.writes.len() + self.preconditions.len()
    }

    /// Bytes of all keys and values, for callers that fill batches up to [`MAX_BATCH_BYTES`].
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Refuses a batch over the limits of this module: an engine never sees one.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.oversized || self.bytes > MAX_BATCH_BYTES || self.steps() > MAX_BATCH_STEPS {
            return Err(StoreError::TooLarge);
        }
        Ok(())
    }

    fn count(&mut self, key: &RowKey, value: usize) {
        self.oversized |= key.as_bytes().len() > MAX_KEY_BYTES;
        self.bytes = self.bytes.saturating_add(key.as_bytes().len()).saturating_add(value);
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} writes, {} bytes)", self.writes.len(), self.bytes)
    }
}
