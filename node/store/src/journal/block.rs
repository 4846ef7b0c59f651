//! A block: the entries of one sync.
//!
//! ```text
//! length of the payload u32 | CRC-32 u32 | payload | zero bytes up to a multiple of 8
//! ```
//!
//! The checksum also covers the segment's number and the block's place in it: bytes that belong elsewhere are no
//! block here. A length of zero is space that was never written.

use super::entry::MAX_SEALED_BYTES;

/// Bytes of entries that are taken into one block together.
pub(super) const MAX_GROUP_BYTES: usize = MAX_SEALED_BYTES + 4096;
/// Blocks begin at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;
/// Bytes in front of the payload.
pub(super) const HEADER: usize = 8;

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// Begins a block in `out`; the entries are appended by the caller.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0; HEADER]);
}

/// Completes the block for its place.
pub(super) fn finish(out: &mut Vec<u8>, place: Place) {
    if let Some((length, rest)) = out.split_first_chunk_mut::<4>()
        && let Some((sum, payload)) = rest.split_first_chunk_mut::<4>()
    {
        *length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        *sum = checksum(place, payload).to_be_bytes();
    }
    while !(out.len() as u64).is_multiple_of(ALIGNMENT) {
        out.push(0);
    }
}

/// Bytes that a block with this payload takes in the file.
pub(super) fn padded_len(payload: usize) -> u64 {
    ((HEADER + payload) as u64).next_multiple_of(ALIGNMENT)
}

/// The payload's length and checksum, if the header may be that of a block.
pub(super) fn read_header(header: [u8; HEADER]) -> Option<(usize, u32)> {
    let [a, b, c, d, e, f, g, h] = header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    (1..=MAX_GROUP_BYTES).contains(&length).then_some((length, u32::from_be_bytes([e, f, g, h])))
}

/// The checksum of a payload at its place.
pub(super) fn checksum(place: Place, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.segment.to_be_bytes());
    hasher.update(&place.offset.to_be_bytes());
    hasher.update(&(payload.len() as u64).to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}
