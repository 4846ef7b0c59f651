//! The durable blocks of some files, one after the other: of segments or of one partition's log.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::block::Place;
use super::checkpoint::LogEnd;
use super::entry::EntryRef;
use super::error::JournalError;
use super::index::Segment;
use super::log_file;
use super::scan::Scanner;
use super::segment::{self, HEADER_BYTES};

pub(super) struct Blocks {
    dir: PathBuf,
    of_log: bool,
    files: VecDeque<Extent>,
    current: Option<(Scanner, u64)>,
}

/// A file and what of it counts.
struct Extent {
    /// What it is named by: its number, or that of its first entry.
    start: Place,
    /// `None`: all of it.
    end: Option<u64>,
}

impl Blocks {
    /// Of segments in `dir`, from the block at `start`, which lies in the first of them.
    pub(super) fn of_journal(dir: &Path, start: Place, segments: &[Segment]) -> Self {
        let offset = |segment: &Segment| {
            if segment.number == start.segment { start.offset } else { HEADER_BYTES }
        };
        let extent = |segment: &Segment| Extent {
            start: Place { segment: segment.number, offset: offset(segment) },
            end: Some(segment.end),
        };
        let files = segments.iter().map(extent).collect();
        Self { dir: dir.to_owned(), of_log: false, files, current: None }
    }

    /// All blocks of one segment.
    pub(super) fn of_segment(dir: &Path, segment: Segment) -> Self {
        let start = Place { segment: segment.number, offset: HEADER_BYTES };
        Self::of_journal(dir, start, &[segment])
    }

    /// Of the log in `folder`, beginning with the file that holds number `from`.
    pub(super) fn of_log(folder: PathBuf, end: &LogEnd, from: u64) -> Result<Self, JournalError> {
        let tail = end.file.ok_or(JournalError::CorruptLog { first: from, offset: 0 })?;
        let firsts: Vec<_> = log_file::list(&folder)?.into_iter().filter(|at| *at <= tail.first).collect();
        let before = firsts.partition_point(|first| *first <= from).saturating_sub(1);
        let extent = |first: u64| Extent {
            start: Place { segment: first, offset: HEADER_BYTES },
            end: (first == tail.first).then_some(tail.len),
        };
        let files = firsts.into_iter().skip(before).map(extent).collect();
        Ok(Self { dir: folder, of_log: true, files, current: None })
    }

    /// Shows every entry of the next block to `visit`; `false` behind the last block.
    pub(super) fn next(&mut self, mut visit: impl FnMut(Place, &EntryRef<'_>)) -> Result<bool, JournalError> {
        loop {
            if let Some((scanner, end)) = &mut self.current {
                if let Some((place, mut payload)) = scanner.next()? {
                    while !payload.is_empty() {
                        let entry = EntryRef::take(&mut payload).ok_or(corrupt(self.of_log, place))?;
                        visit(place, &entry);
                    }
                    return Ok(true);
                }
                // Every block up to the end was good when it was written or last opened.
                if scanner.place().offset != *end {
                    return Err(corrupt(self.of_log, scanner.place()));
                }
            }
            let Some(extent) = self.files.pop_front() else { return Ok(false) };
            let file = self.open(extent.start.segment)?;
            let end = extent.end.map_or_else(|| file.metadata().map(|found| found.len()), Ok)?;
            self.current = Some((Scanner::new(file, extent.start, end)?, end));
        }
    }

    fn open(&self, number: u64) -> Result<File, JournalError> {
        if self.of_log { log_file::open(&self.dir, number) } else { Ok(segment::open(&self.dir, number)?) }
    }

    /// What is said of an entry that is not what must stand where the walk has come to.
    pub(super) fn corrupt(&self) -> JournalError {
        let next = self.files.front().map_or(Place { segment: 0, offset: 0 }, |extent| extent.start);
        corrupt(self.of_log, self.current.as_ref().map_or(next, |(scanner, _)| scanner.place()))
    }
}

fn corrupt(of_log: bool, place: Place) -> JournalError {
    let Place { segment, offset } = place;
    if of_log {
        JournalError::CorruptLog { first: segment, offset }
    } else {
        JournalError::Corrupt { segment, offset }
    }
}
