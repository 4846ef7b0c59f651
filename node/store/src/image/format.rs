//! The bytes of an image, format 1. Numbers are big-endian.
//!
//! ```text
//! file     "chukei-image" 0 | format u8 = 1 | what u8: 'R' rows, 'J' journal | chunks
//! chunk    length of the payload u32 | SHA-256 of the payload, 32 | payload
//! rows     section: 'C' complete or 'D' differences | number of the section u32 | records
//! record   length of the key u16 | key | version u64 | length of the value u32 | value
//!          in place of a length: ff ff ff ff deleted; ff ff ff fe kept, the base has the value
//! journal  entries: number u64 | at_ms u64 | kind u8 | replay id 16 (zero: none) | length u32 | sealed content
//! ```
//!
//! A section is in strictly ascending order of keys. A complete one names every row: what it does not name is not
//! there. Differences follow it and stand in the place of what it says. A payload holds whole records of one section.

use chukei_crypto::hash::sha256;

use super::error::ImageError;
use super::manifest::ChunkSum;
use crate::batch::MAX_VALUE_BYTES;
use crate::journal::{JournalEntry, MAX_SEALED_BYTES};
use crate::row::{MAX_KEY_BYTES, RowKey};

/// What an image's file begins with.
pub(super) const MAGIC: &[u8] = b"chukei-image\0";
/// The only format.
pub(super) const FORMAT: u8 = 1;
/// A payload that has reached this takes no more records.
const CHUNK_FULL: usize = 1 << 20;
/// Bytes of the longest payload: a full one and one record more.
pub(super) const MAX_CHUNK_BYTES: usize = CHUNK_FULL + MAX_VALUE_BYTES + MAX_KEY_BYTES + 64;

const DELETED: u32 = u32::MAX;
const KEPT: u32 = u32::MAX - 1;

/// Which records stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Every row there is.
    Complete(u32),
    /// Rows that changed since.
    Differences(u32),
}

/// What an image says of one row.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub key: RowKey,
    /// Its version; 0 of a deleted one.
    pub version: u64,
    /// What it holds.
    pub content: Content,
}

impl Record {
    /// Bytes of its value.
    pub fn length(&self) -> usize {
        match &self.content {
            Content::Value(value) => value.len(),
            Content::Kept | Content::Deleted => 0,
        }
    }
}

/// What a row holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// This sealed value.
    Value(Vec<u8>),
    /// What the base says.
    Kept,
    /// Nothing: it was deleted.
    Deleted,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.content {
            Content::Value(value) => format!("{} bytes", value.len()),
            Content::Kept => "kept".to_owned(),
            Content::Deleted => "deleted".to_owned(),
        };
        write!(f, "Record({:?}, version {}, {what})", self.key, self.version)
    }
}

/// A payload with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The records.
    pub payload: Vec<u8>,
    /// What the manifest says of it.
    pub sum: ChunkSum,
}

impl Chunk {
    /// The chunk of a payload.
    pub fn of(payload: Vec<u8>) -> Self {
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let sum = ChunkSum { bytes, sha256: sha256(&payload) };
        Self { payload, sum }
    }
}

/// Fills payloads.
#[derive(Debug, Default)]
pub struct ChunkBuilder {
    payload: Vec<u8>,
    section: Option<Section>,
}

impl ChunkBuilder {
    /// Adds a record of `section`; gives a chunk where one is full or ends with its section.
    pub fn record(&mut self, section: Section, record: &Record) -> Option<Chunk> {
        let done = if self.section == Some(section) && self.payload.len() < CHUNK_FULL {
            None
        } else {
            self.finish()
        };
        if self.payload.is_empty() {
            self.section = Some(section);
            let (kind, number) = match section {
                Section::Complete(number) => (b'C', number),
                Section::Differences(number) => (b'D', number),
            };
            self.payload.push(kind);
            self.payload.extend_from_slice(&number.to_be_bytes());
        }
        encode_record(record, &mut self.payload);
        done
    }

