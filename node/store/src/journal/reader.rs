//! Reading back what is durable, one block in memory at a time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::block::Place;
use super::entry::{EntryRef, JournalEntry};
use super::error::JournalError;
use super::index::{Route, Segment};
use super::scan::Scanner;
use super::segment::{self, HEADER_BYTES};

/// The entries of one partition in order of their numbers, up to the last that was durable when it was made.
///
/// Yields an error once, and then nothing, if an entry cannot be read or is not the next one.
pub struct JournalReader {
    next: u64,
    last: u64,
    partition: String,
    blocks: Blocks,
    ready: VecDeque<JournalEntry>,
}

impl JournalReader {
    pub(super) fn new(dir: &Path, route: Option<Route>) -> Self {
        let nothing = Place { segment: 0, offset: 0 };
        let (partition, next, last, start, segments) = match route {
            Some(route) => (route.partition, route.from, route.last, route.start, route.segments),
            None => (String::new(), 1, 0, nothing, Vec::new()),
        };
        Self { next, last, partition, blocks: Blocks::new(dir, segments, start), ready: VecDeque::new() }
    }

    fn step(&mut self) -> Result<JournalEntry, JournalError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            let (partition, next, ready) = (&self.partition, self.next, &mut self.ready);
            let more = self.blocks.next(|entry| {
                if entry.partition == partition && entry.number >= next {
                    ready.push_back(entry.to_owned());
                }
            })?;
            if !more {
                return Err(self.blocks.corrupt());
            }
        }
    }
}

impl Iterator for JournalReader {
    type Item = Result<JournalEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let entry = self
            .step()
            .and_then(|entry| if entry.seq == self.next { Ok(entry) } else { Err(self.blocks.corrupt()) });
        self.next = if entry.is_ok() { self.next + 1 } else { u64::MAX };
        Some(entry)
    }
}

/// Every replay id in these segments that was noted at or after `since_ms`.
pub(super) fn replay_ids(
    dir: &Path,
    segments: &[Segment],
    since_ms: u64,
) -> Result<Vec<([u8; 16], u64)>, JournalError> {
    let mut ids = Vec::new();
    for segment in segments {
        let start = Place { segment: segment.number, offset: HEADER_BYTES };
        let mut blocks = Blocks::new(dir, vec![*segment], start);
        while blocks.next(|entry| {
            ids.extend(entry.replay.filter(|_| entry.at_ms >= since_ms).map(|id| (id, entry.at_ms)));
        })? {}
    }
    Ok(ids)
}

/// The durable blocks of some segments, one after the other.
struct Blocks {
    dir: PathBuf,
    segments: VecDeque<Segment>,
    start: Place,
    current: Option<(Scanner, u64)>,
}

impl Blocks {
    /// From the block at `start`, which lies in the first of `segments`.
    fn new(dir: &Path, segments: Vec<Segment>, start: Place) -> Self {
        Self { dir: dir.to_owned(), segments: segments.into(), start, current: None }
    }

    /// Shows every entry of the next block to `visit`; `false` behind the last block.
    fn next(&mut self, mut visit: impl FnMut(&EntryRef<'_>)) -> Result<bool, JournalError> {
        loop {
            if let Some((scanner, end)) = &mut self.current {
                if let Some((place, mut payload)) = scanner.next()? {
                    while !payload.is_empty() {
                        visit(&EntryRef::take(&mut payload).ok_or(corrupt(place))?);
                    }
                    return Ok(true);
                }
                // Every block up to the end was good when it was written or last opened.
                if scanner.place().offset != *end {
                    return Err(corrupt(scanner.place()));
                }
            }
            let Some(segment) = self.segments.pop_front() else { return Ok(false) };
            let file = segment::open(&self.dir, segment.number)?;
            self.current = Some((Scanner::new(file, self.start, segment.end)?, segment.end));
            self.start = Place { segment: segment.number + 1, offset: HEADER_BYTES };
        }
    }

    fn corrupt(&self) -> JournalError {
        corrupt(self.current.as_ref().map_or(self.start, |(scanner, _)| scanner.place()))
    }
}

fn corrupt(place: Place) -> JournalError {
    JournalError::Corrupt { segment: place.segment, offset: place.offset }
}
