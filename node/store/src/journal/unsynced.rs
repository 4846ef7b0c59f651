//! Logs that were written to and are not durable yet: synced together, some at a time.
//!
//! A log's own sync takes a transaction of the file system, however little was written to it, so that logs of many partitions
//! cost more to sync than to write. All at once they would have everybody else's syncs wait behind them.

use std::fs::File;
use std::io;

use super::segment::Medium;

/// Logs that are synced together at most.
const LOGS: usize = 64;
/// So many bytes or more are not made to wait for other logs.
const BYTES: u64 = 8 << 20;

pub(super) struct Unsynced<'a> {
    medium: &'a dyn Medium,
    files: Vec<File>,
    bytes: u64,
}

impl<'a> Unsynced<'a> {
    /// None so far.
    pub(super) fn new(medium: &'a dyn Medium) -> Self {
        Self { medium, files: Vec::new(), bytes: 0 }
    }

    /// A log to which `bytes` at most were written since it was opened, which was after those before it were.
    pub(super) fn push(&mut self, file: File, bytes: u64) -> io::Result<()> {
        self.files.push(file);
        self.bytes += bytes;
        if self.files.len() < LOGS && self.bytes < BYTES { Ok(()) } else { self.sync() }
    }

    /// Makes all of it durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.files.is_empty() {
            self.medium.sync_all(&self.files)?;
        }
        self.files.clear();
        self.bytes = 0;
        Ok(())
    }
}
