//! Tests: bodies that are more than may be open, readers and writers beside each other, leases.

use std::sync::Arc;

use super::body::Body;
use super::engine::SqliteEngine;
use super::home::Machinery;
use super::options::SqliteOptions;
use super::partition::SqlitePartition;
use crate::batch::Batch;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{Partition, WriteFault};
use crate::row::{RowKey, Space};

/// An acknowledgement means a real fsync only in these modes.
#[test]
fn sqlite_every_connection_syncs_its_commits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("982016.sqlite");
    let (writer, epoch) = super::file::open(&path, "982016").unwrap();
    let again = super::file::reopen(&path, "982016", epoch).unwrap();
    let reader = super::file::open_reader(&path).unwrap();
    for connection in [&writer, &again, &reader] {
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "full");
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
    assert!(writer.execute("DELETE FROM rows", []).is_ok());
    assert!(reader.execute("DELETE FROM rows", []).is_err(), "a reader cannot write");
}

/// Readers that stay keep the log from being emptied: that is not taken for done.
#[test]
fn sqlite_a_log_that_could_not_be_emptied_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("982016.sqlite");
    let (writer, _) = super::file::open(&path, "982016").unwrap();
    writer.busy_timeout(std::time::Duration::ZERO).unwrap();
    let reader = super::file::open_reader(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM rows").unwrap();
    writer.execute("UPDATE meta SET value = value + 1 WHERE name = 'versions'", []).unwrap();
    let busy = super::file::empty_log(&writer).unwrap_err();
    assert!(matches!(super::store_error(busy), StoreError::Busy));
    assert!(super::file::write_log(&writer, i64::MAX).is_ok(), "what can be moved is");
    reader.execute_batch("COMMIT").unwrap();
    super::file::empty_log(&writer).unwrap();
    assert_eq!(std::fs::metadata(dir.path().join("982016.sqlite-wal")).unwrap().len(), 0);
}

fn engine(dir: &std::path::Path, options: SqliteOptions) -> SqliteEngine {
    let lock = LockFile::take(&dir.join("lock")).unwrap().unwrap();
    SqliteEngine::new(dir.to_owned(), Arc::new(lock), options)
}

fn row(name: u8) -> RowKey {
    RowKey::new(Space::Document).bytes(&[name])
}

async fn value(partition: &dyn Partition, name: u8) -> Option<Vec<u8>> {
    partition.get_many(&[row(name)]).await.unwrap().pop().unwrap().map(|found| found.value)
}

/// Files of this folder that this process has open.
fn open_files(dir: &std::path::Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    links.filter_map(|link| std::fs::read_link(link.path()).ok()).filter(|file| file.starts_with(dir)).count()
}

#[tokio::test]
async fn sqlite_more_bodies_than_may_be_open_are_served_all_the_same() {
    const BODIES: u8 = 20;
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions { open_bodies: 3, readers_per_body: 1, ..SqliteOptions::default() };
    let engine = engine(dir.path(), options);
    let mut bodies = Vec::new();
    for body in 0..BODIES {
        bodies.push(engine.open(&format!("body-{body}")).await.unwrap());
    }
    let epochs: Vec<_> = bodies.iter().map(|body| body.epoch()).collect();
    for round in 0..3u8 {
        for (number, body) in bodies.iter().enumerate() {
            let batch = Batch::new().put(row(round), vec![u8::try_from(number).unwrap(), round]);
            body.apply(batch.require_absent(row(round))).await.unwrap();
            // Its own files and those of two others, of each the file and its log for two connections; and the lock.
            let open = open_files(dir.path());
            assert!(open <= 3 * 4 + 4 + 1, "{open} files are open");
        }
        for (number, body) in bodies.iter().enumerate() {
            let expected = Some(vec![u8::try_from(number).unwrap(), round]);
            assert_eq!(value(&**body, round).await, expected);
        }
    }
    assert_eq!(epochs, bodies.iter().map(|body| body.epoch()).collect::<Vec<_>>(), "one lease all along");
    assert!(bodies.iter().all(|body| body.fault().is_none()));
}

