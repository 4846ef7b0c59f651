//! The one thread that writes a partition: it takes what waits, commits it at once, and only then answers.

use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::committer::Committer;
use super::shared::{Shared, Waiter};
use crate::batch::Batch;
use crate::commit_queue::CommitQueue;
use crate::error::StoreError;
use crate::partition::WriteFault;

/// What the thread is asked for, and who waits for it.
pub(super) enum Job {
    Write { batch: Batch, done: Waiter },
    Recover { done: oneshot::Sender<Option<WriteFault>> },
}

/// Serves the queue until it is closed and empty.
pub(super) fn run(queue: &CommitQueue<Job>, shared: &Shared, mut committer: Committer) {
    let mut jobs = Vec::new();
    let mut group = Vec::new();
    loop {
        let idle = || queue.depth() == 0 && !shared.closing.load(Ordering::Acquire);
        while idle() && committer.tidy() {}
        if !queue.take_group(&mut jobs) {
            break;
        }
        for job in jobs.drain(..) {
            match job {
                Job::Write { batch, done } => group.push((batch, done)),
                Job::Recover { done } => {
                    commit(shared, &mut committer, &mut group);
                    // A caller that went away no longer wants to know.
                    let _ = done.send(committer.recover());
                }
            }
        }
        commit(shared, &mut committer, &mut group);
    }
    committer.close();
}

fn commit(shared: &Shared, committer: &mut Committer, group: &mut Vec<(Batch, Waiter)>) {
    if group.is_empty() {
        return;
    }
    let (batches, waiters): (Vec<_>, Vec<_>) = group.drain(..).unzip();
    shared.begin(waiters);
    let outcome = committer.commit(&batches);
    let waiters = shared.end();
    match outcome {
        Ok(held) => {
            for (done, held) in waiters.into_iter().zip(held) {
                let _ = done.send(if held { Ok(()) } else { Err(StoreError::Conflict) });
            }
        }
        Err(error) => {
            for done in waiters {
                let _ = done.send(Err(error.again()));
            }
        }
    }
}
