//! The one thread that writes the journal: all that waits becomes one block, one write and one sync.
//!
//! After a write of unknown outcome nothing is believed of the segment behind its last durable block: that is cut off,
//! durably, and another segment is begun; until both are done everything is refused.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::block::{self, Place};
use super::entry::{Head, MAX_SEALED_BYTES};
use super::error::JournalError;
use super::segment::{self, HEADER_BYTES};
use super::{Shared, SyncReport, hold};

/// How long it waits before it tries the disk again.
const RETRY: Duration = Duration::from_millis(250);
/// Where blocks are smaller, a segment takes so many of them that each one's sync is worth the zeros before it.
const SMALL_BLOCK: u64 = 32 << 10;

/// An entry with its number, and who waits for it.
pub(super) struct Job {
    pub(super) head: Head,
    pub(super) number: u64,
    pub(super) sealed: Vec<u8>,
    pub(super) done: oneshot::Sender<Result<u64, JournalError>>,
}

impl Job {
    /// An entry with this number, sealed now; and where it is told what became of it.
    pub(super) fn sealed_by(
        head: Head,
        number: u64,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<(Self, oneshot::Receiver<Result<u64, JournalError>>), JournalError> {
        let sealed = seal(number)?;
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(JournalError::TooLarge);
        }
        let (done, answer) = oneshot::channel();
        Ok((Self { head, number, sealed, done }, answer))
    }

    /// What it counts for in a queue.
    pub(super) fn bytes(&self) -> usize {
        self.head.encoded_len() + self.sealed.len()
    }

    /// Tells whoever waits for it that it is not written.
    pub(super) fn refuse(self, error: JournalError) {
        // A caller that went away no longer wants to know.
        let _ = self.done.send(Err(error));
    }

    /// No entry, but the wish that the segment that grows takes no more blocks: no partition has this name.
    fn ends_segment(&self) -> bool {
        self.head.partition.is_empty()
    }
}

/// Where the next block goes.
pub(super) struct Tail {
    pub(super) file: File,
    pub(super) place: Place,
    /// The file's length.
    pub(super) capacity: u64,
}

/// A segment that holds no block yet, durable with its header.
pub(super) struct Spare {
    pub(super) number: u64,
    pub(super) file: File,
    /// The file's length.
    pub(super) capacity: u64,
    /// So far, zeros are written.
    pub(super) zeroed: u64,
}

