//! The sealed form of a keyring.
//!
//! `CKKR` ‖ version 1 ‖ suite 1 ‖ generation (u64) ‖ root (u32) ‖ epoch (u32) ‖ length of wrapped key (u8) ‖ wrapped
//! key ‖ salt 16 ‖ length of owner (u8) ‖ owner ‖ ciphertext ‖ tag 16. Everything before the ciphertext is associated
//! data. Each sealing has a key of its own, which a provider wraps under the root and the epoch named.
//! Inside: next number ‖ first day ‖ naming key 32 ‖ log key 32 ‖ count of day keys ‖ (purpose ‖ day ‖ number ‖ key
//! 32)… ‖ count of page keys ‖ (page ‖ number ‖ key 32)…, strictly ascending; integers u32 big-endian.

use zeroize::Zeroizing;

use super::{Keyring, KeyringError, KeyringKey};
use crate::key::{DayKey, Key32};
use crate::once::{OnceKey, SALT, TAG};
use crate::random;
use crate::seal::Purpose;

/// Longest wrapped key, bytes.
pub const WRAPPED_MAX: usize = 255;

const MAGIC: &[u8; 4] = b"CKKR";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const FIXED: usize = 4 + 2 + 8 + 4 + 4 + 1 + SALT + 1;
const DAY_ENTRY: usize = 1 + 4 + 4 + 32;
const PAGE_ENTRY: usize = 4 + 4 + 32;

/// A keyring's key as a provider wrapped it, and what is needed to unwrap it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// Number of the root.
    pub root: u32,
    /// Day of the epoch.
    pub epoch: u32,
    /// The wrapped key, at most [`WRAPPED_MAX`] bytes.
    pub key: &'a [u8],
}

/// What stands readable at the beginning of a sealed keyring. None of it is authentic before the keyring opens.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Generation of the keyring.
    pub generation: u64,
    /// The key it is sealed under.
    pub wrapped: Wrapped<'a>,
    /// The owner's name.
    pub owner: &'a [u8],
    salt: [u8; SALT],
    length: usize,
}

impl<'a> Head<'a> {
    /// Reads the head of `sealed`.
    pub fn parse(sealed: &'a [u8]) -> Result<Self, KeyringError> {
        let mut rest = Rest(sealed);
        if rest.take::<4>()? != *MAGIC {
            return Err(KeyringError::IntegrityFailure);
        }
        let [version, suite] = rest.take()?;
        if (version, suite) != (VERSION, SUITE) {
            return Err(KeyringError::NewerFormat);
        }
        let generation = u64::from_be_bytes(rest.take()?);
        let (root, epoch) = (rest.number()?, rest.number()?);
        let wrapped = Wrapped { root, epoch, key: rest.short()? };
        let salt = rest.take::<SALT>()?;
        let owner = rest.short()?;
        Ok(Self { generation, wrapped, owner, salt, length: FIXED + wrapped.key.len() + owner.len() })
    }
}

impl Keyring {
    /// Seals the whole keyring under `key`, which `wrapped` is, as the generation after its own and after `after`.
    /// The key must be fresh for each sealing.
    pub fn seal(
        &mut self,
        after: u64,
        key: &KeyringKey,
        wrapped: Wrapped<'_>,
    ) -> Result<Vec<u8>, KeyringError> {
        self.seal_salted(after, key, wrapped, random::bytes()?)
    }

    pub(super) fn seal_salted(
        &mut self,
        after: u64,
        key: &KeyringKey,
        wrapped: Wrapped<'_>,
        salt: [u8; SALT],
    ) -> Result<Vec<u8>, KeyringError> {
        let generation = self.generation.max(after).checked_add(1).ok_or(KeyringError::TooLong)?;
        let plain = self.to_plain()?;
        let short = |length| u8::try_from(length).map_err(|_| KeyringError::TooLong);
        let (wrapped_length, owner_length) = (short(wrapped.key.len())?, short(self.owner.len())?);
        let size = FIXED + wrapped.key.len() + self.owner.len() + plain.len() + TAG;
        let mut out = Vec::with_capacity(size);
        let ids = [wrapped.root.to_be_bytes(), wrapped.epoch.to_be_bytes()].concat();
        let start: [&[u8]; 4] = [MAGIC, &[VERSION, SUITE], &generation.to_be_bytes(), &ids];
        let end: [&[u8]; 5] = [&[wrapped_length], wrapped.key, &salt, &[owner_length], &self.owner];
        for part in start.iter().chain(&end) {
            out.extend_from_slice(part);
        }
        let associated = out.clone();
        once_key(key, &salt)?.seal_onto(&associated, &mut out, &plain).map_err(|_| KeyringError::TooLong)?;
        self.generation = generation;
        Ok(out)
    }

