//! An AES-256-GCM key as ring keeps it: scheduled once, overwritten when it is dropped.
//!
//! ring does not wipe its keys. A key schedule begins with the key itself, so each one is written over with a key
//! that means nothing; what the compiler copied while it moved the key is beyond reach. Deliberately absent: any
//! choice of nonces, which is the caller's whole duty.

use std::hint::black_box;
use std::sync::LazyLock;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Bytes of authentication tag.
pub(crate) const TAG: usize = 16;
/// Bytes of nonce (R21).
pub(crate) const NONCE: usize = 12;

/// A key ready for use.
pub(crate) struct Cipher(LessSafeKey);

/// Sealing failed for its length, or what was opened is not what was sealed.
#[derive(Debug)]
pub(crate) struct Refused;

static SPENT: LazyLock<Option<LessSafeKey>> =
    LazyLock::new(|| UnboundKey::new(&AES_256_GCM, &[0; 32]).ok().map(LessSafeKey::new));

impl Cipher {
    pub(crate) fn new(key: UnboundKey) -> Self {
        Self(LessSafeKey::new(key))
    }

    /// Seals what stands in `chunk` before its last [`TAG`] bytes, and writes the tag there.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        chunk: &mut [u8],
    ) -> Result<(), Refused> {
        let (body, tag) = chunk.split_last_chunk_mut::<TAG>().ok_or(Refused)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let made = self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), body);
        tag.copy_from_slice(made.map_err(|_| Refused)?.as_ref());
        Ok(())
    }

    /// Opens what stands in `sealed` from `start` on, and moves it to the front, which costs nothing more.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        sealed: &'a mut [u8],
        start: usize,
    ) -> Result<&'a mut [u8], Refused> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_within(nonce, Aad::from(associated), sealed, start..).map_err(|_| Refused)
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        if let Some(spent) = &*SPENT {
            self.0.clone_from(spent);
            black_box(&self.0);
        }
    }
}
