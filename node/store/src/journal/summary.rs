//! What a segment that takes no more blocks holds, in brief: which numbers of which partitions, and the replay ids.
//!
//! ```text
//! "CHUKEIJS" | format u32 | segment u64 | end u64 | latest_ms u64 | partitions u32 | replay ids u32
//! | per partition: name, first u64, last u64, offset of its first block u64
//! | per replay id: id 16, at_ms u64
//! | CRC-32 of all before u32
//! ```
//!
//! Opening reads it instead of the segment, and it outlives the segment for its replay ids (R22). It is derived: where
//! it is missing while the segment is there, the segment is read.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::block::Place;
use super::entry::EntryRef;
use super::error::JournalError;
use super::fields::{put_name, seal, take, take_format, take_name, take_u32, take_u64, unseal};
use super::segment::Medium;

const MAGIC: &[u8; 8] = b"CHUKEIJS";
const FORMAT: u32 = 1;
/// Bytes up to and with `latest_ms`.
const HEAD: usize = 8 + 4 + 8 + 8 + 8;

/// The numbers of one partition in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Where the block begins that `first` lies in.
    pub(super) offset: u64,
}

/// What one segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) segment: u64,
    /// Behind its last block.
    pub(super) end: u64,
    /// When its latest entry was made, Unix milliseconds.
    pub(super) latest_ms: u64,
    pub(super) partitions: HashMap<String, Span>,
    pub(super) replays: Vec<([u8; 16], u64)>,
}

impl Summary {
    pub(super) fn new(segment: u64) -> Self {
        Self { segment, ..Self::default() }
    }

    /// Notes an entry of the block at `place`; `false` if its number does not follow that of the one before.
    pub(super) fn note(&mut self, entry: &EntryRef<'_>, place: Place) -> bool {
        self.latest_ms = self.latest_ms.max(entry.at_ms);
        self.replays.extend(entry.replay.map(|id| (id, entry.at_ms)));
        let Some(span) = self.partitions.get_mut(entry.partition) else {
            let span = Span { first: entry.number, last: entry.number, offset: place.offset };
            self.partitions.insert(entry.partition.to_owned(), span);
            return true;
        };
        let next = span.last + 1 == entry.number;
        span.last = entry.number;
        next
    }

    /// Writes it, durably.
    pub(super) fn store(&self, dir: &Path, medium: &dyn Medium) -> io::Result<()> {
        medium.replace(&path(dir, self.segment), &self.to_bytes())
    }

    /// Reads that of `segment`; `None` if there is none that is whole.
    pub(super) fn load(dir: &Path, segment: u64) -> Result<Option<Self>, JournalError> {
        let bytes = match std::fs::read(path(dir, segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let Some(mut text) = unseal(&bytes) else { return Ok(None) };
        match take_format(&mut text, MAGIC) {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => return Err(JournalError::NewerFormat),
            _ => return Ok(None),
        }
        Ok(Self::from_text(text).filter(|summary| summary.segment == segment))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_be_bytes());
        for number in [self.segment, self.end, self.latest_ms] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for count in [self.partitions.len(), self.replays.len()] {
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        }
        for (name, Span { first, last, offset }) in &self.partitions {
            put_name(&mut out, name);
            for number in [first, last, offset] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        for (id, at_ms) in &self.replays {
            out.extend_from_slice(id);
            out.extend_from_slice(&at_ms.to_be_bytes());
        }
        seal(&mut out);
        out
    }

    /// Behind the format.
    pub(super) fn from_text(mut text: &[u8]) -> Option<Self> {
        let text = &mut text;
        let mut summary = Self::new(take_u64(text)?);
        (summary.end, summary.latest_ms) = (take_u64(text)?, take_u64(text)?);
        let (partitions, replays) = (take_u32(text)?, take_u32(text)?);
        for _ in 0..partitions {
            let name = take_name(text)?;
            let span = Span { first: take_u64(text)?, last: take_u64(text)?, offset: take_u64(text)? };
            summary.partitions.insert(name, span);
        }
        for _ in 0..replays {
            summary.replays.push((take(text)?, take_u64(text)?));
        }
        text.is_empty().then_some(summary)
    }
}

/// When the latest entry was made of the segment that this was the summary of; it is not checked here.
pub(super) fn latest_ms(dir: &Path, segment: u64) -> io::Result<Option<u64>> {
    let mut head = Vec::with_capacity(HEAD);
    let file = std::fs::File::open(path(dir, segment))?;
    io::Read::read_to_end(&mut io::Read::take(file, HEAD as u64), &mut head)?;
    Ok(head.last_chunk::<8>().filter(|_| head.len() == HEAD).map(|at| u64::from_be_bytes(*at)))
}

pub(super) fn path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:016x}.sum"))
}