    /// Opens the sealed keyring of `owner` with the key that its head's wrapped key was.
    pub fn from_sealed(sealed: &[u8], key: &KeyringKey, owner: &[u8]) -> Result<Self, KeyringError> {
        let head = Head::parse(sealed)?;
        if head.owner != owner {
            return Err(KeyringError::WrongOwner);
        }
        let associated = sealed.get(..head.length).ok_or(KeyringError::IntegrityFailure)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        once_key(key, &head.salt)?
            .open_within(associated, &mut plain, head.length)
            .map_err(|_| KeyringError::IntegrityFailure)?;
        Self::from_plain(&plain, owner, head.generation)
    }

    /// Sized exactly before anything secret is written, so that growing leaves no copies behind.
    pub(super) fn to_plain(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let size = 80 + self.days.len() * DAY_ENTRY + self.pages.len() * PAGE_ENTRY;
        let mut plain = Zeroizing::new(Vec::with_capacity(size));
        plain.extend_from_slice(&self.next_number.to_be_bytes());
        plain.extend_from_slice(&self.first_day.to_be_bytes());
        plain.extend_from_slice(self.naming.0.as_bytes());
        plain.extend_from_slice(self.log.0.as_bytes());
        plain.extend_from_slice(&count(self.days.len())?);
        for ((purpose, day, number), key) in &self.days {
            plain.push(*purpose as u8);
            put(&mut plain, *day, *number, key.as_bytes());
        }
        plain.extend_from_slice(&count(self.pages.len())?);
        for ((page, number), key) in &self.pages {
            put(&mut plain, *page, *number, key.as_bytes());
        }
        Ok(plain)
    }

    pub(super) fn from_plain(plain: &[u8], owner: &[u8], generation: u64) -> Result<Self, KeyringError> {
        let mut rest = Rest(plain);
        let (next_number, first_day) = (rest.number()?, rest.number()?);
        let (naming, log) = (Zeroizing::new(rest.take()?), Zeroizing::new(rest.take()?));
        let mut keyring = Self::assemble(owner.to_vec(), generation, next_number, first_day, naming, log);
        for _ in 0..rest.number()? {
            let [purpose] = rest.take()?;
            let purpose = Purpose::from_byte(purpose).ok_or(KeyringError::IntegrityFailure)?;
            let name = (purpose, rest.number()?, rest.number()?);
            let key = DayKey::from_bytes(rest.take()?);
            let ascends = keyring.days.last_key_value().is_none_or(|(last, _)| *last < name);
            let dated = name.1 == 0 || name.1 >= first_day;
            if !ascends || !dated || name.2 >= next_number {
                return Err(KeyringError::IntegrityFailure);
            }
            keyring.days.insert(name, key);
        }
        for _ in 0..rest.number()? {
            let name = (rest.number()?, rest.number()?);
            let key = Key32::from_bytes(rest.take()?);
            if keyring.pages.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(KeyringError::IntegrityFailure);
            }
            keyring.pages.insert(name, key);
        }
        if rest.0.is_empty() { Ok(keyring) } else { Err(KeyringError::IntegrityFailure) }
    }
}

fn once_key(key: &KeyringKey, salt: &[u8; SALT]) -> Result<OnceKey, KeyringError> {
    Ok(OnceKey::derive(salt, key.as_bytes(), &[b"chukei keyring v1"])?)
}

fn count(entries: usize) -> Result<[u8; 4], KeyringError> {
    u32::try_from(entries).map(u32::to_be_bytes).map_err(|_| KeyringError::TooLong)
}

fn put(plain: &mut Vec<u8>, name: u32, number: u32, key: &[u8; 32]) {
    plain.extend_from_slice(&name.to_be_bytes());
    plain.extend_from_slice(&number.to_be_bytes());
    plain.extend_from_slice(key);
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], KeyringError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(KeyringError::IntegrityFailure)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A part behind its length (u8).
    fn short(&mut self) -> Result<&'a [u8], KeyringError> {
        let [length] = self.take()?;
        let taken = self.0.split_at_checked(usize::from(length));
        let (taken, rest) = taken.ok_or(KeyringError::IntegrityFailure)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, KeyringError> {
        self.take().map(u32::from_be_bytes)
    }
}
