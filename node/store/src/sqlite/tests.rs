//! What writes a body against an engine that fails, which a real disk does too rarely to wait for; and bodies that are
//! more than may be open.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::engine::SqliteEngine;
use super::fault::FaultCell;
use super::options::SqliteOptions;
use super::writer::{Applied, GroupCommit, GroupError, Job, Server};
use crate::batch::Batch;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::lock_file::LockFile;
use crate::partition::{Compacted, Partition, WriteFault};
use crate::row::{RowKey, Space};

/// Does with each group what the test has said; with nothing more said, it commits.
#[derive(Default)]
struct Scripted {
    fault: FaultCell,
    commits: VecDeque<GroupError>,
    tidy: Option<StoreError>,
    recovery: Option<StoreError>,
    /// Whether the file was to be opened anew, for each recovery.
    anew: Vec<bool>,
}

impl GroupCommit for Scripted {
    fn fault(&self) -> &FaultCell {
        &self.fault
    }

    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        match self.commits.pop_front() {
            Some(error) => Err(error),
            None => Ok(batches.iter().map(|_| Ok(())).collect()),
        }
    }

    fn compact(&mut self) -> Result<Compacted, GroupError> {
        Ok(Compacted::default())
    }

    fn tidy(&mut self) -> Result<(), StoreError> {
        self.tidy.take().map_or(Ok(()), Err)
    }

    fn recover(&mut self, anew: bool) -> Result<(), GroupError> {
        self.anew.push(anew);
        self.recovery.take().map_or(Ok(()), |error| Err(GroupError::Refused(error)))
    }

    fn close(&mut self, _: bool) {}
}

fn batch() -> Batch {
    Batch::new().put(RowKey::new(Space::Meta), vec![1])
}

fn apply(server: &mut Server<Scripted>) -> Result<(), StoreError> {
    let (done, mut answer) = oneshot::channel();
    server.serve(vec![Job::Apply(Applied { batch: batch(), done })]);
    answer.try_recv().unwrap()
}

fn recover(server: &mut Server<Scripted>) -> Option<WriteFault> {
    let (done, mut answer) = oneshot::channel();
    server.serve(vec![Job::Recover(done)]);
    answer.try_recv().unwrap()
}

fn failing(error: GroupError) -> Server<Scripted> {
    Server::new(Scripted { commits: VecDeque::from([error]), ..Scripted::default() })
}

fn broken() -> StoreError {
    StoreError::Io(std::io::Error::other("broken"))
}

#[test]
fn sqlite_after_a_commit_of_unknown_outcome_nothing_is_acknowledged_until_recovery() {
    let mut server = failing(GroupError::Unknown(broken()));
    for _ in 0..3 {
        // From the second on the engine would commit again, and must not be asked.
        assert!(matches!(apply(&mut server), Err(StoreError::Stopped)));
    }
    assert_eq!(recover(&mut server), None);
    assert!(apply(&mut server).is_ok());
}

#[test]
fn sqlite_a_recovery_that_fails_leaves_the_partition_stopped() {
    let scripted = Scripted {
        commits: VecDeque::from([GroupError::Unknown(broken())]),
        recovery: Some(StoreError::DiskFull),
        ..Scripted::default()
    };
    let mut server = Server::new(scripted);
    assert!(matches!(apply(&mut server), Err(StoreError::Stopped)));
    assert_eq!(recover(&mut server), Some(WriteFault::DiskFull));
    assert!(matches!(apply(&mut server), Err(StoreError::Stopped)));
    assert_eq!(recover(&mut server), None);
    assert!(apply(&mut server).is_ok());
}

#[test]
fn sqlite_a_group_that_was_refused_whole_does_not_stop_the_next() {
    for asked in [false, true] {
        let mut server = failing(GroupError::Refused(StoreError::DiskFull));
        assert!(matches!(apply(&mut server), Err(StoreError::DiskFull)));
        if asked {
            assert_eq!(recover(&mut server), None);
        }
        assert!(apply(&mut server).is_ok());
    }
}

#[test]
fn sqlite_damage_and_a_lost_lease_stop_all_writes_and_are_not_recovered_from() {
    for (error, fault) in
        [(StoreError::Corrupt, WriteFault::Corrupt), (StoreError::Fenced, WriteFault::Fenced)]
    {
        let mut server = failing(GroupError::Refused(error));
        let refused = apply(&mut server).unwrap_err();
        assert_eq!(apply(&mut server).unwrap_err().code(), refused.code());
        assert_eq!(recover(&mut server), Some(fault));
        assert_eq!(apply(&mut server).unwrap_err().code(), refused.code());
    }
}

#[test]
fn sqlite_a_log_that_cannot_be_written_into_the_file_stops_the_partition() {
    let mut server = Server::new(Scripted { tidy: Some(broken()), ..Scripted::default() });
    assert!(apply(&mut server).is_ok(), "it is in the log");
    assert!(matches!(apply(&mut server), Err(StoreError::Stopped)));
    assert_eq!(recover(&mut server), None);
    let mut server = Server::new(Scripted { tidy: Some(StoreError::DiskFull), ..Scripted::default() });
    assert!(apply(&mut server).is_ok() && apply(&mut server).is_ok(), "the log may still have room");
}

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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
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
