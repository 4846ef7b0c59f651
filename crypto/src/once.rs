//! AES-256-GCM under a key that seals one plaintext.
//!
//! Why the nonce is all zeros: every key here is HKDF-SHA-256 of a long-lived secret under a fresh random 16-byte
//! salt, stored beside the ciphertext, and is dropped after one sealing. Nonce and key repeat together only if
//! salts collide under one secret: with 2^40 values under it, one chance in 2^49. No counter has to survive a
//! crash or a restored backup, which is what breaks stored nonces in practice; and the GCM limits per key
//! (SP 800-38D) are never near. Sealing and opening are in place: one allocation, no copies.

use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::derive::{DeriveError, Extracted};

/// Bytes of random salt.
pub(crate) const SALT: usize = 16;
/// Bytes of authentication tag.
pub(crate) const TAG: usize = 16;

/// A key for one sealing, or for opening what it sealed.
pub(crate) struct OnceKey(LessSafeKey);

/// Sealing failed for its length, or what was opened is not what was sealed.
#[derive(Debug)]
pub(crate) struct Refused;

impl OnceKey {
    /// `info` parts are joined as they are: callers give a label of their own and parts of fixed length.
    pub(crate) fn derive(salt: &[u8; SALT], material: &[u8], info: &[&[u8]]) -> Result<Self, DeriveError> {
        Extracted::new(salt, material).cipher(info).map(Self)
    }

    /// A key from what was extracted already; `info` holds the salt, and is unambiguous as above.
    pub(crate) fn expand(extracted: &Extracted, info: &[&[u8]]) -> Result<Self, DeriveError> {
        extracted.cipher(info).map(Self)
    }

    /// Appends ciphertext and tag to `out`, which has the room already. Consumes the key: it is used up.
    pub(crate) fn seal_onto(
        self,
        associated: &[u8],
        out: &mut Vec<u8>,
        plaintext: &[u8],
    ) -> Result<(), Refused> {
        let start = out.len();
        out.extend_from_slice(plaintext);
        let body = out.get_mut(start..).ok_or(Refused)?;
        let tag = self.0.seal_in_place_separate_tag(zero_nonce(), Aad::from(associated), body);
        out.extend_from_slice(tag.map_err(|_| Refused)?.as_ref());
        Ok(())
    }

    /// Leaves in `sealed` the plaintext of what stands from `start` on.
    pub(crate) fn open_within(
        self,
        associated: &[u8],
        sealed: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Refused> {
        let plain = self.0.open_within(zero_nonce(), Aad::from(associated), sealed, start..);
        let length = plain.map_err(|_| Refused)?.len();
        sealed.truncate(length);
        Ok(())
    }
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
