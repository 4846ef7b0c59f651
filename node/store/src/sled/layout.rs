//! Which items of a sled tree make a row.
//!
//! ```text
//! 0 name                      facts about the partition
//! 1 row key                   version, ordinal, length, the first bytes of the value
//! 2 version ordinal part      the bytes that follow
//! 3 version ordinal parts     parts that no row has any more and that are still to be removed
//! ```
//!
//! What must hold: no item is larger than [`ITEM_BYTES`] and a header. A leaf of sled has at most 17 items, and three
//! more for the moment of a merge; one that came to 128 KiB would become a file of its own, which sled never syncs.
//! All numbers are big-endian. A version and an ordinal name one put of one row and never come again.

/// Bytes of a value in one item at most.
pub(super) const ITEM_BYTES: usize = 4096;
const HEADER_BYTES: usize = 16;
const PART_KEY_BYTES: u64 = 15;

const META: u8 = 0;
const ROW: u8 = 1;
const PART: u8 = 2;
const LEFTOVER: u8 = 3;

/// Whose partition it is.
pub(super) fn partition_key() -> Vec<u8> {
    [&[META], b"partition".as_slice()].concat()
}

/// The fencing epoch: 8 bytes.
pub(super) fn epoch_key() -> Vec<u8> {
    [&[META], b"epoch".as_slice()].concat()
}

/// The [`State`].
pub(super) fn state_key() -> Vec<u8> {
    [&[META], b"state".as_slice()].concat()
}

/// The key of a row's first item.
pub(super) fn row_key(key: &[u8]) -> Vec<u8> {
    [&[ROW], key].concat()
}

/// The row's key, of its first item's key.
pub(super) fn row_of(item_key: &[u8]) -> Option<&[u8]> {
    item_key.strip_prefix(&[ROW])
}

/// The first key behind all rows.
pub(super) fn behind_rows() -> Vec<u8> {
    vec![PART]
}

/// Whether it is the key of a part.
pub(super) fn is_part(item_key: &[u8]) -> bool {
    item_key.first() == Some(&PART)
}

/// The prefix of all [`Leftover`]s.
pub(super) fn leftover_prefix() -> Vec<u8> {
    vec![LEFTOVER]
}

/// Changes with every group of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The version that was given last.
    pub(super) version: u64,
    /// Bytes of all items that make rows.
    pub(super) live_bytes: u64,
    /// The sum of all rows' [`digest`]s, which shows whether one is missing or not the latest.
    pub(super) digest: u64,
}

/// Stands for a row and its version in [`State::digest`].
pub(super) fn digest(key: &[u8], version: u64) -> u64 {
    let half = |first: u32| {
        let mut hasher = crc32fast::Hasher::new_with_initial(first);
        hasher.update(&version.to_be_bytes());
        hasher.update(key);
        u64::from(hasher.finalize())
    };
    let (high, low) = (half(0x6368_756b), half(0x6569_0001));
    // Sums of checksums alone would cancel each other too easily.
    ((high << 32) | low).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl State {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.version, self.live_bytes, self.digest].map(u64::to_be_bytes).concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (live_bytes, digest) = rest.split_first_chunk()?;
        Some(Self {
            version: u64::from_be_bytes(*version),
            live_bytes: u64::from_be_bytes(*live_bytes),
            digest: number(digest)?,
        })
    }
}

/// A number that is all of `bytes`.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// What a row's first item says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u64,
    /// Which put of its batch it was.
    pub(super) ordinal: u32,
    /// Bytes of the whole value.
    pub(super) length: u32,
}

impl Header {
    /// The header and the value's bytes in a row's first item.
    pub(super) fn decode(item: &[u8]) -> Option<(Self, &[u8])> {
        let (version, rest) = item.split_first_chunk()?;
        let (ordinal, rest) = rest.split_first_chunk()?;
        let (length, value) = rest.split_first_chunk()?;
        let header = Self {
            version: u64::from_be_bytes(*version),
            ordinal: u32::from_be_bytes(*ordinal),
            length: u32::from_be_bytes(*length),
        };
        Some((header, value))
    }

