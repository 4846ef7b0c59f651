//! Opening a journal: every block is read once, every partition's numbers are checked, and the one write that a
//! crash may have cut short is cut off. Memory stays at one block and one number per partition and segment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Recovered;
use super::block::Place;
use super::entry::EntryRef;
use super::error::JournalError;
use super::index::Index;
use super::scan::{self, Rest, Scanner};
use super::segment::{self, Disk, HEADER_BYTES, Header, Medium};

/// Where the next block goes.
pub(super) struct Tail {
    pub(super) file: File,
    pub(super) place: Place,
    /// The file's length.
    pub(super) capacity: u64,
}

/// A journal as it was found, healed.
pub(super) struct Found {
    pub(super) index: Index,
    /// `None` before the first segment of all.
    pub(super) tail: Option<Tail>,
    pub(super) recovered: Recovered,
}

/// A segment that was read up to the end of its last good block.
struct Walked {
    file: File,
    end: Place,
    last_block: Option<Place>,
    capacity: u64,
}

pub(super) fn recover(dir: &Path) -> Result<Found, JournalError> {
    let numbers = begun_segments(dir)?;
    let newest = numbers.last().copied();
    let mut index = Index::default();
    let mut recovered = Recovered::default();
    let mut tail = None;
    for (expected, number) in (segment::FIRST..).zip(numbers) {
        if number != expected {
            return Err(JournalError::Corrupt { segment: expected, offset: 0 });
        }
        let walked = walk(dir, number, &mut index, &mut recovered)?;
        match scan::rest(&walked.file, walked.end)? {
            Rest::Unwritten => {}
            Rest::Torn(bytes) if Some(number) == newest => {
                cut_off(&walked)?;
                recovered.torn_bytes = bytes;
            }
            // A segment was healed before the next one was begun: what is torn there was whole once.
            Rest::Torn(_) | Rest::Damaged => return Err(corrupt(walked.end)),
        }
        tail = Some(walked);
    }
    if let Some(walked) = &tail {
        confirm(walked)?;
    }
    let tail = tail.map(|Walked { file, end, capacity, .. }| Tail { file, place: end, capacity });
    Ok(Found { index, tail, recovered })
}

/// The segments that may hold blocks. The newest may have been created and not begun; it will be created anew.
fn begun_segments(dir: &Path) -> Result<Vec<u64>, JournalError> {
    let mut numbers = segment::list(dir)?;
    if let Some(&newest) = numbers.last() {
        let file = segment::open(dir, newest)?;
        let first = Place { segment: newest, offset: HEADER_BYTES };
        let begun = segment::read_header(&file, newest)? != Header::Invalid
            || scan::rest(&file, first)? != Rest::Unwritten;
        if !begun {
            numbers.pop();
        }
    }
    Ok(numbers)
}

fn walk(
    dir: &Path,
    number: u64,
    index: &mut Index,
    recovered: &mut Recovered,
) -> Result<Walked, JournalError> {
    let file = segment::open(dir, number)?;
    match segment::read_header(&file, number)? {
        Header::Ours => {}
        Header::Newer => return Err(JournalError::NewerFormat),
        Header::Invalid => return Err(JournalError::Corrupt { segment: number, offset: 0 }),
    }
    let capacity = file.metadata()?.len();
    let first = Place { segment: number, offset: HEADER_BYTES };
    let mut scanner = Scanner::new(file.try_clone()?, first, capacity)?;
    let mut last_block = None;
    index.add_segment(number, HEADER_BYTES);
    while let Some((place, payload)) = scanner.next()? {
        recovered.entries += note_entries(payload, place, index).ok_or(corrupt(place))?;
        last_block = Some(place);
    }
    let end = scanner.place();
    index.extend(end.offset);
    Ok(Walked { file, end, last_block, capacity })
}

/// Takes a block's entries into the index and counts them; `None` if they are not what may follow.
fn note_entries(mut payload: &[u8], place: Place, index: &mut Index) -> Option<u64> {
    let mut entries = 0;
    while !payload.is_empty() {
        let entry = EntryRef::take(&mut payload)?;
        if !index.add(entry.partition, entry.number, entry.at_ms, place) {
            return None;
        }
        entries += 1;
    }
    Some(entries)
}

/// Gives up what lies behind the last good block, and reserves the space again.
fn cut_off(walked: &Walked) -> io::Result<()> {
    walked.file.set_len(walked.end.offset)?;
    Disk.allocate(&walked.file, walked.capacity)?;
    walked.file.sync_all()
}

/// Makes the last block durable. Nobody may have been told of it, and if a sync failed, the kernel may hold bytes
/// for written that never were: only writing them anew makes the next sync mean something.
fn confirm(walked: &Walked) -> io::Result<()> {
    if let Some(last) = walked.last_block {
        let length = usize::try_from(walked.end.offset - last.offset).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        walked.file.read_exact_at(&mut bytes, last.offset)?;
        walked.file.write_all_at(&bytes, last.offset)?;
    }
    walked.file.sync_data()
}

fn corrupt(place: Place) -> JournalError {
    JournalError::Corrupt { segment: place.segment, offset: place.offset }
}
