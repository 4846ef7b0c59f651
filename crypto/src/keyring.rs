//! The keys of one owner, as a value: day keys, page keys, naming key, log key.
//!
//! What must hold: a dated key is made once and, once destroyed, never again, in this value and in every sealed
//! form made from it later; the sealed form names its owner and opens for no other; its generation grows with
//! each sealing, so that an older file can be told. It is rewritten whole, so that a destroyed key is in no later
//! one. A day's purpose and a page may have several keys, told apart by numbers that are not used twice: the newest
//! seals, the others open what they sealed until they are retired, so that keys rotate without rewriting data.
//! Deliberately absent: files (`chukei-keys` writes them), keys found by trial, and any key two owners share.

mod file;
mod naming;
mod page;
mod standing;
mod wrap;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::derive::DeriveError;
use crate::key::{DayKey, Key32, secret};
use crate::mac::MacKey;
use crate::random::{self, RandomError};
use crate::seal::{BODY_MAX, KeyError, KeySource, PersonSlot, Purpose};

pub use file::{Head, WRAPPED_MAX, Wrapped};
pub use naming::NamingKey;
pub use page::{Page, PersonKeys};
pub use wrap::{WrapPlace, unwrap, wrap};

secret!(
    /// The root of one owner: the outer of the two keys that its keyrings' keys are wrapped under.
    RootKey
);

secret!(
    /// One epoch of one owner: the inner of the two keys that its keyrings' keys are wrapped under. Destroying it
    /// ends every copy of every keyring it wrapped.
    EpochKey
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
    /// The keyring of another owner.
    #[error("the keyring belongs to another owner")]
    WrongOwner,
    /// Written by a later release.
    #[error("the keyring has a newer format than this release reads")]
    NewerFormat,
    /// The day's keys were destroyed already.
    #[error("the day's keys were destroyed")]
    DayDestroyed,
    /// The newest key of its purpose and day seals what comes next: it is renewed before it is retired.
    #[error("the key is the newest of its kind and in use")]
    InUse,
    /// The key that is needed is not there.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An owner's name over [`BODY_MAX`] bytes, a wrapped key over [`WRAPPED_MAX`], or more keys than can be
    /// numbered.
    #[error("keyring over its limits")]
    TooLong,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Key derivation failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// All keys of one owner.
#[derive(Clone)]
pub struct Keyring {
    owner: Vec<u8>,
    generation: u64,
    /// Number of the next day key; numbers are not used twice.
    next_number: u32,
    /// Days before this one are destroyed.
    first_day: u32,
    naming: (Key32, NamingKey),
    log: (Key32, MacKey),
    /// By purpose, day and number.
    days: BTreeMap<(Purpose, u32, u32), DayKey>,
    /// By page and number.
    pages: BTreeMap<(u32, u32), Key32>,
}

impl Keyring {
    /// A new keyring with a standing key (day 0) for every purpose.
    pub fn create(owner: &[u8]) -> Result<Self, KeyringError> {
        if owner.len() > BODY_MAX {
            return Err(KeyringError::TooLong);
        }
        let mut keyring = Self::assemble(
            owner.to_vec(),
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
        owner: Vec<u8>,
        generation: u64,
        next_number: u32,
        first_day: u32,
        naming: Zeroizing<[u8; 32]>,
        log: Zeroizing<[u8; 32]>,
    ) -> Self {
        let naming = Key32::from_bytes(*naming);
        let log = Key32::from_bytes(*log);
        Self {
            owner,
            generation,
            next_number,
            first_day,
            naming: (naming.clone(), NamingKey::of_body(&naming)),
            log: (log.clone(), MacKey::from_slice(log.as_bytes())),
            days: BTreeMap::new(),
            pages: BTreeMap::new(),
        }
    }

    /// The owner of these keys.
    pub fn owner(&self) -> &[u8] {
        &self.owner
    }

    /// How often this keyring was sealed. Of two files the one with the lower generation is the older.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Makes the key of (`purpose`, `day`) unless there is one; tells whether it was made. A day already
    /// destroyed is refused.
    pub fn ensure_day_key(&mut self, purpose: Purpose, day: u32) -> Result<bool, KeyringError> {
        if day != 0 && day < self.first_day {
            return Err(KeyringError::DayDestroyed);
        }
        if self.newest_of_day(purpose, day).is_some() {
            return Ok(false);
        }
        self.add_day_key(purpose, day)?;
        Ok(true)
    }

    fn add_day_key(&mut self, purpose: Purpose, day: u32) -> Result<u32, KeyringError> {
        let number = self.next_number;
        let key = DayKey::generate()?;
        self.next_number = number.checked_add(1).ok_or(KeyringError::TooLong)?;
        self.days.insert((purpose, day, number), key);
        Ok(number)
    }

    /// The first day that has not ended: no key of an earlier one is made any more.
    pub fn first_day(&self) -> u32 {
        self.first_day
    }

    /// What [`Self::destroy_days_before`] destroys: each purpose and day once.
    pub fn days_before(&self, day: u32) -> Vec<(Purpose, u32)> {
        let of_days = self.days.keys().map(|(purpose, of, _)| (*purpose, *of));
        let mut ending: Vec<_> = of_days.filter(|(_, of)| *of != 0 && *of < day).collect();
        ending.dedup();
        ending
    }

    /// Destroys every day key of a day before `day`, and names them, each purpose and day once. Standing keys
    /// (day 0) stay. What they sealed is gone once the keyring has been sealed again and older files are.
    pub fn destroy_days_before(&mut self, day: u32) -> Vec<(Purpose, u32)> {
        self.first_day = self.first_day.max(day);
        let first = self.first_day;
        let gone = self.days_before(first);
        self.days.retain(|(_, of, _), _| *of == 0 || *of >= first);
        gone
    }

    /// Makes the page key of `page` unless there is one; tells whether it was made.
    pub fn ensure_page(&mut self, page: u32) -> Result<bool, KeyringError> {
        if self.newest_of_page(page).is_some() {
            return Ok(false);
        }
        self.pages.insert((page, 1), Key32::generate()?);
        Ok(true)
    }

    /// The key that rows of this owner are named under.
    pub fn naming(&self) -> &NamingKey {
        &self.naming.1
    }

    /// The key that chains this owner's events.
    pub fn log_key(&self) -> &MacKey {
        &self.log.1
    }

    fn newest_of_day(&self, purpose: Purpose, day: u32) -> Option<(u32, &DayKey)> {
        let of_day = self.days.range((purpose, day, 0)..=(purpose, day, u32::MAX));
        of_day.last().map(|((_, _, number), key)| (*number, key))
    }

    fn newest_of_page(&self, page: u32) -> Option<(u32, &Key32)> {
        let of_page = self.pages.range((page, 0)..=(page, u32::MAX));
        of_page.last().map(|((_, number), key)| (*number, key))
    }
}

/// Day keys alone: values of persons need [`Page::keys`].
impl KeySource for Keyring {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        match self.newest_of_day(purpose, day) {
            Some(newest) => Ok(newest),
            None if day != 0 && day < self.first_day => Err(KeyError::Destroyed),
            None => Err(KeyError::Missing),
        }
    }

    /// A number that a value names was given once, so that a key that is not there was destroyed.
    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        self.days.get(&(purpose, day, id)).ok_or(KeyError::Destroyed)
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
mod properties;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
