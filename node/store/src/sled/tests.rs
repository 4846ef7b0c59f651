//! What cannot be brought about from outside: a lease that another has taken, a group that is not durable yet, a
//! writer that does not come back, a failure that sled repeats.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::committer::Committer;
use super::directory::Directory;
use super::failure::store_error;
use super::layout::{Header, epoch_key, row_key};
use super::live::Live;
use super::shared::Shared;
use super::{QUEUE, SledOptions, SledPartition, enqueue, writer};
use crate::batch::Batch;
use crate::commit_queue::CommitQueue;
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{Partition, WriteFault};
use crate::row::{RowKey, Space};

fn open(dir: &TempDir) -> SledPartition {
    let lock = LockFile::take(&dir.path().join("lock")).unwrap().unwrap();
    let directory = Directory::new(dir.path(), "982016");
    SledPartition::open(directory, &SledOptions::default(), Arc::new(lock)).unwrap()
}

fn key(name: &str) -> RowKey {
    RowKey::new(Space::Document).bytes(name.as_bytes())
}

fn put(name: &str, value: &str) -> Batch {
    Batch::new().put(key(name), value.into())
}

async fn value(partition: &SledPartition, name: &str) -> Option<Vec<u8>> {
    partition.get_many(&[key(name)]).await.unwrap().remove(0).map(|row| row.value)
}

#[tokio::test]
async fn sled_a_stale_lease_writes_nothing_and_goes_on_reading() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(&dir);
    partition.apply(put("a", "1")).await.unwrap();
    let taken = (partition.epoch() + 1).to_be_bytes().to_vec();
    partition.shared.live().as_ref().unwrap().db.insert(epoch_key(), taken).unwrap();
    for _ in 0..2 {
        assert!(matches!(partition.apply(put("a", "2")).await, Err(StoreError::Fenced)));
        assert_eq!(partition.fault(), Some(WriteFault::Fenced));
        assert_eq!(partition.recover().await, Some(WriteFault::Fenced));
    }
    assert_eq!(value(&partition, "a").await, Some(b"1".to_vec()));
    let epoch = partition.epoch();
    drop(partition);
    assert!(open(&dir).epoch() > epoch + 1);
}

#[tokio::test]
async fn sled_a_writer_that_does_not_come_back_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(&dir);
    partition.apply(put("a", "1")).await.unwrap();
    let (done, answer) = tokio::sync::oneshot::channel();
    partition.shared.begin_at(vec![done], std::time::Duration::from_secs(60));
    assert_eq!(partition.fault(), Some(WriteFault::Disk));
    assert!(answer.await.is_err(), "who waited is told");
    assert!(matches!(partition.apply(put("a", "2")).await, Err(StoreError::Stopped)));
    assert_eq!(partition.recover().await, Some(WriteFault::Disk));
}

/// sled repeats what it once failed to write for, so a read may name it no cause.
#[tokio::test]
async fn sled_a_read_that_fails_names_no_cause_and_the_directory_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(&dir);
    partition.apply(put("a", "1")).await.unwrap();
    let failed = partition.shared.read(&partition.shared.live(), |_| {
        Err::<(), _>(store_error(sled::Error::Io(std::io::ErrorKind::StorageFull.into())))
    });
    assert!(matches!(failed, Err(StoreError::Stopped)), "{failed:?}");
    assert_eq!(partition.fault(), Some(WriteFault::DiskFull));
    assert!(matches!(partition.apply(put("a", "2")).await, Err(StoreError::Stopped)));
    assert_eq!(partition.recover().await, None);
    assert!(!partition.shared.failing.load(Ordering::Acquire), "it was opened anew");
    assert_eq!(value(&partition, "a").await, Some(b"1".to_vec()));
    partition.apply(put("a", "2")).await.unwrap();
    assert_eq!(value(&partition, "a").await, Some(b"2".to_vec()));
}

/// Writers of one body share commits, and so syncs: whatever waits together is committed together.
#[tokio::test]
async fn sled_batches_that_wait_together_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::new(dir.path(), "982016");
    let shared = Arc::new(Shared::new(directory, SledOptions::default().cache_bytes));
    let committer = Committer::open(Arc::clone(&shared)).unwrap();
    let queue = Arc::new(CommitQueue::new(QUEUE));
    let answers: Vec<_> = (0..50).map(|at| enqueue(&queue, put(&format!("{at}"), "1")).unwrap()).collect();
    queue.close();
    // While somebody reads a group waits before it is written.
    let reading = shared.live();
    let (waiting, served) = (Arc::clone(&queue), Arc::clone(&shared));
    let writer = std::thread::spawn(move || writer::run(&waiting, &served, committer));
    while shared.waiting() == 0 && !writer.is_finished() {
        std::thread::yield_now();
    }
    assert_eq!(shared.waiting(), 50);
    drop(reading);
    writer.join().unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
}

#[test]
fn sled_a_group_that_is_not_durable_is_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let db = sled::Config::new().path(dir.path()).open().unwrap();
    let item = |value: &[u8]| Header { version: 1, ordinal: 1, length: 1 }.encode(value).0;
    for (name, value) in [("a", b"1"), ("changed", b"2"), ("made", b"3"), ("z", b"4")] {
        db.insert(row_key(key(name).as_bytes()), item(value)).unwrap();
    }
    let mut live = Live::new(db);
    for (name, before) in [("changed", Some(b"0")), ("gone", Some(b"5")), ("made", None), ("never", None)] {
        live.hidden.insert(key(name).as_bytes().to_vec(), before.map(|value| item(value).into()));
    }
    let all = RowKey::new(Space::Document);
    let page = live.scan(&all, None, 10).unwrap();
    let found: Vec<_> = page.rows.iter().map(|(key, row)| (key.clone(), row.value.clone())).collect();
    let wanted = [("a", b"1"), ("changed", b"0"), ("gone", b"5"), ("z", b"4")];
    assert_eq!(found, wanted.map(|(name, value)| (key(name), value.to_vec())));
    assert_eq!(live.count(&all, None).unwrap(), (4, None));
    for (at, (name, value)) in wanted.into_iter().enumerate() {
        assert_eq!(live.get_many(&[key(name)]).unwrap()[0].as_ref().unwrap().value, value);
        let page = live.scan(&all, Some(&key(name)), 1).unwrap();
        assert_eq!(
            page.rows.first().map(|(key, _)| key.clone()),
            wanted.get(at + 1).map(|(name, _)| key(name))
        );
        assert_eq!(page.more, at < 2, "{name}");
    }
    assert_eq!(live.get_many(&[key("made"), key("never")]).unwrap(), [None, None]);
}
