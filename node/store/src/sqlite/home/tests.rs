//! Tests: connections that are closed, and a writer that does not come back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Machinery, WRITE_ENDS};
use crate::lock_file::LockFile;
use crate::partition::WriteFault;
use crate::sqlite::body::Body;
use crate::sqlite::options::SqliteOptions;

fn body(dir: &std::path::Path, machinery: &Arc<Machinery>) -> Arc<Body> {
    let lock = Arc::new(LockFile::take(&dir.join("lock")).unwrap().unwrap());
    Body::open(&dir.join("982016.sqlite"), "982016", 0, machinery, lock).unwrap()
}

/// What is opened anew must not meet what an earlier connection still holds in memory.
#[tokio::test]
async fn sqlite_connections_are_closed_when_all_are_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let machinery = Arc::new(Machinery::new(SqliteOptions::default()));
    let body = body(dir.path(), &machinery);
    for _ in 0..300 {
        let mut lease = body.home.lease().await.unwrap();
        lease.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).unwrap();
        let back = std::thread::spawn(move || drop(lease));
        assert!(body.home.pause());
        assert_eq!(machinery.links.load(Ordering::Acquire), 1, "the one that writes");
        body.home.resume();
        back.join().unwrap();
    }
    body.close();
}

#[tokio::test]
async fn sqlite_a_disk_that_neither_writes_nor_fails_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut machinery = Machinery::new(SqliteOptions::default());
    let long_ago = Instant::now().checked_sub(Duration::from_micros(2 * WRITE_ENDS));
    machinery.began = long_ago.unwrap_or(machinery.began);
    let body = body(dir.path(), &Arc::new(machinery));
    let writing = body.home.writing();
    body.home.look_after_writer();
    assert_eq!(body.home.fault.get(), None, "it has just begun");
    body.home.writing.store(1, Ordering::Release);
    body.home.look_after_writer();
    assert_eq!(body.home.fault.get(), Some(WriteFault::Disk));
    drop(writing);
    body.home.fault.passed();
    body.home.look_after_writer();
    assert_eq!(body.home.fault.get(), None);
    body.close();
}
