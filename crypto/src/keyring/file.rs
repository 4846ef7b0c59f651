//! The sealed form of a keyring.
//!
//! `CKKR` ‖ version 1 ‖ suite 1 ‖ generation (u64) ‖ salt 16 ‖ length of body (u8) ‖ body ‖ ciphertext ‖ tag 16.
//! Inside: next number ‖ first day ‖ naming key 32 ‖ log key 32 ‖ count of day keys ‖ (purpose ‖ day ‖ number ‖ key
//! 32)… ‖ count of page keys ‖ (page ‖ number ‖ key 32)…, in ascending order; integers u32 big-endian.

use zeroize::Zeroizing;

use super::{Keyring, KeyringError, Numbered, RootKey};
use crate::key::{DayKey, Key32};
use crate::once::{OnceKey, SALT, TAG};
use crate::random;
use crate::seal::Purpose;

const MAGIC: &[u8; 4] = b"CKKR";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const FIXED: usize = 4 + 2 + 8 + SALT + 1;
const DAY_ENTRY: usize = 1 + 4 + 4 + 32;
const PAGE_ENTRY: usize = 4 + 4 + 32;

impl Keyring {
    /// Seals the whole keyring under the body's root key, one generation on.
    pub fn to_sealed(&mut self, root: &RootKey) -> Result<Vec<u8>, KeyringError> {
        self.seal_salted(root, random::bytes()?)
    }

    pub(super) fn seal_salted(&mut self, root: &RootKey, salt: [u8; SALT]) -> Result<Vec<u8>, KeyringError> {
        let generation = self.generation.checked_add(1).ok_or(KeyringError::TooLong)?;
        let plain = self.to_plain()?;
        let body_length = u8::try_from(self.body.len()).map_err(|_| KeyringError::TooLong)?;
        let mut out = Vec::with_capacity(FIXED + self.body.len() + plain.len() + TAG);
        let versions = [VERSION, SUITE];
        for part in [&MAGIC[..], &versions, &generation.to_be_bytes(), &salt, &[body_length], &self.body] {
            out.extend_from_slice(part);
        }
        let associated = out.clone();
        once_key(root, &salt)?.seal_onto(&associated, &mut out, &plain).map_err(|_| KeyringError::TooLong)?;
        self.generation = generation;
        Ok(out)
    }

    /// Opens the sealed keyring of `body`.
    pub fn from_sealed(sealed: &[u8], root: &RootKey, body: &[u8]) -> Result<Self, KeyringError> {
        let mut rest = Rest(sealed);
        if rest.take::<4>()? != *MAGIC {
            return Err(KeyringError::IntegrityFailure);
        }
        let [version, suite] = rest.take()?;
        if (version, suite) != (VERSION, SUITE) {
            return Err(KeyringError::NewerFormat);
        }
        let generation = u64::from_be_bytes(rest.take()?);
        let salt = rest.take::<SALT>()?;
        let [length] = rest.take()?;
        if rest.slice(usize::from(length))? != body {
            return Err(KeyringError::WrongBody);
        }
        let start = FIXED + body.len();
        let associated = sealed.get(..start).ok_or(KeyringError::IntegrityFailure)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        once_key(root, &salt)?
            .open_within(associated, &mut plain, start)
            .map_err(|_| KeyringError::IntegrityFailure)?;
        Self::from_plain(&plain, body, generation)
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
        for ((purpose, day), held) in &self.days {
            plain.push(*purpose as u8);
            put(&mut plain, *day, held.number, held.key.as_bytes());
        }
        plain.extend_from_slice(&count(self.pages.len())?);
        for (page, held) in &self.pages {
            put(&mut plain, *page, held.number, held.key.as_bytes());
        }
        Ok(plain)
    }

    fn from_plain(plain: &[u8], body: &[u8], generation: u64) -> Result<Self, KeyringError> {
        let mut rest = Rest(plain);
        let (next_number, first_day) = (rest.number()?, rest.number()?);
        let (naming, log) = (Zeroizing::new(rest.take()?), Zeroizing::new(rest.take()?));
        let mut keyring = Self::assemble(body.to_vec(), generation, next_number, first_day, naming, log);
        for _ in 0..rest.number()? {
            let [purpose] = rest.take()?;
            let purpose = Purpose::from_byte(purpose).ok_or(KeyringError::IntegrityFailure)?;
            let (day, number) = (rest.number()?, rest.number()?);
            let key = DayKey::from_bytes(rest.take()?);
            keyring.days.insert((purpose, day), Numbered { number, key });
        }
        for _ in 0..rest.number()? {
            let (page, number) = (rest.number()?, rest.number()?);
            let key = Key32::from_bytes(rest.take()?);
            keyring.pages.insert(page, Numbered { number, key });
        }
        if rest.0.is_empty() { Ok(keyring) } else { Err(KeyringError::IntegrityFailure) }
    }
}

fn once_key(root: &RootKey, salt: &[u8; SALT]) -> Result<OnceKey, KeyringError> {
    Ok(OnceKey::derive(salt, root.as_bytes(), &[b"chukei keyring v1"])?)
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

    fn slice(&mut self, length: usize) -> Result<&'a [u8], KeyringError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(KeyringError::IntegrityFailure)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, KeyringError> {
        self.take().map(u32::from_be_bytes)
    }
}
