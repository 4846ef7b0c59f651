//! The header of a stored value: which keys sealed it, and its salt. One value, one byte form.

use super::{KeyError, KeySource, STREAM_SUITE, SUITE, SealError, VERSION};
use crate::cipher::Cipher;
use crate::derive::{DeriveError, Extracted};

/// What values are for. Purposes never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Duplicate copies (副本) and what belongs to them.
    Copies = 1,
    /// Notices (お知らせ).
    Notices = 2,
    /// Answers to notices (選択式の回答).
    Answers = 3,
    /// Audit events (操作ログ).
    Audit = 4,
    /// Exchange records (情報提供等の記録), which outlive what they speak of.
    Exchange = 5,
    /// Names: which addressee number or code is which person.
    Names = 6,
    /// Search indexes.
    Search = 7,
}

impl Purpose {
    /// Every purpose, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Copies, Self::Notices, Self::Answers, Self::Audit, Self::Exchange, Self::Names, Self::Search];

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| *purpose as u8 == byte)
    }
}

/// Where a person's key stands: 256 persons to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonSlot {
    /// The page.
    pub page: u32,
    /// The person's place in it.
    pub slot: u8,
}

/// Which keys seal a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyIds {
    /// What the value is for.
    pub purpose: Purpose,
    /// Its last day in Japan's time, days since 1970-01-01; 0 for one that stands.
    pub day: u32,
    /// The person it concerns, where it is one's own.
    pub person: Option<PersonSlot>,
}

/// The parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    suite: u8,
    ids: KeyIds,
    day_key: u32,
    /// Generation of the person key; 0 where there is no person.
    generation: u32,
    salt: [u8; 16],
}

impl Header {
    /// What stands before the salt.
    const KEY_PART: usize = 21;
    pub(super) const LENGTH: usize = Self::KEY_PART + 16;

    /// The header of a value that is to be sealed under the newest keys, and the value's key.
    pub(super) fn newest(
        keys: &(impl KeySource + ?Sized),
        suite: u8,
        ids: KeyIds,
        salt: [u8; 16],
    ) -> Result<(Self, Cipher), SealError> {
        let (day_key, secret) = keys.day_key(ids.purpose, ids.day)?;
        let (generation, person_key) = person_key(keys, ids.person)?;
        let header = Self { suite, ids, day_key, generation, salt };
        Ok((header, header.expand(&secret.extract(person_key))?))
    }

    /// The key of the value with this header.
    pub(super) fn cipher(&self, keys: &(impl KeySource + ?Sized)) -> Result<Cipher, SealError> {
        let KeyIds { purpose, day, person } = self.ids;
        // The value exists, so its day key did: one that is not there any more was destroyed.
        let secret = keys.day_key_by_id(purpose, day, self.day_key).map_err(|_| SealError::KeyDestroyed)?;
        let (generation, person_key) = person_key(keys, person)?;
        if generation != self.generation {
            return Err(SealError::KeyDestroyed);
        }
        Ok(self.expand(&secret.extract(person_key))?)
    }

    /// Label and header have 52 bytes: with HKDF's counter they fit one block of SHA-256.
    fn expand(&self, extracted: &Extracted) -> Result<Cipher, DeriveError> {
        extracted.cipher(&[b"chukei value v1", &self.to_bytes()])
    }

    /// The keys it names, and the number of the day key.
    pub(super) fn key_ids(&self) -> (KeyIds, u32) {
        (self.ids, self.day_key)
    }

    fn key_part(&self) -> [u8; Self::KEY_PART] {
        let [d0, d1, d2, d3] = self.ids.day.to_be_bytes();
        let [k0, k1, k2, k3] = self.day_key.to_be_bytes();
        let PersonSlot { page, slot } = self.ids.person.unwrap_or(PersonSlot { page: 0, slot: 0 });
        let [p0, p1, p2, p3] = page.to_be_bytes();
        let [g0, g1, g2, g3] = self.generation.to_be_bytes();
        let (purpose, flag) = (self.ids.purpose as u8, u8::from(self.ids.person.is_some()));
        [
            VERSION, self.suite, purpose, d0, d1, d2, d3, k0, k1, k2, k3, flag, p0, p1, p2, p3, slot, g0, g1,
            g2, g3,
        ]
    }

    pub(super) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let (ids, salt) = bytes.split_at_mut(Self::KEY_PART);
        ids.copy_from_slice(&self.key_part());
        salt.copy_from_slice(&self.salt);
        bytes
    }

    /// Reads the header in front of `sealed`, which must be of this suite.
    pub(super) fn parse(sealed: &[u8], due: u8) -> Result<Self, SealError> {
        match sealed {
            [VERSION, suite, ..] if *suite == due => {}
            // A value where a stream is due, or the other way round.
            [VERSION, SUITE | STREAM_SUITE, ..] => return Err(SealError::IntegrityFailure),
            [_, _, ..] => return Err(SealError::UnknownSuite),
            _ => return Err(SealError::IntegrityFailure),
        }
        let (header, _) =
            sealed.split_first_chunk::<{ Self::LENGTH }>().ok_or(SealError::IntegrityFailure)?;
        let [
            _,
            suite,
            purpose,
            d0,
            d1,
            d2,
            d3,
            k0,
            k1,
            k2,
            k3,
            flag,
            p0,
            p1,
            p2,
            p3,
            slot,
            g0,
            g1,
            g2,
            g3,
            salt @ ..,
        ] = *header;
        let person = match flag {
            0 => None,
            1 => Some(PersonSlot { page: u32::from_be_bytes([p0, p1, p2, p3]), slot }),
            _ => return Err(SealError::IntegrityFailure),
        };
        let parsed = Self {
            suite,
            ids: KeyIds {
                purpose: Purpose::from_byte(purpose).ok_or(SealError::IntegrityFailure)?,
                day: u32::from_be_bytes([d0, d1, d2, d3]),
                person,
            },
            day_key: u32::from_be_bytes([k0, k1, k2, k3]),
            generation: u32::from_be_bytes([g0, g1, g2, g3]),
            salt,
        };
        // Fields of a person that is not there are zero, or this is not what was written.
        if parsed.to_bytes() == *header { Ok(parsed) } else { Err(SealError::IntegrityFailure) }
    }
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
