//! From a change in sled's memory to bytes on the disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::failure::{io_error, store_error};
use crate::error::StoreError;

/// How long sled may take to close before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our own handle on sled's file: its syncs are real ones, and tell us of errors whoever else was told.
pub(super) struct SyncFile(File);

impl SyncFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::options().read(true).write(true).open(path).map(Self)
    }

    /// Brings everything that `db` has been given to the disk.
    pub(super) fn commit(&self, db: &sled::Db) -> Result<(), StoreError> {
        // Not its flush_async: that waits in sled's own pool for what the same pool has to write, and once as many
        // bodies flush as the pool has threads, for ever.
        db.flush().map_err(store_error)?;
        // What came before ends in sync_file_range: neither the disk's own cache nor the file's new length are safe.
        self.0.sync_data().map_err(io_error)
    }
}

/// Closes `db`, the last handle of it. What hangs is left behind, and its file stays locked.
pub(super) fn close(db: sled::Db) {
    let (closed, done) = mpsc::channel();
    let closing = std::thread::Builder::new().name("store-sled-close".into()).spawn(move || {
        drop(db);
        let _ = closed.send(());
    });
    if closing.is_ok() && done.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
        tracing::error!("sled does not close");
    }
}
