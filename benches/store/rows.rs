//! The rows: keys as keyed hashes are, values that do not compress, both from their number.

use chukei_benches::Failure;
use chukei_store::{Batch, RowKey, Space, Versioned};
use ring::digest;

/// Bytes of a value.
pub(crate) const VALUE: usize = 1024;

/// The key of a row.
pub(crate) fn key(number: u64) -> RowKey {
    let hash = digest::digest(&digest::SHA256, &number.to_be_bytes());
    RowKey::new(Space::Document).bytes(hash.as_ref())
}

/// The prefix of them all.
pub(crate) fn all() -> RowKey {
    RowKey::new(Space::Document)
}

/// The value of a row.
pub(crate) fn value(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (1..VALUE / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    number.to_be_bytes().into_iter().chain(words).collect()
}

/// A batch that writes one row.
pub(crate) fn put(number: u64) -> Batch {
    Batch::new().put(key(number), value(number))
}

/// Refuses a row that is not the one with this number.
pub(crate) fn check(number: u64, found: Option<&Versioned>) -> Result<(), Failure> {
    match found {
        Some(found) if found.value.len() == VALUE && found.value.starts_with(&number.to_be_bytes()) => Ok(()),
        _ => Err("a row is not what was written".into()),
    }
}

/// Numbers below `rows` in an order that no cache foresees; the same in every run.
pub(crate) fn random(rows: u64, seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % rows.max(1)
    }
}
