//! What writes a partition, on one thread at a time: it takes what waits, commits it at once, and only then answers.
//!
//! What must hold: after a commit of unknown outcome nothing is acknowledged any more. The kernel may have
//! dropped the unwritten pages, so a later success would prove nothing; only opening the file anew does.

use tokio::sync::oneshot;

use super::fault::{FaultCell, fault_of};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::partition::{Compacted, WriteFault};

/// A batch and who waits for it.
pub(super) struct Applied {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// What is asked of the writer.
pub(super) enum Job {
    Apply(Applied),
    Compact(oneshot::Sender<Result<Compacted, StoreError>>),
    Recover(oneshot::Sender<Option<WriteFault>>),
}

enum Other {
    Compact(oneshot::Sender<Result<Compacted, StoreError>>),
    Recover(oneshot::Sender<Option<WriteFault>>),
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
    /// Why no writes are taken now.
    fn fault(&self) -> &FaultCell;

    /// Commits all batches whose preconditions hold, in order, with one fsync; says for each whether it did.
    fn commit(&mut self, batches: &[Applied]) -> Result<Vec<Result<(), StoreError>>, GroupError>;

    /// Gives back space, a bounded step.
    fn compact(&mut self) -> Result<Compacted, GroupError>;

    /// Housekeeping after a write, when its caller has been answered.
    fn tidy(&mut self) -> Result<(), StoreError>;

    /// Writes a little, durably; if `anew`, opens the file anew first and makes what its log holds durable.
    fn recover(&mut self, anew: bool) -> Result<(), GroupError>;

    /// Opens the file anew and looks whether it is damaged still. `None` where it was looked at a moment ago, or is
    /// larger than can be looked at while others wait.
    fn look_for_damage(&mut self) -> Option<Result<(), GroupError>>;

    /// Lets go of the file; if `in_order`, it is left tidy.
    fn close(&mut self, in_order: bool);
}

/// What one body's writer knows.
pub(super) struct Server<G> {
    engine: G,
    /// A commit of unknown outcome lies behind, and no recovery yet.
    stopped: bool,
}

impl<G: GroupCommit> Server<G> {
    pub(super) fn new(engine: G) -> Self {
        Self { engine, stopped: false }
    }

    /// Does all that is asked, and answers.
    pub(super) fn serve(&mut self, jobs: Vec<Job>) {
        let mut batches = Vec::with_capacity(jobs.len());
        let mut others = Vec::new();
        for job in jobs {
            match job {
                Job::Apply(applied) => batches.push(applied),
                Job::Compact(done) => others.push(Other::Compact(done)),
                Job::Recover(done) => others.push(Other::Recover(done)),
            }
        }
        if !batches.is_empty() {
            self.commit(batches);
        }
        for other in others {
            // A caller that went away no longer wants to know.
            match other {
                Other::Compact(done) => drop(done.send(self.compact())),
                Other::Recover(done) => drop(done.send(self.recover())),
            }
        }
        self.tidy();
    }

    /// Lets go of the file until it is needed again.
    pub(super) fn close(&mut self) {
        self.engine.close(!self.stopped);
    }

    fn commit(&mut self, batches: Vec<Applied>) {
        if let Some(error) = self.refusal() {
            return refuse(batches, &error);
        }
        match self.engine.commit(&batches) {
            Ok(results) => {
                self.engine.fault().passed();
                for (applied, result) in batches.into_iter().zip(results) {
                    let _ = applied.done.send(result);
                }
            }
            Err(error) => {
                let error = self.failed(error);
                refuse(batches, &error);
            }
        }
    }

    fn compact(&mut self) -> Result<Compacted, StoreError> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        self.engine.compact().map_err(|error| self.failed(error))
    }

    fn recover(&mut self) -> Option<WriteFault> {
        match self.engine.fault().get() {
            // A lease that was lost is another's.
            None | Some(WriteFault::Fenced) => return self.engine.fault().get(),
            Some(WriteFault::Corrupt) => self.recover_from_damage(),
            Some(_) => {
                let recovered = self.engine.recover(self.stopped);
                self.recovered(recovered);
            }
        }
        self.engine.fault().get()
    }

    /// Damage is not over by itself: only where all of the file was looked at, as the disk has it now.
    fn recover_from_damage(&mut self) {
        self.engine.fault().looks();
        match self.engine.look_for_damage() {
            None => {}
            Some(Err(error)) => drop(self.failed(error)),
            Some(Ok(())) => {
                let recovered = self.engine.recover(self.stopped);
                let well = recovered.is_ok();
                self.recovered(recovered);
                if well {
                    self.engine.fault().found_none();
                }
            }
        }
    }

    fn recovered(&mut self, recovered: Result<(), GroupError>) {
        match recovered {
            Ok(()) => {
                self.stopped = false;
                self.engine.fault().passed();
            }
            Err(error) => drop(self.failed(error)),
        }
    }

    /// Nobody knows where a thread that panicked has come to.
    pub(super) fn interrupted(&mut self) {
        self.stopped = true;
        self.engine.fault().met(WriteFault::Disk);
    }

    fn tidy(&mut self) {
        if self.refusal().is_some() {
            return;
        }
        match self.engine.tidy() {
            Ok(()) => {}
            // What was acknowledged is safe in the log: the next commit that does not fit will say so.
            Err(error @ (StoreError::DiskFull | StoreError::Busy)) => {
                tracing::warn!(code = error.code(), cause = %error, "the log was not written into the file");
            }
            Err(error) => drop(self.failed(GroupError::Unknown(error))),
        }
    }

    /// What every write is told without being tried.
    fn refusal(&self) -> Option<StoreError> {
        match self.engine.fault().get() {
            Some(WriteFault::Fenced) => Some(StoreError::Fenced),
            _ if self.stopped => Some(StoreError::Stopped),
            Some(WriteFault::Corrupt) => Some(StoreError::Corrupt),
            _ => None,
        }
    }

    /// Notes what a failed write says about the next ones; gives what its callers are told.
    fn failed(&mut self, error: GroupError) -> StoreError {
        match error {
            GroupError::Refused(error) => {
                tracing::warn!(code = error.code(), cause = %error, "batches refused by the engine");
                if let Some(fault) = fault_of(&error) {
                    self.engine.fault().met(fault);
                }
                error
            }
            GroupError::Unknown(error) => {
                tracing::error!(code = error.code(), cause = %error, "partition stopped after a failed commit");
                self.stopped = true;
                self.engine.fault().met(fault_of(&error).unwrap_or(WriteFault::Disk));
                StoreError::Stopped
            }
        }
    }
}

fn refuse(batches: Vec<Applied>, error: &StoreError) {
    for applied in batches {
        let _ = applied.done.send(Err(error.again()));
    }
}
