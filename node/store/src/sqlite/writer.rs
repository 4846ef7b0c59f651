//! The one thread that writes a partition: it takes what waits, commits it at once, and only then answers.
//!
//! What must hold: after a commit of unknown outcome nothing is acknowledged any more. The kernel may have
//! dropped the unwritten pages, so a later success would prove nothing; only opening the file anew does.

use tokio::sync::oneshot;

use crate::batch::Batch;
use crate::commit_queue::CommitQueue;
use crate::error::StoreError;

/// A batch and who waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// Why a whole group was not committed.
#[derive(Debug)]
pub(super) enum GroupError {
    /// Certainly nothing of it was written.
    Refused(StoreError),
    /// It may or may not be there when the file is opened again.
    Unknown(StoreError),
}

/// Makes groups of batches durable.
pub(super) trait GroupCommit {
    /// Commits all batches whose preconditions hold, in order, with one fsync; says for each whether it did.
    fn commit(&mut self, batches: &[Job]) -> Result<Vec<Result<(), StoreError>>, GroupError>;

    /// A small step of housekeeping, taken between groups.
    fn tidy(&mut self);
}

/// Groups after which housekeeping is done even though more waits.
const TIDY_EVERY: u32 = 32;

/// Serves the queue until it is closed and empty.
pub(super) fn run(queue: &CommitQueue<Job>, mut engine: impl GroupCommit) {
    let mut group = Vec::new();
    let mut stopped = false;
    let mut untidied = 0;
    while queue.take_group(&mut group) {
        if stopped {
            answer_all(&mut group, || StoreError::Stopped);
            continue;
        }
        match engine.commit(&group) {
            Ok(results) => {
                for (job, result) in group.drain(..).zip(results) {
                    // A caller that went away no longer wants to know.
                    let _ = job.done.send(result);
                }
                untidied += 1;
                if queue.depth() == 0 || untidied == TIDY_EVERY {
                    engine.tidy();
                    untidied = 0;
                }
            }
            Err(GroupError::Refused(error)) => refuse(&mut group, &error),
            Err(GroupError::Unknown(error)) => {
                stopped = true;
                tracing::error!(code = error.code(), cause = %error, "partition stopped after a failed commit");
                answer_all(&mut group, || StoreError::Stopped);
            }
        }
    }
}

fn refuse(group: &mut Vec<Job>, error: &StoreError) {
    tracing::warn!(code = error.code(), cause = %error, "batches refused by the engine");
    answer_all(group, || match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::DiskFull => StoreError::DiskFull,
        StoreError::Corrupt => StoreError::Corrupt,
        other => StoreError::Io(std::io::Error::other(other.to_string())),
    });
}

fn answer_all(group: &mut Vec<Job>, error: impl Fn() -> StoreError) {
    for job in group.drain(..) {
        let _ = job.done.send(Err(error()));
    }
}
