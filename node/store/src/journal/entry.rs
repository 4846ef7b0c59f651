//! One entry and its bytes inside a block:
//!
//! ```text
//! length of the rest u32 | kind u8 | at_ms u64 | number u64 | replay id 16 (zero: none)
//! | length of the name u8 | partition name | sealed content
//! ```
//!
//! Numbers are big-endian. A replay id of sixteen zero bytes does not exist: ids are version 7 UUIDs.

use super::slack::Slack;

/// Bytes of sealed content in one entry at most.
pub const MAX_SEALED_BYTES: usize = 1 << 20;

const FIXED: usize = 4 + 1 + 8 + 8 + 16 + 1;

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose entry it is: the name of a partition.
    pub partition: String,
    /// What it is; the journal gives it no meaning.
    pub kind: u8,
    /// When it happened, Unix milliseconds.
    pub at_ms: u64,
    /// An id that must not be used again, kept readable so that the window can be rebuilt (R22).
    pub replay: Option<[u8; 16]>,
    /// The content, sealed under the body's key; at most [`MAX_SEALED_BYTES`].
    pub sealed: Vec<u8>,
}

/// An entry as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its number within its partition, from 1 without a gap.
    pub seq: u64,
    /// When it happened, Unix milliseconds.
    pub at_ms: u64,
    /// What it is.
    pub kind: u8,
    /// The id that must not be used again.
    pub replay: Option<[u8; 16]>,
    /// The content, still sealed.
    pub sealed: Vec<u8>,
}

/// What is known of an entry that comes, besides its content.
pub(super) struct Head {
    pub(super) partition: String,
    pub(super) kind: u8,
    pub(super) at_ms: u64,
    pub(super) replay: Option<[u8; 16]>,
    /// How long it may wait to be written.
    pub(super) slack: Slack,
}

impl Head {
    /// Bytes that the entry takes in its block besides its content.
    pub(super) fn encoded_len(&self) -> usize {
        FIXED + self.partition.len()
    }

    /// Appends the entry's bytes. The name has been checked to be at most 64 bytes.
    pub(super) fn encode(&self, number: u64, sealed: &[u8], out: &mut Vec<u8>) {
        let rest = self.encoded_len() - 4 + sealed.len();
        out.extend_from_slice(&u32::try_from(rest).unwrap_or(u32::MAX).to_be_bytes());
        out.push(self.kind);
        out.extend_from_slice(&self.at_ms.to_be_bytes());
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&self.replay.unwrap_or_default());
        out.push(u8::try_from(self.partition.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(self.partition.as_bytes());
        out.extend_from_slice(sealed);
    }
}

/// An entry where it lies in a block.
pub(super) struct EntryRef<'a> {
    pub(super) partition: &'a str,
    pub(super) kind: u8,
    pub(super) at_ms: u64,
    pub(super) number: u64,
    pub(super) replay: Option<[u8; 16]>,
    pub(super) sealed: &'a [u8],
    /// All of its bytes, with the length in front.
    pub(super) raw: &'a [u8],
}

impl<'a> EntryRef<'a> {
    /// Takes the next entry off the front of a block's payload; `None` if it does not hold one.
    pub(super) fn take(payload: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u32::from_be_bytes(*payload.first_chunk::<4>()?)).ok()?;
        let (raw, rest) = payload.split_at_checked(length.checked_add(4)?)?;
        let entry = raw.get(4..)?;
        let (&kind, entry) = entry.split_first()?;
        let (at_ms, entry) = entry.split_first_chunk::<8>()?;
        let (number, entry) = entry.split_first_chunk::<8>()?;
        let (replay, entry) = entry.split_first_chunk::<16>()?;
        let (&name, entry) = entry.split_first()?;
        let (partition, sealed) = entry.split_at_checked(usize::from(name))?;
        *payload = rest;
        Some(Self {
            partition: std::str::from_utf8(partition).ok()?,
            kind,
            at_ms: u64::from_be_bytes(*at_ms),
            number: u64::from_be_bytes(*number),
            replay: (*replay != [0; 16]).then_some(*replay),
            sealed,
            raw,
        })
    }

    pub(super) fn to_owned(&self) -> JournalEntry {
        let Self { kind, at_ms, number, replay, sealed, .. } = *self;
        JournalEntry { seq: number, at_ms, kind, replay, sealed: sealed.to_vec() }
    }
}
