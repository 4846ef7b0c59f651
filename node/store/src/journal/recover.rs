//! Opening a journal: the checkpoint says what is in the logs, summaries what is in segments that take no more blocks,
//! and the newest segment is read once; the one write that a crash may have cut short is cut off. So the time it takes
//! does not grow with what was ever written. Every partition's numbers are checked to follow each other.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Recovered;
use super::block::Place;
use super::checkpoint::Checkpoint;
use super::entry::EntryRef;
use super::error::JournalError;
use super::index::{Index, Segment};
use super::scan::{self, Rest, Scanner};
use super::segment::{self, HEADER_BYTES, Header, Medium};
use super::summary::{self, Summary};
use super::writer::{Spare, Tail};
use crate::durable_file::sync_dir;

/// A journal as it was found, healed.
pub(super) struct Found {
    pub(super) checkpoint: Checkpoint,
    pub(super) index: Index,
    /// `None` before the first segment of all.
    pub(super) tail: Option<Tail>,
    /// A segment that was begun ahead of its first block.
    pub(super) spare: Option<Spare>,
    pub(super) recovered: Recovered,
}

/// A segment that was read up to the end of its last good block.
struct Walked {
    file: File,
    summary: Summary,
    last_block: Option<Place>,
    capacity: u64,
}

impl Walked {
    fn end(&self) -> Place {
        Place { segment: self.summary.segment, offset: self.summary.end }
    }
}

pub(super) fn recover(dir: &Path, medium: &dyn Medium) -> Result<Found, JournalError> {
    let checkpoint = Checkpoint::load(dir)?;
    let mut index = Index::of_logs(&checkpoint);
    let mut numbers = segments(dir, &checkpoint, medium)?;
    let spare = take_unused(dir, &mut numbers, medium)?;
    let mut recovered = Recovered::default();
    let tail = numbers.pop().map(|newest| walk(dir, newest)).transpose()?;
    for number in numbers {
        let summary = match Summary::load(dir, number)? {
            Some(summary) => summary,
            None => walk_closed(dir, number)?,
        };
        add(&mut index, &summary)?;
    }
    if let Some(walked) = &tail {
        forget_summary(dir, walked.summary.segment, medium)?;
        add(&mut index, &walked.summary)?;
        recovered.torn_bytes = heal(walked, medium)?;
    }
    add_past(dir, &checkpoint, &mut index, medium)?;
    if tail.is_some() || spare.is_some() {
        // Whoever began the newest segment may have been stopped before its name was durable.
        sync_dir(dir)?;
    }
    recovered.entries = index.entries();
    let tail = tail.map(|walked| Tail { place: walked.end(), file: walked.file, capacity: walked.capacity });
    Ok(Found { checkpoint, index, tail, spare, recovered })
}

fn add(index: &mut Index, summary: &Summary) -> Result<(), JournalError> {
    if index.add_summary(summary) {
        return Ok(());
    }
    Err(JournalError::Corrupt { segment: summary.segment, offset: 0 })
}

/// The segments that are needed, in order without a gap. Those that were derived are removed: a stop came in between.
fn segments(dir: &Path, checkpoint: &Checkpoint, medium: &dyn Medium) -> Result<Vec<u64>, JournalError> {
    let (gone, numbers): (Vec<_>, Vec<_>) =
        segment::list(dir, ".seg")?.into_iter().partition(|number| *number < checkpoint.journal_from);
    for number in gone {
        medium.remove(&segment::path(dir, number))?;
    }
    for (expected, number) in (checkpoint.journal_from..).zip(&numbers) {
        if *number != expected {
            return Err(JournalError::Corrupt { segment: expected, offset: 0 });
        }
    }
    if numbers.is_empty() && checkpoint.journal_from > segment::FIRST {
        return Err(JournalError::Corrupt { segment: checkpoint.journal_from, offset: 0 });
    }
    Ok(numbers)
}

/// Takes the segments without a block off the end, but for the first there is: they were begun ahead. The one behind
/// the tail is of use if its header is whole.
fn take_unused(
    dir: &Path,
    numbers: &mut Vec<u64>,
    medium: &dyn Medium,
) -> Result<Option<Spare>, JournalError> {
    let mut spare = None;
    while let Some(&number) = numbers.last() {
        let file = segment::open(dir, number)?;
        let first = Place { segment: number, offset: HEADER_BYTES };
        let header = segment::read_header(&file, number)?;
        if header == Header::Newer {
            return Err(JournalError::NewerFormat);
        }
        if scan::rest(&file, first)? != Rest::Unwritten || (numbers.len() == 1 && header == Header::Ours) {
            break;
        }
        // After a failed write it may have been closed with nothing in it: now it is used after all.
        forget_summary(dir, number, medium)?;
        let capacity = file.metadata()?.len();
        spare = (header == Header::Ours).then_some(Spare { number, file, capacity, zeroed: HEADER_BYTES });
        numbers.pop();
    }
    Ok(spare)
}

