//! Tests: what writes a body against an engine that fails, which a real disk does too rarely to wait for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::fault::FaultCell;
use super::writer::{Applied, GroupCommit, GroupError, Job, Server};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::partition::{Compacted, WriteFault};
use crate::row::{RowKey, Space};

/// Does with each group what the test has said; with nothing more said, it commits.
#[derive(Default)]
struct Scripted {
    fault: FaultCell,
    commits: VecDeque<GroupError>,
    /// Batches of each group that was to be committed.
    groups: Arc<Mutex<Vec<usize>>>,
    tidy: Option<StoreError>,
    recovery: Option<StoreError>,
    /// Whether the file was to be opened anew, for each recovery.
    anew: Vec<bool>,
    /// What is found where damage is looked for.
    damage: VecDeque<Option<StoreError>>,
}

impl GroupCommit for Scripted {
    fn fault(&self) -> &FaultCell {
        &self.fault
    }

    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError> {
        self.groups.lock().unwrap().push(batches.len());
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

    fn look_for_damage(&mut self) -> Option<Result<(), GroupError>> {
        let found = self.damage.pop_front()?;
        Some(found.map_or(Ok(()), |error| Err(GroupError::Refused(error))))
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

/// Writers of one body share commits, and so syncs: whatever waits together is committed together.
#[test]
fn sqlite_batches_that_wait_together_share_a_commit() {
    let commits = VecDeque::from([GroupError::Refused(StoreError::DiskFull)]);
    let scripted = Scripted { commits, ..Scripted::default() };
    let groups = Arc::clone(&scripted.groups);
    let mut server = Server::new(scripted);
    for outcome in [false, true] {
        let (jobs, answers): (Vec<_>, Vec<_>) = (0..50)
            .map(|_| {
                let (done, answer) = oneshot::channel();
                (Job::Apply(Applied { batch: batch(), done }), answer)
            })
            .unzip();
        server.serve(jobs);
        for mut answer in answers {
            assert_eq!(answer.try_recv().unwrap().is_ok(), outcome, "and its outcome");
        }
    }
    assert_eq!(*groups.lock().unwrap(), [50, 50]);
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
fn sqlite_damage_is_over_when_the_whole_file_was_looked_at_and_none_was_found() {
    let scripted = Scripted {
        commits: VecDeque::from([GroupError::Refused(StoreError::Corrupt)]),
        damage: VecDeque::from([Some(StoreError::Corrupt), Some(StoreError::DiskFull), None]),
        ..Scripted::default()
    };
    let mut server = Server::new(scripted);
    assert!(matches!(apply(&mut server), Err(StoreError::Corrupt)));
    for _ in 0..2 {
        assert_eq!(recover(&mut server), Some(WriteFault::Corrupt));
        assert!(matches!(apply(&mut server), Err(StoreError::Corrupt)));
    }
    assert_eq!(recover(&mut server), None);
    assert!(apply(&mut server).is_ok());
}

#[test]
fn sqlite_a_writer_that_panicked_writes_nothing_until_the_file_was_opened_anew() {
    let mut server = Server::new(Scripted::default());
    server.interrupted();
    assert!(matches!(apply(&mut server), Err(StoreError::Stopped)));
    assert_eq!(recover(&mut server), None);
    assert!(apply(&mut server).is_ok());
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
