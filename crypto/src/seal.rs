//! Values at rest, sealed to where they stand and to whom they concern (R1, R30).
//!
//! Value key = HKDF-SHA-256(day key; person key or nothing; label ‖ key ids ‖ salt), the day key in the place of
//! HKDF's salt, so that its part is computed once for all values of its day. Without the day key (retention over)
//! or the person key (person erased) a value is noise, in backups too. The header names every key; none is ever
//! found by trial.
//!
//! Stored form: version 1 ‖ suite ‖ purpose ‖ day (u32) ‖ day-key id (u32) ‖ person flag ‖ page (u32) ‖ slot ‖
//! generation of the person key (u32) ‖ salt 16, then for suite 1 ciphertext ‖ tag 16, for suite 2 the chunks of a
//! stream (see [`StreamSealer`]); integers big-endian, the person's fields zero where there is none. Associated
//! data is the header and the [`Place`]: a row moved to another body, space or key does not open.
//!
//! Why no key and nonce repeat: one key seals one value or one stream, and rests on 16 random bytes drawn for it,
//! not on a counter, a clock or the memory of an earlier run, so that restarts, clones of a data folder, restored
//! backups and clocks set back change nothing. With 2^40 values under one pair of day and person key two salts agree
//! with one chance in 2^49. A value's nonce is zero, see the module `once`; a stream's chunks count, see the module
//! `chunks`. What can be counted is limited, and refused past its limit: a value has at most 1 MiB, a stream 65,536
//! chunks of 64 KiB: see there what that means for AES-256-GCM.

mod associated;
mod header;
mod in_place;
mod stream;

use crate::chunks;
use crate::derive::DeriveError;
use crate::key::{DayKey, Key32};
use crate::random::{self, RandomError};

use header::Header;
pub use header::{KeyIds, PersonSlot, Purpose};
pub use in_place::{Opener, Sealer};
pub use stream::{Provisional, StreamOpener, StreamSealer, Whole, stream_length};

/// The version of the stored form.
pub const VERSION: u8 = 1;
/// One piece, AES-256-GCM under a key by HKDF-SHA-256 (R21).
pub const SUITE: u8 = 1;
/// A stream of chunks, the same algorithms (R21).
pub const STREAM_SUITE: u8 = 2;
/// Longest plaintext sealed in one piece, bytes.
pub const VALUE_MAX: usize = 1024 * 1024;
/// Bytes of the header in front of what is sealed.
pub const HEADER: usize = Header::LENGTH;
/// Bytes of the tag behind a value, and behind each chunk of a stream.
pub const TAG: usize = crate::cipher::TAG;
/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = HEADER + TAG;
/// Plaintext of a stream's chunk, bytes; the last may be shorter.
pub const CHUNK_PLAIN: usize = chunks::CHUNK_PLAIN;
/// Chunks of a stream.
pub const STREAM_CHUNKS_MAX: u64 = chunks::CHUNKS_MAX;
/// Longest name of a body, bytes.
pub const BODY_MAX: usize = 32;
/// Longest row key, bytes.
pub const ROW_MAX: usize = 255;

/// Where a value stands. It opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The partition's name, such as a body's code; at most [`BODY_MAX`] bytes.
    pub body: &'a [u8],
    /// The kind of row.
    pub space: u8,
    /// The row's key; at most [`ROW_MAX`] bytes.
    pub row: &'a [u8],
}

/// Where keys come from: a keyring, with a page of person keys where values concern persons.
pub trait KeySource {
    /// Id and key that values of (`purpose`, `day`) are sealed under now.
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError>;
    /// The key of (`purpose`, `day`) with this id, for opening what it sealed.
    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError>;
    /// Generation and key of the person at `slot`.
    fn person_key(&self, slot: PersonSlot) -> Result<(u32, &Key32), KeyError>;
}

/// Why a source gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It was destroyed: nothing sealed under it opens again.
    #[error("the key was destroyed")]
    Destroyed,
    /// It was never made, or is not at hand here.
    #[error("there is no such key here")]
    Missing,
}

/// Why a value was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key that sealed it is gone for good (`KEY_DESTROYED`).
    #[error("the key was destroyed")]
    KeyDestroyed,
    /// The source holds no such key: make it first, or bring the person's page.
    #[error("there is no such key here")]
    KeyMissing,
    /// Altered, or not the value of this place (`INTEGRITY_FAILURE`).
    #[error("the value does not open at this place")]
    IntegrityFailure,
    /// A version or suite this release does not know.
    #[error("unknown version or suite")]
    UnknownSuite,
    /// Over [`VALUE_MAX`], [`STREAM_CHUNKS_MAX`], [`BODY_MAX`] or [`ROW_MAX`].
    #[error("value or place longer than its limit")]
    TooLong,
    /// The buffer has no room for header and tag, or a stream's chunk is not as long as a chunk has to be.
    #[error("the buffer is not as long as what is sealed in it has to be")]
    WrongRoom,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Key derivation failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

impl From<KeyError> for SealError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Destroyed => Self::KeyDestroyed,
            KeyError::Missing => Self::KeyMissing,
        }
    }
}

/// A plaintext that was authenticated: there is no other way to one.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened<T>(T);

impl<T> Opened<T> {
    /// The plaintext.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The plaintext, its proof dropped.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::fmt::Debug for Opened<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened(redacted)")
    }
}

/// Seals `plaintext` for `place` under the keys `ids` names. Copies the value once; a [`Sealer`] does not.
pub fn seal(
    keys: &(impl KeySource + ?Sized),
    ids: KeyIds,
    place: Place<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    seal_salted(keys, ids, place, plaintext, random::bytes()?)
}

/// The salt must be fresh: everything rests on it.
pub(crate) fn seal_salted(
    keys: &(impl KeySource + ?Sized),
    ids: KeyIds,
    place: Place<'_>,
    plaintext: &[u8],
    salt: [u8; 16],
) -> Result<Vec<u8>, SealError> {
    if plaintext.len() > VALUE_MAX {
        return Err(SealError::TooLong);
    }
    let sealer = Sealer::salted(keys, ids, place, salt)?;
    let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
    sealed.resize(HEADER, 0);
    sealed.extend_from_slice(plaintext);
    sealed.resize(OVERHEAD + plaintext.len(), 0);
    sealer.seal_within(&mut sealed)?;
    Ok(sealed)
}

/// Which keys a value names, and the number of its day key. Read off its header alone: only opening proves it.
pub fn key_ids(sealed: &[u8]) -> Result<(KeyIds, u32), SealError> {
    Ok(Header::parse(sealed, SUITE)?.key_ids())
}

/// Opens what was sealed for `place`. Copies the value once; [`open_owned`] does not.
pub fn open(
    keys: &(impl KeySource + ?Sized),
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Opened<Vec<u8>>, SealError> {
    if sealed.len() > OVERHEAD + VALUE_MAX {
        return Err(SealError::TooLong);
    }
    open_owned(keys, place, sealed.to_vec())
}

/// Opens what was sealed for `place`, in the memory that held it.
pub fn open_owned(
    keys: &(impl KeySource + ?Sized),
    place: Place<'_>,
    mut sealed: Vec<u8>,
) -> Result<Opened<Vec<u8>>, SealError> {
    let length = Opener::new(keys, place, &sealed)?.open_within(&mut sealed)?.get().len();
    sealed.truncate(length);
    Ok(Opened(sealed))
}

#[cfg(test)]
mod tests;