/// A segment whose summary is not there. It was healed before the next one was begun: what is torn there was whole
/// once.
fn walk_closed(dir: &Path, number: u64) -> Result<Summary, JournalError> {
    let walked = walk(dir, number)?;
    match scan::rest(&walked.file, walked.end())? {
        Rest::Unwritten => Ok(walked.summary),
        Rest::Torn(_) | Rest::Damaged => Err(corrupt(walked.end())),
    }
}

/// What a segment holds that takes no more blocks, read from the segment itself. All that was written to it must be
/// there: a summary that ended before would pass over what was lost.
pub(super) fn summarise(dir: &Path, written: Segment) -> Result<Summary, JournalError> {
    let walked = walk(dir, written.number)?;
    if walked.summary.end == written.end { Ok(walked.summary) } else { Err(corrupt(walked.end())) }
}

fn walk(dir: &Path, number: u64) -> Result<Walked, JournalError> {
    let file = segment::open(dir, number)?;
    match segment::read_header(&file, number)? {
        Header::Ours => {}
        Header::Newer => return Err(JournalError::NewerFormat),
        Header::Invalid => return Err(JournalError::Corrupt { segment: number, offset: 0 }),
    }
    let capacity = file.metadata()?.len();
    let first = Place { segment: number, offset: HEADER_BYTES };
    let mut scanner = Scanner::new(file.try_clone()?, first, capacity)?;
    let mut summary = Summary::new(number);
    let mut last_block = None;
    while let Some((place, payload)) = scanner.next()? {
        note_entries(payload, place, &mut summary).ok_or(corrupt(place))?;
        last_block = Some(place);
    }
    summary.end = scanner.place().offset;
    Ok(Walked { file, summary, last_block, capacity })
}

/// `None` if the entries are not what may follow.
fn note_entries(mut payload: &[u8], place: Place, summary: &mut Summary) -> Option<()> {
    while !payload.is_empty() {
        let entry = EntryRef::take(&mut payload)?;
        summary.note(&entry, place).then_some(())?;
    }
    Some(())
}

/// Cuts off what lies behind the last good block of the newest segment; how much that was.
fn heal(walked: &Walked, medium: &dyn Medium) -> Result<u64, JournalError> {
    let torn = match scan::rest(&walked.file, walked.end())? {
        Rest::Unwritten => 0,
        Rest::Torn(bytes) => {
            cut_off(walked, medium)?;
            bytes
        }
        Rest::Damaged => return Err(corrupt(walked.end())),
    };
    confirm(walked)?;
    Ok(torn)
}

/// Gives up what lies behind the last good block, and reserves the space again.
fn cut_off(walked: &Walked, medium: &dyn Medium) -> io::Result<()> {
    walked.file.set_len(walked.summary.end)?;
    medium.allocate(&walked.file, walked.capacity)?;
    walked.file.sync_all()
}

/// Makes the last block durable. Nobody may have been told of it, and if a sync failed, the kernel may hold bytes
/// for written that never were: only writing them anew makes the next sync mean something.
fn confirm(walked: &Walked) -> io::Result<()> {
    if let Some(last) = walked.last_block {
        let length = usize::try_from(walked.summary.end - last.offset).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        walked.file.read_exact_at(&mut bytes, last.offset)?;
        walked.file.write_all_at(&bytes, last.offset)?;
    }
    walked.file.sync_data()
}

/// The newest segment grows: what was said of it while another one was begun ahead holds no more.
fn forget_summary(dir: &Path, segment: u64, medium: &dyn Medium) -> io::Result<()> {
    let path = summary::path(dir, segment);
    if path.try_exists()? {
        medium.remove(&path)?;
        sync_dir(dir)?;
    }
    Ok(())
}

/// The summaries that outlived their segments.
fn add_past(dir: &Path, checkpoint: &Checkpoint, index: &mut Index, medium: &dyn Medium) -> io::Result<()> {
    for number in segment::list(dir, ".sum")? {
        if number >= checkpoint.journal_from {
            continue;
        }
        match summary::latest_ms(dir, number)? {
            Some(latest_ms) => index.add_past(number, latest_ms),
            None => medium.remove(&summary::path(dir, number))?,
        }
    }
    Ok(())
}

fn corrupt(place: Place) -> JournalError {
    JournalError::Corrupt { segment: place.segment, offset: place.offset }
}
