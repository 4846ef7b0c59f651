//! A page: the keys of 256 persons, sealed as one row under its page key.
//!
//! Sealed form: version 1 ‖ suite 1 ‖ page (u32) ‖ page-key number (u32) ‖ salt 16 ‖ ciphertext ‖ tag 16. Inside,
//! 256 times: generation (u32) ‖ key 32. Associated data: the ten bytes before the salt ‖ the owner. Every person of a page has a key from the start, so that a page's size
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
        let (number, page_key) = keyring.newest_of_page(self.page).ok_or(KeyError::Missing)?;
        let header = header(self.page, number);
        let mut plain = Zeroizing::new(Vec::with_capacity(SLOTS * ENTRY));
        for (generation, key) in &self.keys {
            plain.extend_from_slice(&generation.to_be_bytes());
            plain.extend_from_slice(key.as_bytes());
        }
        let mut out = Vec::with_capacity(SEALED);
        out.extend_from_slice(&header);
        out.extend_from_slice(&salt);
        once_key(page_key, &salt, &header)?
            .seal_onto(&associated(&header, keyring), &mut out, &plain)
            .map_err(|_| KeyringError::TooLong)?;
        Ok(out)
    }

    /// Gives the person at `slot` a new key and the next generation. Once the page is sealed again under a new
    /// page key and the old one is retired, nothing that the old key sealed opens again.
    pub fn renew_slot(&mut self, slot: u8) -> Result<(), KeyringError> {
        let (generation, key) = self.keys.get_mut(usize::from(slot)).ok_or(KeyError::Missing)?;
        let next = generation.checked_add(1).ok_or(KeyringError::TooLong)?;
        *key = Key32::generate()?;
        *generation = next;
        Ok(())
    }

    /// The number of the page key that a sealed page names. Read off its header alone: only opening proves it.
    pub fn key_number(sealed: &[u8]) -> Result<u32, KeyringError> {
        let (header, _) = sealed.split_first_chunk::<HEADER>().ok_or(KeyringError::IntegrityFailure)?;
        let [_, _, p0, p1, p2, p3, ..] = *header;
        number_in(header, u32::from_be_bytes([p0, p1, p2, p3]))
    }

    /// Opens the sealed page `page` of `keyring`'s owner, under the page key that it names.
    pub fn from_sealed(sealed: &[u8], page: u32, keyring: &Keyring) -> Result<Self, KeyringError> {
        let (newest, _) = keyring.newest_of_page(page).ok_or(KeyError::Missing)?;
        let (&header, rest) = sealed.split_first_chunk::<HEADER>().ok_or(KeyringError::IntegrityFailure)?;
        let number = number_in(&header, page)?;
        let (salt, _) = rest.split_first_chunk::<SALT>().ok_or(KeyringError::IntegrityFailure)?;
        if sealed.len() != SEALED || number > newest {
            return Err(KeyringError::IntegrityFailure);
        }
        let page_key = keyring.pages.get(&(page, number)).ok_or(KeyError::Destroyed)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        once_key(page_key, salt, &header)?
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

/// The number of the page key, out of the header of page `page`.
fn number_in(header: &[u8; HEADER], page: u32) -> Result<u32, KeyringError> {
    let [version, suite, p0, p1, p2, p3, number @ ..] = *header;
    if (version, suite) != (VERSION, SUITE) {
        return Err(KeyringError::NewerFormat);
    }
    if u32::from_be_bytes([p0, p1, p2, p3]) != page {
        return Err(KeyringError::IntegrityFailure);
    }
    Ok(u32::from_be_bytes(number))
}

fn once_key(key: &Key32, salt: &[u8; SALT], header: &[u8; HEADER]) -> Result<OnceKey, KeyringError> {
    Ok(OnceKey::derive(salt, key.as_bytes(), &[b"chukei page v1", header])?)
}

/// The owner's name is of varying length and stands last.
fn associated(header: &[u8; HEADER], keyring: &Keyring) -> Vec<u8> {
    [&header[..], &keyring.owner].concat()
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