    /// A row's first item, and what goes into its parts.
    pub(super) fn encode(self, value: &[u8]) -> (Vec<u8>, std::slice::Chunks<'_, u8>) {
        let (first, rest) = value.split_at(value.len().min(ITEM_BYTES));
        let mut item = Vec::with_capacity(HEADER_BYTES + first.len());
        item.extend_from_slice(&self.version.to_be_bytes());
        item.extend_from_slice(&self.ordinal.to_be_bytes());
        item.extend_from_slice(&self.length.to_be_bytes());
        item.extend_from_slice(first);
        (item, rest.chunks(ITEM_BYTES))
    }

    /// The items that it has besides its first.
    pub(super) fn parts(self) -> Leftover {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let parts = length.saturating_sub(ITEM_BYTES).div_ceil(ITEM_BYTES);
        Leftover {
            version: self.version,
            ordinal: self.ordinal,
            parts: u16::try_from(parts).unwrap_or(u16::MAX),
        }
    }

    /// Bytes of its items, for a row whose key has `key` bytes.
    pub(super) fn bytes(self, key: usize) -> u64 {
        let first = u64::try_from(1 + key + HEADER_BYTES).unwrap_or(u64::MAX);
        first + u64::from(self.length) + u64::from(self.parts().parts) * PART_KEY_BYTES
    }
}

/// The parts of one put of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) version: u64,
    pub(super) ordinal: u32,
    pub(super) parts: u16,
}

impl Leftover {
    /// The key that keeps it in mind.
    pub(super) fn key(self) -> Vec<u8> {
        self.item(LEFTOVER, self.parts)
    }

    pub(super) fn decode(item_key: &[u8]) -> Option<Self> {
        let (version, rest) = item_key.strip_prefix(&[LEFTOVER])?.split_first_chunk()?;
        let (ordinal, parts) = rest.split_first_chunk()?;
        Some(Self {
            version: u64::from_be_bytes(*version),
            ordinal: u32::from_be_bytes(*ordinal),
            parts: u16::from_be_bytes(parts.try_into().ok()?),
        })
    }

    /// The keys of the parts, in order.
    pub(super) fn part_keys(self) -> impl Iterator<Item = Vec<u8>> {
        (0..self.parts).map(move |part| self.item(PART, part))
    }

    fn item(self, kind: u8, last: u16) -> Vec<u8> {
        let mut key = vec![kind];
        key.extend_from_slice(&self.version.to_be_bytes());
        key.extend_from_slice(&self.ordinal.to_be_bytes());
        key.extend_from_slice(&last.to_be_bytes());
        key
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, ITEM_BYTES, Leftover, State};
    use crate::batch::MAX_VALUE_BYTES;
    use crate::row::MAX_KEY_BYTES;

    /// sled 0.34 keeps what is larger than a quarter of a segment of 512 KiB in a file of its own.
    #[test]
    fn sled_a_leaf_never_becomes_a_file_of_its_own() {
        const LEAF_ITEMS: usize = 17 + 3 + 1;
        const BLOB: usize = (512 << 10) / 4 - 20;
        let item = 1 + MAX_KEY_BYTES + 16 + ITEM_BYTES + 20;
        assert!(LEAF_ITEMS * item + 3 * (MAX_KEY_BYTES + 20) < BLOB);
    }

    #[test]
    fn sled_what_is_encoded_is_decoded() {
        let state = State { version: 7, live_bytes: u64::MAX, digest: 5 };
        assert_eq!(State::decode(&state.encode()), Some(state));
        assert_eq!(State::decode(b"short"), None);
        let leftover = Leftover { version: u64::MAX, ordinal: 3, parts: 256 };
        assert_eq!(Leftover::decode(&leftover.key()), Some(leftover));
        for length in [0, 1, ITEM_BYTES, ITEM_BYTES + 1, MAX_VALUE_BYTES] {
            let value = vec![5; length];
            let header = Header { version: 9, ordinal: 1, length: u32::try_from(length).unwrap() };
            let (item, parts) = header.encode(&value);
            assert_eq!(parts.len(), usize::from(header.parts().parts), "{length}");
            let (found, first) = Header::decode(&item).unwrap();
            assert_eq!(found, header);
            assert_eq!([first.to_vec(), parts.collect::<Vec<_>>().concat()].concat(), value);
        }
    }
}