/// The lease is in the file: whoever raises its epoch fences out who had it before, whether their files are open or
/// were closed meanwhile.
#[tokio::test]
async fn sqlite_a_fenced_owner_writes_nothing_any_more() {
    for closed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path(), SqliteOptions { open_bodies: 1, ..SqliteOptions::default() });
        let partition = engine.open("982016").await.unwrap();
        partition.apply(Batch::new().put(row(0), vec![0])).await.unwrap();
        let other = if closed { Some(engine.open("982024").await.unwrap()) } else { None };
        let (successor, epoch) = super::file::open(&dir.path().join("982016.sqlite"), "982016").unwrap();
        assert_eq!(epoch, partition.epoch() + 1);
        for _ in 0..2 {
            let refused = partition.apply(Batch::new().put(row(1), vec![1])).await;
            assert!(matches!(refused, Err(StoreError::Fenced)));
        }
        assert_eq!(partition.fault(), Some(WriteFault::Fenced));
        assert_eq!(partition.recover().await, Some(WriteFault::Fenced));
        let rows: i64 = successor.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        drop(other);
    }
}

#[tokio::test]
async fn sqlite_reopening_waits_until_what_was_queued_is_written_under_its_own_lease() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), SqliteOptions::default());
    let mut last = 0;
    for _ in 0..20 {
        let partition = engine.open("982016").await.unwrap();
        assert!(partition.epoch() > last);
        let queued: Vec<_> =
            (0..20).map(|name| partition.apply(Batch::new().put(row(name), vec![1]))).collect();
        let dropped = std::thread::spawn(move || drop(partition));
        let next = engine.open("982016").await.unwrap();
        for outcome in queued {
            outcome.await.unwrap();
        }
        dropped.join().unwrap();
        assert_eq!(value(&*next, 19).await, Some(vec![1]));
        last = next.epoch();
    }
}

#[tokio::test]
async fn sqlite_a_body_is_removed_only_when_nobody_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), SqliteOptions::default());
    let partition = engine.open("982016").await.unwrap();
    partition.apply(Batch::new().put(row(0), vec![0])).await.unwrap();
    assert!(matches!(engine.remove("982016").await, Err(StoreError::Owned)));
    assert_eq!(value(&*partition, 0).await, Some(vec![0]));
    drop(partition);
    assert!(engine.remove("982016").await.unwrap());
    assert!(!engine.remove("982016").await.unwrap());
    assert_eq!(value(&*engine.open("982016").await.unwrap(), 0).await, None);
}

/// The first read of a body goes to another thread, the next ones do not; a long one always does.
#[tokio::test]
async fn sqlite_warm_reads_are_answered_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), SqliteOptions::default());
    let partition = engine.open("982016").await.unwrap();
    partition.apply(Batch::new().put(row(0), vec![7])).await.unwrap();
    let first = partition.get_many(&[row(0)]);
    assert!(!first.is_now());
    assert_eq!(first.await.unwrap()[0].as_ref().unwrap().value, [7]);
    // A machine that is busy elsewhere may make one seem slow, but hardly all.
    let mut at_once = 0;
    for _ in 0..100 {
        let read = partition.get_many(&[row(0), row(1)]);
        at_once += usize::from(read.is_now());
        assert_eq!(read.await.unwrap().len(), 2);
    }
    assert!(at_once > 0);
    assert!(!partition.scan(&RowKey::new(Space::Document), None, 1024).is_now());
}

