//! Reading back what is durable, one block in memory at a time, wherever it lies: in the log that was derived, or still
//! in the journal only.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::blocks::Blocks;
use super::entry::JournalEntry;
use super::error::JournalError;
use super::index::{Route, Segment};
use super::log_file;
use super::summary::Summary;
use super::table::TableReader;
use super::{Shared, hold};

/// How often in a row a reader looks anew where the next entry lies, because it was moved while it was on its way.
const LOOKS: u32 = 8;

/// The entries of one partition in order of their numbers, up to the last that was durable when it was made.
///
/// Yields an error once, and then nothing, if an entry cannot be read or is not the next one.
pub struct JournalReader(Place);

enum Place {
    Files(FileReader),
    Table(TableReader),
}

impl From<FileReader> for JournalReader {
    fn from(reader: FileReader) -> Self {
        Self(Place::Files(reader))
    }
}

impl From<TableReader> for JournalReader {
    fn from(reader: TableReader) -> Self {
        Self(Place::Table(reader))
    }
}

impl Iterator for JournalReader {
    type Item = Result<JournalEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Place::Files(reader) => reader.next(),
            Place::Table(reader) => reader.next(),
        }
    }
}

/// The entries that lie in files.
pub(super) struct FileReader {
    shared: Arc<Shared>,
    partition: String,
    next: u64,
    last: u64,
    blocks: Option<Blocks>,
    /// Whether a block of `blocks` was read: the first one may begin before the entry that is looked for, and no other.
    begun: bool,
    ready: VecDeque<JournalEntry>,
}

impl FileReader {
    pub(super) fn new(shared: Arc<Shared>, partition: &str, from: u64) -> Self {
        let (first, last) = {
            let index = hold(&shared.index);
            (index.first_number(partition).0, index.last_number(partition))
        };
        let (partition, next) = (partition.to_owned(), from.max(first));
        Self { shared, partition, next, last, blocks: None, begun: false, ready: VecDeque::new() }
    }

    fn step(&mut self) -> Result<JournalEntry, JournalError> {
        let mut looks = 0;
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            match self.fill() {
                Ok(true) => {}
                // Behind the end of a log, or a file was removed once its entries were elsewhere: they are looked for
                // anew.
                Ok(false) => self.look_again(&mut looks, None)?,
                Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    self.look_again(&mut looks, Some(error))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads another block; `false` if there is none.
    fn fill(&mut self) -> Result<bool, JournalError> {
        let blocks = match &mut self.blocks {
            Some(blocks) => blocks,
            None => {
                self.begun = false;
                self.blocks.insert(route(&self.shared, &self.partition, self.next)?)
            }
        };
        let (partition, next, ready) = (&self.partition, self.next, &mut self.ready);
        let (begun, mut wanted) = (self.begun, false);
        let more = blocks.next(|_, entry| {
            if entry.partition == partition && (begun || wanted || entry.number >= next) {
                wanted = true;
                ready.push_back(entry.to_owned());
            }
        })?;
        self.begun |= wanted;
        Ok(more)
    }

    fn look_again(&mut self, looks: &mut u32, cause: Option<io::Error>) -> Result<(), JournalError> {
        *looks += 1;
        if *looks > LOOKS {
            return Err(cause.map_or_else(|| self.corrupt(), JournalError::Io));
        }
        self.blocks = None;
        Ok(())
    }

    fn corrupt(&self) -> JournalError {
        self.blocks.as_ref().map_or(JournalError::GivenUp, Blocks::corrupt)
    }
}

impl Iterator for FileReader {
    type Item = Result<JournalEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let due = self.next;
        let entry = self.step().and_then(|entry| match entry.seq {
            found if found == due => Ok(entry),
            found => Err(JournalError::OutOfOrder { due, found }),
        });
        self.next = if entry.is_ok() { self.next + 1 } else { u64::MAX };
        Some(entry)
    }
}

/// The numbers of a partition's entries as they stand one behind the other, at most `limit`, from the block on in which
/// `from` is to be. What cannot be read ends them.
pub(super) fn numbers(shared: &Shared, partition: &str, from: u64, limit: usize) -> Vec<u64> {
    let mut found = Vec::new();
    let Ok(mut blocks) = route(shared, partition, from) else { return found };
    while found.len() < limit {
        let more = blocks.next(|_, entry| {
            if entry.partition == partition {
                found.push(entry.number);
            }
        });
        if !matches!(more, Ok(true)) {
            break;
        }
    }
    found
}

fn route(shared: &Shared, partition: &str, next: u64) -> Result<Blocks, JournalError> {
    match hold(&shared.index).route(partition, next) {
        Some(Route::Journal { start, segments }) => Ok(Blocks::of_journal(&shared.dir, start, &segments)),
        Some(Route::Log(end)) => Blocks::of_log(log_file::folder(&shared.dir, partition), &end, next),
        None => Err(JournalError::GivenUp),
    }
}

/// Every replay id that was noted at or after `since_ms`, in the order of the segments.
pub(super) fn replay_ids(shared: &Shared, since_ms: u64) -> Result<Vec<([u8; 16], u64)>, JournalError> {
    let (past, segments) = {
        let index = hold(&shared.index);
        (index.past(), index.segments().collect::<Vec<_>>())
    };
    let mut ids = Vec::new();
    for (number, _) in past.into_iter().filter(|(_, latest_ms)| *latest_ms >= since_ms) {
        let summary = Summary::load(&shared.dir, number)?;
        ids.extend(summary.ok_or(JournalError::Corrupt { segment: number, offset: 0 })?.replays);
    }
    for segment in segments.into_iter().filter(|segment| segment.latest_ms >= since_ms) {
        ids.extend(noted_in(shared, segment)?);
    }
    ids.retain(|(_, at_ms)| *at_ms >= since_ms);
    Ok(ids)
}

fn noted_in(shared: &Shared, segment: Segment) -> Result<Vec<([u8; 16], u64)>, JournalError> {
    let brief = || -> Result<_, JournalError> {
        let found = Summary::load(&shared.dir, segment.number)?;
        Ok(found.filter(|found| found.end == segment.end).map(|found| found.replays))
    };
    if let Some(ids) = brief()? {
        return Ok(ids);
    }
    let mut ids = Vec::new();
    let mut blocks = Blocks::of_segment(&shared.dir, segment);
    loop {
        match blocks.next(|_, entry| ids.extend(entry.replay.map(|id| (id, entry.at_ms)))) {
            Ok(true) => {}
            Ok(false) => return Ok(ids),
            // Removed meanwhile: with its summary beside it, or without any id.
            Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(brief()?.unwrap_or_default());
            }
            Err(error) => return Err(error),
        }
    }
}
