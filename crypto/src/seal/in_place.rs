//! One value in the caller's buffer: its key is made beforehand, serves once, and nothing is allocated.

use super::associated::Associated;
use super::header::Header;
use super::{HEADER, KeyIds, KeySource, OVERHEAD, Opened, Place, SUITE, SealError, VALUE_MAX};
use crate::once::OnceKey;
use crate::random;

/// The key of one value that is to be sealed. Sealing uses it up.
pub struct Sealer {
    key: OnceKey,
    associated: Associated,
}

impl Sealer {
    /// A key for one value at `place`, under the keys `ids` names and a fresh salt.
    pub fn new(keys: &(impl KeySource + ?Sized), ids: KeyIds, place: Place<'_>) -> Result<Self, SealError> {
        Self::salted(keys, ids, place, random::bytes()?)
    }

    /// The salt must be fresh: everything rests on it.
    pub(super) fn salted(
        keys: &(impl KeySource + ?Sized),
        ids: KeyIds,
        place: Place<'_>,
        salt: [u8; 16],
    ) -> Result<Self, SealError> {
        let (header, cipher) = Header::newest(keys, SUITE, ids, salt)?;
        Ok(Self { key: OnceKey::of(cipher), associated: Associated::of(&header, place)? })
    }

    /// Seals in place. `room` is [`HEADER`] bytes for the header, the plaintext (at most [`VALUE_MAX`] bytes) and
    /// [`super::TAG`] bytes for the tag; afterwards it is what [`super::open`] opens.
    pub fn seal_within(self, room: &mut [u8]) -> Result<(), SealError> {
        if room.len() > OVERHEAD + VALUE_MAX {
            return Err(SealError::TooLong);
        }
        let (header, sealed) = room.split_first_chunk_mut::<HEADER>().ok_or(SealError::WrongRoom)?;
        self.key.seal_within(self.associated.as_slice(), sealed).map_err(|_| SealError::WrongRoom)?;
        *header = self.associated.header();
        Ok(())
    }
}

/// The key of one sealed value. Opening uses it up.
pub struct Opener {
    key: OnceKey,
    associated: Associated,
}

impl Opener {
    /// The key of the value at `place` that begins with the header in front of `sealed`.
    pub fn new(keys: &(impl KeySource + ?Sized), place: Place<'_>, sealed: &[u8]) -> Result<Self, SealError> {
        if sealed.len() > OVERHEAD + VALUE_MAX {
            return Err(SealError::TooLong);
        }
        let header = Header::parse(sealed, SUITE)?;
        let key = OnceKey::of(header.cipher(keys)?);
        Ok(Self { key, associated: Associated::of(&header, place)? })
    }

    /// Opens `sealed`, header and tag included, in place: the plaintext stands in front of it afterwards.
    pub fn open_within(self, sealed: &mut [u8]) -> Result<Opened<&mut [u8]>, SealError> {
        // The header is associated data: it must be the one that the key was made for.
        if !sealed.starts_with(&self.associated.header()) {
            return Err(SealError::IntegrityFailure);
        }
        let plain = self.key.open_to_front(self.associated.as_slice(), sealed, HEADER);
        plain.map(Opened).map_err(|_| SealError::IntegrityFailure)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener(redacted)")
    }
}
