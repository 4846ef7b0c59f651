//! How a journal is kept, and what it tells about itself.

use std::sync::Arc;

/// Is told what each sync did.
pub type SyncObserver = Arc<dyn Fn(&SyncReport) + Send + Sync>;

/// How a journal is kept.
#[derive(Clone)]
pub struct JournalOptions {
    /// Bytes preallocated for each segment file, of the first of all at most 1 MiB; a block that is larger gets a segment of its
    /// own size.
    pub segment_bytes: u64,
    /// Entries that may wait to be written.
    pub queue_entries: usize,
    /// Bytes of sealed content that may wait to be written.
    pub queue_bytes: usize,
    /// So many full segments are waited for until the logs are derived from them and they are removed, a quarter of that
    /// where there is no space for another one. Each log is opened, written to and synced then: more segments mean less of that.
    pub derive_segments: usize,
    /// Bytes of segments that are derived at a time, at least one segment: what is held in memory.
    pub derive_bytes: u64,
    /// A log's file of so many bytes takes no more entries.
    pub log_bytes: u64,
    /// Told after every sync, on the journal's own thread: it must be quick.
    pub observer: Option<SyncObserver>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            queue_entries: 8192,
            queue_bytes: 32 << 20,
            derive_segments: 8,
            derive_bytes: 128 << 20,
            log_bytes: 4 << 20,
            observer: None,
        }
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
    /// Entries that are kept, in the journal and in the logs derived from it.
    pub entries: u64,
    /// Bytes of a torn write that were cut off; nobody had been told that they were there.
    pub torn_bytes: u64,
}

/// How the journal and its disk stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalStatus {
    /// Entries that wait to be written.
    pub waiting: usize,
    /// Segments that are not derived yet, with the one that grows.
    pub segments: usize,
    /// Whether the space of the next segment is reserved. Where it stays unreserved, the disk is full: what fits into
    /// the segment that grows is still taken.
    pub reserved: bool,
    /// Whether everything is refused after a failed write.
    pub failed: bool,
    /// Bytes of the disk that the journal lies on.
    pub disk_bytes: u64,
    /// Bytes of it that may still be written.
    pub free_bytes: u64,
}
