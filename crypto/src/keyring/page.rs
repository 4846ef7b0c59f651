//! A page: the keys of 256 persons, sealed as one row under its page key.
//!
//! Sealed form: version 1 ‖ suite 1 ‖ page (u32) ‖ page-key number (u32) ‖ salt 16 ‖ ciphertext ‖ tag 16. Inside,
//! 256 times: generation (u32) ‖ key 32. Every person of a page has a key from the start, so that a page's size
//! does not tell how many are enrolled.

use zeroize::Zeroizing;

use super::{Keyring, KeyringError};
use crate::key::{DayKey, Key32};
use crate::once::{OnceKey, SALT, TAG};
use crate::random;
use crate::seal::{KeyError, KeySource, PersonSlot, Purpose};

const VERSION: u8 = 1;
const SUITE: u8 = 1;
const SLOTS: usize = 256;
const ENTRY: usize = 36;
const HEADER: usize = 10;
const SEALED: usize = HEADER + SALT + SLOTS * ENTRY + TAG;

/// The person keys of one page.
#[derive(Clone)]
pub struct Page {
    pub(super) page: u32,
    /// Generation and key of each slot; [`SLOTS`] of them.
    pub(super) keys: Vec<(u32, Key32)>,
}

impl Page {
    /// A page of fresh keys.
    pub fn create(page: u32) -> Result<Self, KeyringError> {
        let mut random = Zeroizing::new([0; SLOTS * 32]);
        random::fill(&mut random[..])?;
        let (keys, _) = random.as_chunks::<32>();
        Ok(Self { page, keys: keys.iter().map(|key| (1, Key32::from_bytes(*key))).collect() })
    }

    /// The page's number.
    pub fn number(&self) -> u32 {
        self.page
    }

    /// Generation and key of the person at `slot`.
    pub fn person_key(&self, slot: u8) -> Result<(u32, &Key32), KeyError> {
        self.keys.get(usize::from(slot)).map(|(generation, key)| (*generation, key)).ok_or(KeyError::Missing)
    }

    /// `keyring` and this page together, for values of this page's persons.
    pub fn keys<'a>(&'a self, keyring: &'a Keyring) -> PersonKeys<'a> {
        PersonKeys { keyring, page: self }
    }

    /// Seals the page under its key in `keyring`, for its row in the store.
    pub fn to_sealed(&self, keyring: &Keyring) -> Result<Vec<u8>, KeyringError> {
        self.to_sealed_salted(keyring, random::bytes()?)
    }

    pub(super) fn to_sealed_salted(
        &self,
        keyring: &Keyring,
        salt: [u8; SALT],
    ) -> Result<Vec<u8>, KeyringError> {
        let held = keyring.page_key(self.page)?;
        let header = header(self.page, held.number);
        let mut plain = Zeroizing::new(Vec::with_capacity(SLOTS * ENTRY));
        for (generation, key) in &self.keys {
            plain.extend_from_slice(&generation.to_be_bytes());
            plain.extend_from_slice(key.as_bytes());
        }
        let mut out = Vec::with_capacity(SEALED);
        out.extend_from_slice(&header);
        out.extend_from_slice(&salt);
        once_key(&held.key, &salt, &header)?
            .seal_onto(&associated(&header, keyring), &mut out, &plain)
            .map_err(|_| KeyringError::TooLong)?;
        Ok(out)
    }

    /// Opens the sealed page `page` of `keyring`'s body.
    pub fn from_sealed(sealed: &[u8], page: u32, keyring: &Keyring) -> Result<Self, KeyringError> {
        let held = keyring.page_key(page)?;
        let header = header(page, held.number);
        let rest = sealed.strip_prefix(&header).ok_or(KeyringError::IntegrityFailure)?;
        let (salt, _) = rest.split_first_chunk::<SALT>().ok_or(KeyringError::IntegrityFailure)?;
        if sealed.len() != SEALED {
            return Err(KeyringError::IntegrityFailure);
        }
        let mut plain = Zeroizing::new(sealed.to_vec());
        once_key(&held.key, salt, &header)?
            .open_within(&associated(&header, keyring), &mut plain, HEADER + SALT)
            .map_err(|_| KeyringError::IntegrityFailure)?;
        let (entries, _) = plain.as_chunks::<ENTRY>();
        let keys = entries
            .iter()
            .map(|[a, b, c, d, key @ ..]| (u32::from_be_bytes([*a, *b, *c, *d]), Key32::from_bytes(*key)));
        Ok(Self { page, keys: keys.collect() })
    }
}

fn header(page: u32, number: u32) -> [u8; HEADER] {
    let ([p0, p1, p2, p3], [n0, n1, n2, n3]) = (page.to_be_bytes(), number.to_be_bytes());
    [VERSION, SUITE, p0, p1, p2, p3, n0, n1, n2, n3]
}

fn once_key(key: &Key32, salt: &[u8; SALT], header: &[u8; HEADER]) -> Result<OnceKey, KeyringError> {
    Ok(OnceKey::derive(salt, key.as_bytes(), &[b"chukei page v1", header])?)
}

/// The body's name is of varying length and stands last.
fn associated(header: &[u8; HEADER], keyring: &Keyring) -> Vec<u8> {
    [&header[..], &keyring.body].concat()
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page(redacted)")
    }
}

/// Day keys of a keyring and the person keys of one page.
#[derive(Clone, Copy, Debug)]
pub struct PersonKeys<'a> {
    keyring: &'a Keyring,
    page: &'a Page,
}

impl KeySource for PersonKeys<'_> {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        self.keyring.day_key(purpose, day)
    }

    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        self.keyring.day_key_by_id(purpose, day, id)
    }

    fn person_key(&self, slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        if slot.page == self.page.page { self.page.person_key(slot.slot) } else { Err(KeyError::Missing) }
    }
}
