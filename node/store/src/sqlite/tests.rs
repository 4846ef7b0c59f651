//! The writing thread against an engine that fails, which a real disk does too rarely to wait for.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::fault::FaultCell;
use super::writer::{self, Applied, GroupCommit, GroupError, Job};
use super::{QueueLimits, enqueue};
use crate::batch::Batch;
use crate::commit_queue::CommitQueue;
use crate::error::StoreError;
use crate::partition::Compacted;
use crate::row::{RowKey, Space};

type Script = mpsc::Sender<Result<(), GroupError>>;

/// Does with each group what the test says next; with nothing more said, it commits.
struct Scripted(mpsc::Receiver<Result<(), GroupError>>);

impl GroupCommit for Scripted {
    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        self.0.recv().unwrap_or(Ok(()))?;
        Ok(batches.iter().map(|_| Ok(())).collect())
    }

    fn compact(&mut self) -> Result<Compacted, GroupError> {
        Ok(Compacted::default())
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn batch() -> Batch {
    Batch::new().put(RowKey::new(Space::Meta), vec![1])
}

/// A queue of two, one batch to a group, and the thread that serves it.
fn serve() -> (Arc<CommitQueue<Job>>, Script, JoinHandle<()>) {
    let limits = QueueLimits { items: 2, bytes: 1 << 20, group_items: 1, group_bytes: 1 << 20 };
    let queue = Arc::new(CommitQueue::new(limits));
    let (script, told) = mpsc::channel();
    let served = Arc::clone(&queue);
    let thread = std::thread::spawn(move || writer::run(&served, Scripted(told), &FaultCell::default()));
    (queue, script, thread)
}

#[tokio::test]
async fn sqlite_after_a_commit_of_unknown_outcome_nothing_is_acknowledged() {
    let (queue, script, thread) = serve();
    let fine = enqueue(&queue, batch()).unwrap();
    script.send(Ok(())).unwrap();
    assert!(fine.await.unwrap().is_ok());

    let failed = enqueue(&queue, batch()).unwrap();
    script.send(Err(GroupError::Unknown(StoreError::Corrupt))).unwrap();
    assert!(matches!(failed.await.unwrap(), Err(StoreError::Stopped)));
    // From here on the engine would commit again, and must not be asked.
    drop(script);
    for _ in 0..3 {
        let later = enqueue(&queue, batch()).unwrap();
        assert!(matches!(later.await.unwrap(), Err(StoreError::Stopped)));
    }
    queue.close();
    thread.join().unwrap();
}

#[tokio::test]
async fn sqlite_a_group_that_was_refused_whole_does_not_stop_the_next() {
    let (queue, script, thread) = serve();
    let refused = enqueue(&queue, batch()).unwrap();
    script.send(Err(GroupError::Refused(StoreError::DiskFull))).unwrap();
    assert!(matches!(refused.await.unwrap(), Err(StoreError::DiskFull)));
    let next = enqueue(&queue, batch()).unwrap();
    script.send(Ok(())).unwrap();
    assert!(next.await.unwrap().is_ok());
    queue.close();
    thread.join().unwrap();
}

#[tokio::test]
async fn sqlite_a_full_queue_says_busy_at_once_and_keeps_what_it_took() {
    let (queue, script, thread) = serve();
    // The thread holds at most one and two wait: of four at least one is turned away.
    let tried: Vec<_> = (0..4).map(|_| enqueue(&queue, batch())).collect();
    drop(script);
    let mut busy = 0;
    for one in tried {
        match one {
            Ok(answer) => assert!(answer.await.unwrap().is_ok()),
            Err(StoreError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(busy >= 1);
    queue.close();
    assert!(matches!(enqueue(&queue, batch()), Err(StoreError::Stopped)));
    thread.join().unwrap();
}

/// An acknowledgement means a real fsync only in these modes.
#[test]
fn sqlite_every_connection_syncs_its_commits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("982016.sqlite");
    let writer = super::file::open(&path, "982016", 1 << 20).unwrap().0;
    let reader = super::file::open_reader(&path, 1 << 20).unwrap();
    for connection in [&writer, &reader] {
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "full");
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
    assert!(writer.execute("DELETE FROM rows", []).is_ok());
    assert!(reader.execute("DELETE FROM rows", []).is_err(), "a reader cannot write");
}