/// Why a block was not written.
enum WriteError {
    /// There was no space for a new segment; nothing was written.
    NoSpace,
    /// It may or may not be there when the journal is opened again.
    Unknown(io::Error),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    tail: Option<Tail>,
    /// Number of the first segment, where there is none.
    first: u64,
    block: Vec<u8>,
    /// Blocks that this process wrote to the segment that grows, until it is half full.
    blocks: Option<u64>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, tail: Option<Tail>, first: u64) -> Self {
        Self { shared, tail, first, block: Vec::new(), blocks: Some(0) }
    }

    /// Serves the queue until it is closed and empty.
    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        while self.shared.queue.take_group(&mut group) {
            let ends: Vec<Job> = group.extract_if(.., |job| job.ends_segment()).collect();
            self.serve(&mut group);
            for end in ends {
                let ended = self.end_segment().map(|()| 0).map_err(JournalError::Io);
                let _ = end.done.send(ended);
            }
        }
    }

    fn serve(&mut self, group: &mut Vec<Job>) {
        if !group.is_empty() {
            match self.write_block(group) {
                Ok(()) => group.drain(..).for_each(|job| {
                    // A caller that went away no longer wants to know.
                    let _ = job.done.send(Ok(job.number));
                }),
                Err(WriteError::NoSpace) => {
                    let refused = self.take_back(group, || JournalError::DiskFull);
                    tracing::warn!(refused, "no space for another journal segment");
                }
                Err(WriteError::Unknown(error)) => {
                    self.shared.failed.store(true, Ordering::Release);
                    tracing::error!(cause = %error, "journal stopped after a failed write");
                    answer_all(group, || JournalError::Failed);
                    self.recover();
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
        let (place, medium) = (tail.place, &self.shared.medium);
        block::finish(&mut self.block, place);
        medium.write(&tail.file, &self.block, place.offset).map_err(WriteError::Unknown)?;
        let started = Instant::now();
        medium.sync(&tail.file).map_err(WriteError::Unknown)?;
        let seconds = started.elapsed().as_secs_f64();
        tail.place.offset += self.block.len() as u64;
        self.note(group, place);
        self.count_block();
        if let Some(observer) = &self.shared.options.observer {
            observer(&SyncReport { seconds, entries: group.len(), waiting: self.shared.queue.depth() });
        }
        Ok(())
    }

    /// Begins another segment if the block does not fit into this one.
    fn make_room(&mut self, block: u64) -> Result<(), WriteError> {
        match &self.tail {
            Some(tail) if tail.place.offset + block <= tail.capacity => Ok(()),
            _ => self.begin_segment(block).map_err(creation),
        }
    }

    /// Goes on in the next segment, which was begun ahead unless it could not be or is too small.
    fn begin_segment(&mut self, block: u64) -> io::Result<()> {
        let (shared, begun) = (&self.shared, self.tail.is_some());
        let bytes = if begun { u64::MAX } else { segment::FIRST_BYTES };
        let capacity = shared.options.segment_bytes.min(bytes).max(HEADER_BYTES + block);
        // Held until the index has the segment: the keeper begins the one behind it.
        let mut ahead = hold(&shared.spare);
        let number = self.tail.as_ref().map_or(self.first, |tail| tail.place.segment + 1);
        let spare = match ahead.take() {
            Some(spare) if spare.number == number && spare.capacity >= capacity => spare,
            _ => {
                let file = segment::create(&shared.dir, number, capacity, &*shared.medium)?;
                if !begun {
                    segment::write_zeros(&file, HEADER_BYTES..capacity, &*shared.medium)?;
                }
                Spare { number, file, capacity, zeroed: capacity }
            }
        };
        hold(&shared.index).add_segment(number, HEADER_BYTES);
        let place = Place { segment: number, offset: HEADER_BYTES };
        self.tail = Some(Tail { file: spare.file, place, capacity: spare.capacity });
        self.blocks = Some(0);
        drop(ahead);
        shared.keeper.wake();
        Ok(())
    }

    /// Another segment grows from now on, unless this one has nothing in it.
    fn end_segment(&mut self) -> io::Result<()> {
        match &self.tail {
            Some(tail) if tail.place.offset > HEADER_BYTES => self.begin_segment(0),
            _ => Ok(()),
        }
    }

    fn note(&self, group: &[Job], place: Place) {
        let mut index = hold(&self.shared.index);
        for job in group {
            index.add(&job.head.partition, job.number, job.head.at_ms, place);
        }
        index.extend(place.offset + self.block.len() as u64);
    }

    /// Has the next segment made ready for small blocks, where this one gets many. Few large ones are written as quickly without,
    /// and the zeros would cost more than they save.
    fn count_block(&mut self) {
        let (Some(blocks), Some(tail)) = (&mut self.blocks, &self.tail) else { return };
        *blocks += 1;
        if tail.place.offset >= tail.capacity / 2 {
            if blocks.saturating_mul(2 * SMALL_BLOCK) >= tail.capacity {
                self.shared.keeper.zeros_are_worth_it(tail.place.segment + 1);
            }
            self.blocks = None;
        }
    }

    /// Refuses all that waits and takes its numbers back, so that the journal can go on without a gap.
    fn take_back(&self, group: &mut Vec<Job>, error: impl Fn() -> JournalError) -> usize {
        let mut given = self.shared.given.alone();
        self.shared.queue.take_waiting(group);
        given.take_back_to(hold(&self.shared.index).last_numbers());
        self.shared.failed.store(false, Ordering::Release);
        drop(given);
        let refused = group.len();
        answer_all(group, error);
        refused
    }

    /// Tries until the disk makes things durable again, or the journal is closed.
    fn recover(&mut self) {
        let mut group = Vec::new();
        loop {
            self.shared.queue.take_waiting(&mut group);
            answer_all(&mut group, || JournalError::Failed);
            match self.begin_anew() {
                Ok(()) => break,
                Err(error) => tracing::warn!(cause = %error, "the journal's disk still fails"),
            }
            if self.shared.keeper.stopped_within(RETRY) {
                // Nothing is queued any more.
                self.shared.queue.take_waiting(&mut group);
                return answer_all(&mut group, || JournalError::Failed);
            }
        }
        self.take_back(&mut group, || JournalError::Failed);
        tracing::info!("the journal goes on in another segment");
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        if let Some(tail) = &self.tail {
            let Place { segment, offset } = tail.place;
            let file = segment::open(&self.shared.dir, segment)?;
            self.shared.medium.sync(&file)?;
            file.set_len(offset)?;
            self.shared.medium.sync(&file)?;
        }
        self.begin_segment(0)
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
