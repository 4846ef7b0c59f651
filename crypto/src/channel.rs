//! Message keys of the end-to-end channel: one key for each sealed body.
//!
//! Key = HKDF-Expand-SHA-256(direction secret; label ‖ associated data ‖ salt ‖ binding secret where bound). The
//! direction secret comes out of the handshake's exporter uniformly random, so that HKDF's first step is not
//! needed (RFC 5869, 3.3). Associated data, 35 bytes: suite ‖ flags (1 reply, 2 bound) ‖ version of the binding
//! secret, 0 without ‖ hash of the exchange's header; every chunk is authenticated with it, so that a body opens
//! only as the part of the exchange it was sealed for (R30, R32).
//!
//! Why no key and nonce repeat: a sealer draws the 16-byte salt at random for this body alone, and cannot be given
//! one; neither side alone decides a key. With 2^40 bodies of one direction, two salts agree with one chance in
//! 2^49, and a channel ends long before. Under one key the chunks count (see the module `chunks`: at most 65,536).
//! The receipt is the tag of nothing under a nonce that no chunk has. Deliberately absent: the handshake, and
//! frames.

use crate::binding::BindingSecret;
use crate::chunks::{self, ChunkError, Chunks};
use crate::derive::{DeriveError, Extracted};
use crate::random::{self, RandomError};

/// The only suite of sealed bodies: AES-256-GCM, keys by HKDF-SHA-256 (R21).
pub const SUITE_AES_256_GCM: u8 = 1;
/// Largest plaintext of one chunk, bytes.
pub const CHUNK_PLAIN: usize = chunks::CHUNK_PLAIN;
/// Bytes that sealing adds to a chunk.
pub const TAG: usize = crate::cipher::TAG;

/// The secret of one direction of a channel, exported from its handshake; prepared for deriving from it.
#[derive(Clone)]
pub struct DirectionSecret(Extracted);

impl DirectionSecret {
    /// Takes 32 secret bytes, which must be uniformly random; the copy passed in is wiped.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let prepared = Self(Extracted::uniform(&bytes));
        zeroize::Zeroize::zeroize(&mut bytes);
        prepared
    }
}

impl std::fmt::Debug for DirectionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DirectionSecret(redacted)")
    }
}

/// What a body's key and every chunk are bound to.
#[derive(Clone, Copy, Debug)]
pub struct MessageContext<'a> {
    /// SHA-256 of the end-to-end header of the exchange.
    pub header: [u8; 32],
    /// Whether this is the reply.
    pub reply: bool,
    /// The person's binding secret, which carries its version, where the body concerns one whose binding is established.
    pub bound: Option<&'a BindingSecret>,
}

/// Why a chunk was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not what was sealed for this exchange, direction, person and position. The key refuses all that follows.
    #[error("sealed body does not open")]
    IntegrityFailure,
    /// A chunk over [`CHUNK_PLAIN`], or one without room for its tag.
    #[error("chunk outside its limits")]
    Length,
    /// A chunk after the last one, or after a failure.
    #[error("the body has already ended")]
    Ended,
    /// More chunks than one key seals: 65,536.
    #[error("the body has too many chunks")]
    TooMany,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Key derivation failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

impl From<ChunkError> for ChannelError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::IntegrityFailure => Self::IntegrityFailure,
            ChunkError::Length => Self::Length,
            ChunkError::Ended => Self::Ended,
            ChunkError::TooMany => Self::TooMany,
        }
    }
}

/// Seals one body, chunk by chunk in order.
pub struct MessageSealer {
    key: MessageKey,
    salt: [u8; SALT],
}

impl MessageSealer {
    /// The key of a new body: its salt is drawn here.
    pub fn fresh(secret: &DirectionSecret, context: &MessageContext<'_>) -> Result<Self, ChannelError> {
        Self::salted(secret, random::bytes()?, context)
    }

    /// The salt must be fresh: everything rests on it.
    pub(crate) fn salted(
        secret: &DirectionSecret,
        salt: [u8; SALT],
        context: &MessageContext<'_>,
    ) -> Result<Self, ChannelError> {
        Ok(Self { key: MessageKey::derive(secret, &salt, context)?, salt })
    }

    /// What the receiver needs to derive the key; it goes along with the body.
    pub fn salt(&self) -> [u8; SALT] {
        self.salt
    }

    /// Seals the next chunk in place: plaintext of at most [`CHUNK_PLAIN`] bytes, and [`TAG`] bytes of room
    /// behind it.
    pub fn seal_chunk(&mut self, chunk: &mut [u8], last: bool) -> Result<(), ChannelError> {
        Ok(self.key.chunks.seal(&self.key.associated, chunk, last)?)
    }

    /// What the receiver of the body will return to prove that it could open it.
    pub fn receipt_tag(&self) -> Result<[u8; TAG], ChannelError> {
        self.key.receipt_tag()
    }
}

/// Opens one body, chunk by chunk in order.
pub struct MessageOpener(MessageKey);

impl MessageOpener {
    /// The key of the body that came with `salt`.
    pub fn new(
        secret: &DirectionSecret,
        salt: &[u8; SALT],
        context: &MessageContext<'_>,
    ) -> Result<Self, ChannelError> {
        Ok(Self(MessageKey::derive(secret, salt, context)?))
    }

    /// Opens the next chunk in place and returns its plaintext. After a failure nothing opens any more. The body
    /// is whole only when its last chunk has opened as the last.
    pub fn open_chunk<'a>(&mut self, chunk: &'a mut [u8], last: bool) -> Result<&'a mut [u8], ChannelError> {
        Ok(self.0.chunks.open(&self.0.associated, chunk, last)?)
    }

    /// What proves to the sealer that this body could be opened.
    pub fn receipt_tag(&self) -> Result<[u8; TAG], ChannelError> {
        self.0.receipt_tag()
    }
}

/// Whether `shown` is the receipt `expected`, compared in constant time.
pub fn proves_receipt(expected: &[u8; TAG], shown: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(&expected[..], shown).into()
}

const SALT: usize = 16;
const ASSOCIATED: usize = 35;

/// The key of one sealed body.
struct MessageKey {
    chunks: Chunks,
    associated: [u8; ASSOCIATED],
}

impl MessageKey {
    fn derive(
        secret: &DirectionSecret,
        salt: &[u8; SALT],
        context: &MessageContext<'_>,
    ) -> Result<Self, DeriveError> {
        let (version, binding): (u8, &[u8]) = match context.bound {
            Some(secret) => (secret.version(), secret.as_bytes()),
            None => (0, &[]),
        };
        let flags = u8::from(context.reply) | u8::from(context.bound.is_some()) << 1;
        let mut associated = [0; ASSOCIATED];
        let [suite, flag, bound, header @ ..] = &mut associated;
        (*suite, *flag, *bound) = (SUITE_AES_256_GCM, flags, version);
        header.copy_from_slice(&context.header);
        // The flags tell whether a binding secret follows: no two contexts join to the same bytes.
        let cipher = secret.0.cipher(&[b"chukei e2e message v1", &associated, salt, binding])?;
        Ok(Self { chunks: Chunks::new(cipher), associated })
    }

    fn receipt_tag(&self) -> Result<[u8; TAG], ChannelError> {
        Ok(self.chunks.receipt(&self.associated)?)
    }
}

impl std::fmt::Debug for MessageSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageSealer(redacted)")
    }
}

impl std::fmt::Debug for MessageOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageOpener(redacted)")
    }
}

#[cfg(test)]
mod tests;
