//! Person codes: one pseudonym per (person, party), made and resolved by the broker alone.
//!
//! AES-256 as a permutation of one block — person number (8 bytes) ‖ 8 zero bytes — under a key of the party. Two
//! parties cannot relate their codes; a random code decrypts to zeros with probability 2^-64 and is refused
//! otherwise, never mapped to somebody. The leading version byte names the master that made the code: whoever holds
//! masters of several versions picks one by it, and a master refuses every other version. Nothing is ever tried.

use std::fmt;

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::{Zeroize, Zeroizing};

use crate::mac::MacKey;

/// The version of a system's first master.
pub const FIRST_VERSION: u8 = 1;
/// Length of a code: version and block.
pub const LENGTH: usize = 17;

/// The brokers' secret that the keys of all parties derive from, in one version.
#[derive(Clone)]
pub struct CodeMaster {
    version: u8,
    secret: Zeroizing<[u8; 32]>,
}

/// The code was not made for this party, or by nobody, or in another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a person code of this party")]
pub struct BadCode;

/// Versions of masters count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version of a code master is 1 or higher")]
pub struct BadVersion;

/// The codes of one party in one version, with the key prepared.
pub struct PartyCodes {
    cipher: Aes256,
    version: u8,
}

/// The version that a code says it was made in.
pub fn version_of(code: &[u8; LENGTH]) -> u8 {
    let [version, ..] = *code;
    version
}

impl CodeMaster {
    /// Takes the 32 secret bytes of this version, which is 1 or higher.
    pub fn new(version: u8, secret: [u8; 32]) -> Result<Self, BadVersion> {
        let secret = Zeroizing::new(secret);
        if version < FIRST_VERSION { Err(BadVersion) } else { Ok(Self { version, secret }) }
    }

    /// Its version.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The codes of `party` (such as `body/982016`) in this version.
    pub fn party(&self, party: &str) -> PartyCodes {
        let label = b"chukei person code v1";
        let mac = MacKey::from_slice(&self.secret);
        let key = Zeroizing::new(mac.tag(&[label, &[self.version], party.as_bytes()]));
        PartyCodes { cipher: Aes256::new((&*key).into()), version: self.version }
    }
}

impl fmt::Debug for CodeMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeMaster").field("version", &self.version).finish_non_exhaustive()
    }
}

impl PartyCodes {
    /// The code of `person`.
    pub fn encode(&self, person: u64) -> [u8; LENGTH] {
        let mut block = (u128::from(person) << 64).to_be_bytes().into();
        self.cipher.encrypt_block(&mut block);
        let mut code = [0; LENGTH];
        let [version, sealed @ ..] = &mut code;
        *version = self.version;
        sealed.copy_from_slice(&block);
        code
    }

    /// The person behind `code`.
    pub fn decode(&self, code: &[u8; LENGTH]) -> Result<u64, BadCode> {
        let [version, sealed @ ..] = *code;
        if version != self.version {
            return Err(BadCode);
        }
        let mut block = sealed.into();
        self.cipher.decrypt_block(&mut block);
        let plain = u128::from_be_bytes(block.into());
        block.zeroize();
        if plain & u128::from(u64::MAX) != 0 {
            return Err(BadCode);
        }
        u64::try_from(plain >> 64).map_err(|_| BadCode)
    }
}

impl fmt::Debug for PartyCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartyCodes(redacted)")
    }
}

#[cfg(test)]
mod tests;
