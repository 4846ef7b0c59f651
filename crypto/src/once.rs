//! AES-256-GCM under a key that seals one plaintext.
//!
//! Why the nonce is all zeros: every key here is HKDF-SHA-256 of a long-lived secret and a fresh random 16-byte
//! salt, stored beside the ciphertext, and is used up by one sealing. Nonce and key repeat together only if
//! salts collide under one secret: with 2^40 values under it, one chance in 2^49. No counter has to survive a
//! crash or a restored backup, which is what breaks stored nonces in practice; and the GCM limits per key
//! (SP 800-38D) are never near. Sealing and opening are in place.

use crate::cipher::{Cipher, NONCE};
use crate::derive::{DeriveError, Extracted};

pub(crate) use crate::cipher::{Refused, TAG};

/// Bytes of random salt.
pub(crate) const SALT: usize = 16;

const ZERO: [u8; NONCE] = [0; NONCE];

/// A key for one sealing, or for opening what it sealed.
pub(crate) struct OnceKey(Cipher);

impl OnceKey {
    /// `info` parts are joined as they are: callers give a label of their own and parts of fixed length.
    pub(crate) fn derive(salt: &[u8; SALT], material: &[u8], info: &[&[u8]]) -> Result<Self, DeriveError> {
        Extracted::new(salt, material).cipher(info).map(Self)
    }

    /// A key that was derived as above, with a fresh salt.
    pub(crate) fn of(cipher: Cipher) -> Self {
        Self(cipher)
    }

    /// Seals what stands in `room` before its last [`TAG`] bytes, which take the tag. The key is used up.
    pub(crate) fn seal_within(self, associated: &[u8], room: &mut [u8]) -> Result<(), Refused> {
        self.0.seal(ZERO, associated, room)
    }

    /// Appends ciphertext and tag to `out`, which has the room already. The key is used up.
    pub(crate) fn seal_onto(
        self,
        associated: &[u8],
        out: &mut Vec<u8>,
        plaintext: &[u8],
    ) -> Result<(), Refused> {
        let start = out.len();
        out.extend_from_slice(plaintext);
        out.resize(out.len() + TAG, 0);
        self.seal_within(associated, out.get_mut(start..).ok_or(Refused)?)
    }

    /// Opens what stands in `sealed` from `start` on, and gives the plaintext, which now stands in front.
    pub(crate) fn open_to_front<'a>(
        self,
        associated: &[u8],
        sealed: &'a mut [u8],
        start: usize,
    ) -> Result<&'a mut [u8], Refused> {
        self.0.open(ZERO, associated, sealed, start)
    }

    /// Leaves in `sealed` the plaintext of what stands from `start` on.
    pub(crate) fn open_within(
        self,
        associated: &[u8],
        sealed: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Refused> {
        let length = self.open_to_front(associated, sealed, start)?.len();
        sealed.truncate(length);
        Ok(())
    }
}
