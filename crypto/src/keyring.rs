//! The keys of one body, as a value: day keys, page keys, naming key, log key.
//!
//! What must hold: a day key is made once and, once destroyed, never again, in this value and in every sealed
//! form made from it later; the sealed form names its body and opens for no other; its generation grows with
//! each sealing, so that an older file can be told. It is rewritten whole, so that a destroyed key is in no later
//! one. Deliberately absent: files (the store writes them), keys found by trial, and any key two bodies share.

mod file;
mod naming;
mod page;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::derive::DeriveError;
use crate::key::{DayKey, Key32, secret};
use crate::mac::MacKey;
use crate::random::{self, RandomError};
use crate::seal::{BODY_MAX, KeyError, KeySource, PersonSlot, Purpose};

pub use naming::NamingKey;
pub use page::{Page, PersonKeys};

secret!(
    /// The root key of one body: opens its keyring and nothing else.
    RootKey
);

secret!(
    /// The key that one sealing of a keyring stands under; a provider wraps it under a root and an epoch.
    KeyringKey
);

impl KeyringKey {
    /// A fresh random key.
    pub fn generate() -> Result<Self, RandomError> {
        random::bytes().map(Self::from_bytes)
    }
}

/// Why a keyring or a page was not made, changed, sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Not a keyring or page, altered, or sealed under another key.
    #[error("the sealed keys do not open")]
    IntegrityFailure,
    /// The keyring of another body.
    #[error("the keyring belongs to another body")]
    WrongBody,
    /// Written by a later release.
    #[error("the keyring has a newer format than this release reads")]
    NewerFormat,
    /// The day's keys were destroyed already.
    #[error("the day's keys were destroyed")]
    DayDestroyed,
    /// The key that is needed is not there.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A body's name over [`BODY_MAX`] bytes, or more keys than can be numbered.
    #[error("keyring over its limits")]
    TooLong,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Key derivation failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// A key with the number that headers name it by.
#[derive(Clone)]
struct Numbered<K> {
    number: u32,
    key: K,
}

/// All keys of one body.
#[derive(Clone)]
pub struct Keyring {
    body: Vec<u8>,
    generation: u64,
    /// Number of the next day key; numbers are not used twice.
    next_number: u32,
    /// Days before this one are destroyed.
    first_day: u32,
    naming: (Key32, NamingKey),
    log: (Key32, MacKey),
    days: BTreeMap<(Purpose, u32), Numbered<DayKey>>,
    pages: BTreeMap<u32, Numbered<Key32>>,
}

impl Keyring {
    /// A new keyring with a standing key (day 0) for every purpose.
    pub fn create(body: &[u8]) -> Result<Self, KeyringError> {
        if body.len() > BODY_MAX {
            return Err(KeyringError::TooLong);
        }
        let mut keyring = Self::assemble(
            body.to_vec(),
            0,
            1,
            0,
            Zeroizing::new(random::bytes()?),
            Zeroizing::new(random::bytes()?),
        );
        for purpose in Purpose::ALL {
            keyring.ensure_day_key(purpose, 0)?;
        }
        Ok(keyring)
    }

    fn assemble(
        body: Vec<u8>,
        generation: u64,
        next_number: u32,
        first_day: u32,
        naming: Zeroizing<[u8; 32]>,
        log: Zeroizing<[u8; 32]>,
    ) -> Self {
        let naming = Key32::from_bytes(*naming);
        let log = Key32::from_bytes(*log);
        Self {
            body,
            generation,
            next_number,
            first_day,
            naming: (naming.clone(), NamingKey::of_body(&naming)),
            log: (log.clone(), MacKey::from_slice(log.as_bytes())),
            days: BTreeMap::new(),
            pages: BTreeMap::new(),
        }
    }

    /// The body whose keys these are.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How often this keyring was sealed. Of two files the one with the lower generation is the older.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Makes the key of (`purpose`, `day`) unless it is there; tells whether it was made. A day already
    /// destroyed is refused.
    pub fn ensure_day_key(&mut self, purpose: Purpose, day: u32) -> Result<bool, KeyringError> {
        if day != 0 && day < self.first_day {
            return Err(KeyringError::DayDestroyed);
        }
        if self.days.contains_key(&(purpose, day)) {
            return Ok(false);
        }
        let number = self.next_number;
        let key = DayKey::generate()?;
        self.next_number = number.checked_add(1).ok_or(KeyringError::TooLong)?;
        self.days.insert((purpose, day), Numbered { number, key });
        Ok(true)
    }

    /// Destroys every day key of a day before `day`, and names them. Standing keys (day 0) stay. What they
    /// sealed is gone once the keyring has been sealed again and older files are.
    pub fn destroy_days_before(&mut self, day: u32) -> Vec<(Purpose, u32)> {
        self.first_day = self.first_day.max(day);
        let first = self.first_day;
        let gone: Vec<_> = self.days.keys().copied().filter(|(_, of)| *of != 0 && *of < first).collect();
        self.days.retain(|(_, of), _| *of == 0 || *of >= first);
        gone
    }

    /// Makes the page key of `page` unless it is there; tells whether it was made.
    pub fn ensure_page(&mut self, page: u32) -> Result<bool, KeyringError> {
        if self.pages.contains_key(&page) {
            return Ok(false);
        }
        self.pages.insert(page, Numbered { number: 1, key: Key32::generate()? });
        Ok(true)
    }

    /// The key that rows of this body are named under.
    pub fn naming(&self) -> &NamingKey {
        &self.naming.1
    }

    /// The key that chains this body's events.
    pub fn log_key(&self) -> &MacKey {
        &self.log.1
    }

    fn page_key(&self, page: u32) -> Result<&Numbered<Key32>, KeyError> {
        self.pages.get(&page).ok_or(KeyError::Missing)
    }
}

/// Day keys alone: values of persons need [`Page::keys`].
impl KeySource for Keyring {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        match self.days.get(&(purpose, day)) {
            Some(held) => Ok((held.number, &held.key)),
            None if day != 0 && day < self.first_day => Err(KeyError::Destroyed),
            None => Err(KeyError::Missing),
        }
    }

    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        let (number, key) = self.day_key(purpose, day)?;
        if number == id { Ok(key) } else { Err(KeyError::Destroyed) }
    }

    fn person_key(&self, _slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        Err(KeyError::Missing)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("generation", &self.generation)
            .field("days", &self.days.len())
            .field("pages", &self.pages.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
