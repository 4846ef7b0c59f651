//! The default engine: one SQLite file per body, in WAL mode with a real fsync at every commit.
//!
//! A body's rows are read on the caller's thread as long as that is fast: waking another would cost more than the
//! read. What waits to be written shares commits, made by a few threads for all bodies. Of all bodies only those used
//! last have their files open; the others cost nothing but their place in a table.

mod body;
mod committer;
mod compaction;
mod disk;
mod engine;
mod fault;
mod file;
mod home;
mod options;
mod partition;
mod reader;
mod residents;
mod warmth;
mod writer;
mod writers;

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;

use crate::batch::MAX_BATCH_BYTES;
use crate::commit_queue::QueueLimits;
use crate::error::StoreError;
pub(crate) use engine::SqliteEngine;
pub use options::SqliteOptions;

/// What may wait for one body's writer, and what shares one commit: a group is written in well under a second.
const QUEUE: QueueLimits =
    QueueLimits { items: 1024, bytes: 2 * MAX_BATCH_BYTES, group_items: 1024, group_bytes: MAX_BATCH_BYTES };

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
