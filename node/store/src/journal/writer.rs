//! The one thread that writes the journal: all that waits becomes one block, one write and one sync.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::oneshot;

use super::block::{self, Place};
use super::entry::Head;
use super::error::JournalError;
use super::recover::Tail;
use super::segment::{self, HEADER_BYTES, Medium};
use super::{JournalOptions, Shared, SyncReport, hold};

/// An entry with its number, and who waits for it.
pub(super) struct Job {
    pub(super) head: Head,
    pub(super) number: u64,
    pub(super) sealed: Vec<u8>,
    pub(super) done: oneshot::Sender<Result<u64, JournalError>>,
}

/// Why a block was not written.
enum WriteError {
    /// There was no space for a new segment; nothing was written.
    NoSpace,
    /// It may or may not be there when the journal is opened again.
    Unknown(io::Error),
}

pub(super) struct Writer<M> {
    shared: Arc<Shared>,
    options: JournalOptions,
    tail: Option<Tail>,
    medium: M,
    block: Vec<u8>,
}

impl<M: Medium> Writer<M> {
    pub(super) fn new(shared: Arc<Shared>, options: JournalOptions, tail: Option<Tail>, medium: M) -> Self {
        Self { shared, options, tail, medium, block: Vec::new() }
    }

    /// Serves the queue until it is closed and empty.
    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        while self.shared.queue.take_group(&mut group) {
            if self.shared.failed.load(Ordering::Acquire) {
                answer_all(&mut group, || JournalError::Failed);
                continue;
            }
            match self.write_block(&group) {
                Ok(()) => group.drain(..).for_each(|job| {
                    // A caller that went away no longer wants to know.
                    let _ = job.done.send(Ok(job.number));
                }),
                Err(WriteError::NoSpace) => self.refuse(&mut group),
                Err(WriteError::Unknown(error)) => {
                    self.shared.failed.store(true, Ordering::Release);
                    tracing::error!(cause = %error, "journal stopped after a failed write");
                    answer_all(&mut group, || JournalError::Failed);
                }
            }
        }
    }

    fn write_block(&mut self, group: &[Job]) -> Result<(), WriteError> {
        block::begin(&mut self.block);
        for job in group {
            job.head.encode(job.number, &job.sealed, &mut self.block);
        }
        self.make_room(block::padded_len(self.block.len() - block::HEADER))?;
        let Some(tail) = &mut self.tail else { return Err(WriteError::NoSpace) };
        let place = tail.place;
        block::finish(&mut self.block, place);
        self.medium.write(&tail.file, &self.block, place.offset).map_err(WriteError::Unknown)?;
        let started = Instant::now();
        self.medium.sync(&tail.file).map_err(WriteError::Unknown)?;
        let seconds = started.elapsed().as_secs_f64();
        tail.place.offset += self.block.len() as u64;
        self.note(group, place);
        if let Some(observer) = &self.options.observer {
            observer(&SyncReport { seconds, entries: group.len(), waiting: self.shared.queue.depth() });
        }
        Ok(())
    }

    /// Begins another segment if the block does not fit into this one.
    fn make_room(&mut self, block: u64) -> Result<(), WriteError> {
        let number = match &self.tail {
            Some(tail) if tail.place.offset + block <= tail.capacity => return Ok(()),
            Some(tail) => tail.place.segment + 1,
            None => segment::FIRST,
        };
        let capacity = self.options.segment_bytes.max(HEADER_BYTES + block);
        let file = segment::create(&self.shared.dir, number, capacity, &mut self.medium).map_err(creation)?;
        hold(&self.shared.index).add_segment(number, HEADER_BYTES);
        self.tail = Some(Tail { file, place: Place { segment: number, offset: HEADER_BYTES }, capacity });
        Ok(())
    }

    fn note(&self, group: &[Job], place: Place) {
        let mut index = hold(&self.shared.index);
        for job in group {
            index.add(&job.head.partition, job.number, job.head.at_ms, place);
        }
        index.extend(place.offset + self.block.len() as u64);
    }

    /// Refuses all that waits and takes its numbers back, so that the journal can go on without a gap.
    fn refuse(&self, group: &mut Vec<Job>) {
        let mut given = hold(&self.shared.given);
        self.shared.queue.take_waiting(group);
        *given = hold(&self.shared.index).last_numbers();
        drop(given);
        tracing::warn!(refused = group.len(), "no space for another journal segment");
        answer_all(group, || JournalError::DiskFull);
    }
}

fn creation(error: io::Error) -> WriteError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => WriteError::NoSpace,
        _ => WriteError::Unknown(error),
    }
}

fn answer_all(group: &mut Vec<Job>, error: impl Fn() -> JournalError) {
    for job in group.drain(..) {
        let _ = job.done.send(Err(error()));
    }
}