    /// Adds an entry of the journal; gives a chunk where one is full.
    pub fn entry(&mut self, entry: &JournalEntry) -> Option<Chunk> {
        let done = if self.payload.len() < CHUNK_FULL { None } else { self.finish() };
        let out = &mut self.payload;
        out.extend_from_slice(&entry.seq.to_be_bytes());
        out.extend_from_slice(&entry.at_ms.to_be_bytes());
        out.push(entry.kind);
        out.extend_from_slice(&entry.replay.unwrap_or_default());
        put_long(&entry.sealed, out);
        done
    }

    /// The last chunk, if anything is in it.
    pub fn finish(&mut self) -> Option<Chunk> {
        let payload = std::mem::take(&mut self.payload);
        (!payload.is_empty()).then(|| Chunk::of(payload))
    }
}

fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let key = record.key.as_bytes();
    out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&record.version.to_be_bytes());
    match &record.content {
        Content::Value(value) => put_long(value, out),
        Content::Kept => out.extend_from_slice(&KEPT.to_be_bytes()),
        Content::Deleted => out.extend_from_slice(&DELETED.to_be_bytes()),
    }
}

fn put_long(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The section and the records of a payload.
pub(super) fn records(payload: &[u8]) -> Result<(Section, Vec<Record>), ImageError> {
    read_records(payload).ok_or(ImageError::Altered("a chunk of rows"))
}

/// The entries of a payload.
pub(super) fn entries(payload: &[u8]) -> Result<Vec<JournalEntry>, ImageError> {
    read_entries(payload).ok_or(ImageError::Altered("a chunk of the journal"))
}

fn read_records(payload: &[u8]) -> Option<(Section, Vec<Record>)> {
    let (&kind, rest) = payload.split_first()?;
    let (number, mut rest) = rest.split_first_chunk::<4>()?;
    let number = u32::from_be_bytes(*number);
    let section = match kind {
        b'C' => Section::Complete(number),
        b'D' => Section::Differences(number),
        _ => return None,
    };
    let mut records = Vec::new();
    while !rest.is_empty() {
        records.push(read_record(&mut rest)?);
    }
    Some((section, records))
}

fn read_record(from: &mut &[u8]) -> Option<Record> {
    let (length, rest) = from.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > MAX_KEY_BYTES {
        return None;
    }
    let (key, rest) = rest.split_at_checked(length)?;
    let (version, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (content, rest) = match u32::from_be_bytes(*length) {
        DELETED => (Content::Deleted, rest),
        KEPT => (Content::Kept, rest),
        length => {
            let (value, rest) = take(rest, length, MAX_VALUE_BYTES)?;
            (Content::Value(value.to_vec()), rest)
        }
    };
    *from = rest;
    let (key, version) = (RowKey::from_stored(key.to_vec()), u64::from_be_bytes(*version));
    Some(Record { key, version, content })
}

fn read_entries(mut rest: &[u8]) -> Option<Vec<JournalEntry>> {
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (seq, after) = rest.split_first_chunk::<8>()?;
        let (at_ms, after) = after.split_first_chunk::<8>()?;
        let (&kind, after) = after.split_first()?;
        let (replay, after) = after.split_first_chunk::<16>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (sealed, after) = take(after, u32::from_be_bytes(*length), MAX_SEALED_BYTES)?;
        rest = after;
        entries.push(JournalEntry {
            seq: u64::from_be_bytes(*seq),
            at_ms: u64::from_be_bytes(*at_ms),
            kind,
            replay: (*replay != [0; 16]).then_some(*replay),
            sealed: sealed.to_vec(),
        });
    }
    Some(entries)
}

fn take(from: &[u8], length: u32, limit: usize) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(length).ok().filter(|length| *length <= limit)?;
    from.split_at_checked(length)
}
