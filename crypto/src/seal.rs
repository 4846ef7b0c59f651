//! Values at rest, sealed to where they stand and to whom they concern (R1, R30).
//!
//! Value key = HKDF-SHA-256(day key; person key or nothing; label ‖ key ids ‖ salt), the day key in the place of
//! HKDF's salt, so that its part is computed once for all values of its day. Without the day key (retention over) or
//! the person key (person erased) a value is noise, in backups too. One key seals one value: see the module
//! `once` for why its nonce is zero. The header names every key; none is ever found by trial.
//!
//! Stored form: version 1 ‖ suite 1 ‖ purpose ‖ day (u32) ‖ day-key id (u32) ‖ person flag ‖ page (u32) ‖ slot ‖
//! generation of the person key (u32) ‖ salt 16 ‖ ciphertext ‖ tag 16; integers big-endian, the person's fields
//! zero where there is none. Associated data is the header and the [`Place`]: a row moved to another body,
//! space or key does not open.

mod header;

use crate::derive::DeriveError;
use crate::key::{DayKey, Key32};
use crate::once::{OnceKey, TAG};
use crate::random::{self, RandomError};

use header::Header;
pub use header::{KeyIds, PersonSlot, Purpose};

/// The version of the stored form.
pub const VERSION: u8 = 1;
/// AES-256-GCM under a key by HKDF-SHA-256 (R21).
pub const SUITE: u8 = 1;
/// Longest plaintext sealed in one piece, bytes.
pub const VALUE_MAX: usize = 1024 * 1024;
/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = Header::LENGTH + TAG;
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
    /// Over [`VALUE_MAX`], [`BODY_MAX`] or [`ROW_MAX`].
    #[error("value or place longer than its limit")]
    TooLong,
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

/// Seals `plaintext` for `place` under the keys `ids` names.
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
    let (day_key, secret) = keys.day_key(ids.purpose, ids.day)?;
    let (generation, person_key) = person_key(keys, ids.person)?;
    let header = Header { ids, day_key, generation, salt };
    let mut out = Vec::with_capacity(OVERHEAD + plaintext.len());
    out.extend_from_slice(&header.to_bytes());
    let associated = Associated::of(&header, place)?;
    let key = value_key(secret, person_key, &header)?;
    key.seal_onto(associated.as_slice(), &mut out, plaintext).map_err(|_| SealError::TooLong)?;
    Ok(out)
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
    if sealed.len() > OVERHEAD + VALUE_MAX {
        return Err(SealError::TooLong);
    }
    let header = Header::parse(&sealed)?;
    let KeyIds { purpose, day, person } = header.ids;
    // The value exists, so its day key did: one that is not there any more was destroyed.
    let secret = keys.day_key_by_id(purpose, day, header.day_key).map_err(|_| SealError::KeyDestroyed)?;
    let (generation, person_key) = person_key(keys, person)?;
    if generation != header.generation {
        return Err(SealError::KeyDestroyed);
    }
    let associated = Associated::of(&header, place)?;
    let key = value_key(secret, person_key, &header)?;
    key.open_within(associated.as_slice(), &mut sealed, Header::LENGTH)
        .map_err(|_| SealError::IntegrityFailure)?;
    Ok(Opened(sealed))
}

/// Generation and key of the person a value concerns; 0 and nothing where it concerns nobody.
fn person_key(
    keys: &(impl KeySource + ?Sized),
    person: Option<PersonSlot>,
) -> Result<(u32, &[u8]), KeyError> {
    let Some(slot) = person else { return Ok((0, &[])) };
    let (generation, key) = keys.person_key(slot)?;
    Ok((generation, key.as_bytes()))
}

/// Everything that HKDF expands fits one block of SHA-256.
fn value_key(day_key: &DayKey, person_key: &[u8], header: &Header) -> Result<OnceKey, DeriveError> {
    let extracted = day_key.extract(person_key);
    OnceKey::expand(&extracted, &[b"chukei value v1", &header.key_part(), &header.salt])
}

/// Header and place, each part of the place preceded by its length; on the stack.
struct Associated {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Associated {
    const MAX: usize = Header::LENGTH + 3 + BODY_MAX + ROW_MAX;

    fn of(header: &Header, place: Place<'_>) -> Result<Self, SealError> {
        let body = u8::try_from(place.body.len()).map_err(|_| SealError::TooLong)?;
        let row = u8::try_from(place.row.len()).map_err(|_| SealError::TooLong)?;
        let mut associated = Self { bytes: [0; Self::MAX], length: 0 };
        for part in [&header.to_bytes()[..], &[body], place.body, &[place.space, row], place.row] {
            associated.push(part)?;
        }
        Ok(associated)
    }

    fn push(&mut self, part: &[u8]) -> Result<(), SealError> {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(SealError::TooLong)?.copy_from_slice(part);
        self.length = end;
        Ok(())
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
