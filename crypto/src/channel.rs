//! Message keys of the end-to-end channel: one key for each sealed body.
//!
//! Key = HKDF-SHA-256(salt; direction secret ‖ binding secret where bound; label ‖ header hash ‖ flags). The
//! sealer draws the 16-byte salt at random for this body alone and sends it along: neither side alone decides a
//! key, and two bodies never share one. Under its key a body's chunks are AES-256-GCM with nonce = chunk counter
//! (u64) ‖ last flag (u32): distinct within the body, and a cut, reordered or prolonged body does not open.
//! Associated data is the header hash and the flags, so that a body opens only as the part of the exchange it
//! was sealed for (R30, R32). Deliberately absent: the TLS handshake the direction secrets are exported from.

use ring::aead::{Aad, LessSafeKey, Nonce};
use zeroize::{Zeroize, Zeroizing};

use crate::binding::BindingSecret;
use crate::derive::{DeriveError, Extracted};
use crate::key::secret;

/// The only suite of sealed bodies: AES-256-GCM, keys by HKDF-SHA-256 (R21).
pub const SUITE_AES_256_GCM: u8 = 1;
/// Largest plaintext of one chunk, bytes.
pub const CHUNK_PLAIN: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub const TAG: usize = 16;

secret!(
    /// The secret of one direction of a channel, exported from its handshake.
    DirectionSecret
);

/// What a body's key and every chunk are bound to.
#[derive(Clone, Copy, Debug)]
pub struct MessageContext<'a> {
    /// SHA-256 of the end-to-end header of the exchange.
    pub header: [u8; 32],
    /// Whether this is the reply.
    pub reply: bool,
    /// The person's binding secret, where the body concerns a person whose binding is established.
    pub bound: Option<&'a BindingSecret>,
}

/// Why a chunk was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not what was sealed for this exchange, direction, person and position. The key refuses all that follows.
    #[error("sealed body does not open")]
    IntegrityFailure,
    /// A chunk over [`CHUNK_PLAIN`].
    #[error("chunk longer than its limit")]
    TooLong,
    /// A chunk after the last one, or after a failure.
    #[error("the body has already ended")]
    Ended,
    /// Key derivation failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// The key of one sealed body, for one pass over its chunks in order.
pub struct MessageKey {
    cipher: LessSafeKey,
    associated: [u8; 33],
    receipt: [u8; 16],
    counter: u64,
    ended: bool,
}

impl MessageKey {
    /// Derives the key of the body whose head carries `salt`.
    pub fn derive(
        secret: &DirectionSecret,
        salt: &[u8; 16],
        context: &MessageContext<'_>,
    ) -> Result<Self, ChannelError> {
        let flags = u8::from(context.reply) | u8::from(context.bound.is_some()) << 1;
        let mut associated = [flags; 33];
        let [header @ .., _] = &mut associated;
        header.copy_from_slice(&context.header);

        let mut material = Zeroizing::new([0; 64]);
        let (direction, binding) = material.split_at_mut(32);
        direction.copy_from_slice(secret.as_bytes());
        let extracted = match context.bound {
            Some(bound) => {
                binding.copy_from_slice(bound.as_bytes());
                Extracted::new(salt, &material[..])
            }
            None => Extracted::new(salt, direction),
        };

        let mut receipt = [0; 16];
        extracted.fill(&[b"chukei e2e receipt v1", &associated], &mut receipt)?;
        let cipher = extracted.cipher(&[b"chukei e2e message v1", &associated])?;
        Ok(Self { cipher, associated, receipt, counter: 0, ended: false })
    }

    /// Seals the next chunk in place and appends its 16-byte tag.
    pub fn seal_chunk(&mut self, buf: &mut Vec<u8>, last: bool) -> Result<(), ChannelError> {
        if buf.len() > CHUNK_PLAIN {
            return Err(ChannelError::TooLong);
        }
        let nonce = self.next_nonce(last)?;
        self.cipher
            .seal_in_place_append_tag(nonce, Aad::from(&self.associated), buf)
            .map_err(|_| ChannelError::IntegrityFailure)
    }

    /// Opens the next chunk in place and returns its plaintext. After a failure nothing opens any more.
    pub fn open_chunk<'a>(&mut self, buf: &'a mut [u8], last: bool) -> Result<&'a mut [u8], ChannelError> {
        if buf.len() > CHUNK_PLAIN + TAG {
            return Err(ChannelError::TooLong);
        }
        let nonce = self.next_nonce(last)?;
        match self.cipher.open_in_place(nonce, Aad::from(&self.associated), buf) {
            Ok(plain) => Ok(plain),
            Err(_) => {
                self.ended = true;
                Err(ChannelError::IntegrityFailure)
            }
        }
    }

    /// What the receiver of a body returns to prove that it could open it: derived beside the key, 16 bytes.
    pub fn receipt_tag(&self) -> [u8; 16] {
        self.receipt
    }

    fn next_nonce(&mut self, last: bool) -> Result<Nonce, ChannelError> {
        if self.ended {
            return Err(ChannelError::Ended);
        }
        let value = u128::from(self.counter) << 32 | u128::from(last);
        self.ended = last;
        self.counter = self.counter.checked_add(1).ok_or(ChannelError::Ended)?;
        let [_, _, _, _, nonce @ ..] = value.to_be_bytes();
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

impl Drop for MessageKey {
    fn drop(&mut self) {
        self.receipt.zeroize();
    }
}

impl std::fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageKey(redacted)")
    }
}

#[cfg(test)]
mod tests;