/// Twice as many readers as connections, each with its own thread, and a writer: all are served.
#[test]
fn sqlite_readers_share_the_connections_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let engine = engine(dir.path(), SqliteOptions { readers_per_body: 2, ..SqliteOptions::default() });
    let partition = runtime.block_on(engine.open("982016")).unwrap();
    runtime.block_on(partition.apply(Batch::new().put(row(0), vec![7]))).unwrap();
    let tasks: Vec<_> = (0..8u8)
        .map(|task| {
            let partition = Arc::clone(&partition);
            runtime.spawn(async move {
                for round in 0..50 {
                    if task == 0 {
                        partition.apply(Batch::new().put(row(1), vec![round])).await.unwrap();
                    }
                    assert_eq!(value(&*partition, 0).await, Some(vec![7]));
                    assert!(partition.count(&RowKey::new(Space::Document)).await.unwrap() >= 1);
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}

/// The only connection is not given back: who waits for it is told so in time, and served once it is.
#[tokio::test]
async fn sqlite_a_read_waits_for_its_turn_for_a_bounded_time() {
    let dir = tempfile::tempdir().unwrap();
    let lock = Arc::new(LockFile::take(&dir.path().join("lock")).unwrap().unwrap());
    let options = SqliteOptions { readers_per_body: 1, ..SqliteOptions::default() };
    let machinery = Arc::new(Machinery::new(options));
    let path = dir.path().join("982016.sqlite");
    let body = Body::open(&path, "982016", 0, &machinery, Arc::clone(&lock)).unwrap();
    let held = body.home.lease().await.unwrap();
    let partition = SqlitePartition::new(body, Arc::default(), lock);
    assert!(matches!(partition.get_many(&[row(0)]).await, Err(StoreError::Busy)));
    drop(held);
    assert_eq!(value(&partition, 0).await, None);
}

/// A read that outlives its partition does no harm: it ends, and whoever opens the body next does not wait for it.
#[tokio::test]
async fn sqlite_a_read_that_outlives_its_partition_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), SqliteOptions::default());
    let partition = engine.open("982016").await.unwrap();
    let read = partition.get_many(&[row(0)]);
    drop(partition);
    assert!(matches!(read.await, Err(StoreError::Stopped)));
}

/// What was removed here and there leaves pages half empty: compaction writes the rest together.
#[tokio::test]
async fn sqlite_gives_back_what_every_other_row_took_while_it_serves() {
    const ROWS: u32 = 6000;
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), SqliteOptions::default());
    let partition = engine.open("982016").await.unwrap();
    let key = |number: u32| RowKey::new(Space::Document).bytes(&number.to_be_bytes());
    for hundred in 0..ROWS / 100 {
        let numbers = hundred * 100..(hundred + 1) * 100;
        let batch = numbers.fold(Batch::new(), |batch, number| {
            batch.put(key(number.wrapping_mul(2_654_435_761)), vec![1; 1024])
        });
        partition.apply(batch).await.unwrap();
    }
    let full = partition.usage().await.unwrap();
    for hundred in 0..ROWS / 100 {
        let numbers = (hundred * 100..(hundred + 1) * 100).step_by(2);
        let batch =
            numbers.fold(Batch::new(), |batch, number| batch.delete(key(number.wrapping_mul(2_654_435_761))));
        partition.apply(batch).await.unwrap();
    }
    let swept = partition.usage().await.unwrap();
    assert!(swept.reclaimable > full.bytes / 4, "{swept:?} of {full:?}");
    let mut steps = 0;
    while partition.compact().await.unwrap().more {
        steps += 1;
        partition.apply(Batch::new().put(row(9), vec![2])).await.unwrap();
        assert_eq!(value(&*partition, 9).await, Some(vec![2]));
    }
    assert!(steps > 3, "{steps} steps: it is to be done in small ones");
    let left = partition.usage().await.unwrap();
    assert_eq!(left.reclaimable, 0);
    let file = |usage: &std::path::Path| std::fs::metadata(usage).unwrap().len();
    drop(partition);
    let size = file(&dir.path().join("982016.sqlite"));
    let given = full.bytes.saturating_sub(size);
    assert!(given * 10 >= full.bytes / 2 * 8, "{given} of {} bytes were given back", full.bytes);
    let partition = engine.open("982016").await.unwrap();
    for number in 0..ROWS {
        let found = partition.get_many(&[key(number.wrapping_mul(2_654_435_761))]).await.unwrap();
        assert_eq!(found[0].is_some(), number % 2 == 1);
    }
}
