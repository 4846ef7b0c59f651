//! Sealed bodies on a channel: SEAL, then chunks, the last of which says so.
//!
//! Every chunk but the last is full, so that the number of chunks is bounded by the size of the body.

use std::fmt;

use bytes::Bytes;
use chukei_crypto::binding::BindingSecret;
use chukei_crypto::channel::{CHUNK_PLAIN, MessageContext, MessageKey, SUITE_AES_256_GCM, TAG};
use chukei_crypto::random;
use chukei_wire::codec::{decode, decode_untraced};
use chukei_wire::frame::{FrameType, SealHead};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::{CHUNK_MAX, SEALED_BODY_MAX};
use chukei_wire::padding::{bucket, pad, unpad};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Channel, ChannelError};
use crate::stream::{RecvHalf, SendHalf, StreamError};

/// A body ready to be sent.
#[derive(Debug)]
pub struct SealedBody {
    /// Suite, binding and salt.
    pub head: SealHead,
    /// Sealed chunks, in order.
    pub chunks: Vec<Vec<u8>>,
    /// What the receiver must send back to prove that it has opened the body.
    pub receipt: [u8; 16],
}

/// A body as it came, not opened yet.
#[derive(Debug)]
pub struct RawSealed {
    head: SealHead,
    chunks: Vec<Bytes>,
}

/// A body that opened: it was sealed at the channel's other end for this very exchange.
pub struct OpenedBody {
    padded: Zeroizing<Vec<u8>>,
    bound: bool,
    receipt: [u8; 16],
}

impl Channel {
    /// Seals `content` (at most [`SEALED_BODY_MAX`] bytes) for the exchange with this header, padded to the
    /// bucket of the larger of its own length and `as_if` (R50). With `binding`, only a receiver that knows
    /// the person's binding secret opens it.
    pub fn seal_body(
        &self,
        header_hash: HeaderHash,
        binding: Option<&BindingSecret>,
        content: &[u8],
        as_if: usize,
    ) -> Result<SealedBody, ChannelError> {
        if content.len() > SEALED_BODY_MAX {
            return Err(ChannelError::TooLong);
        }
        self.count_body()?;
        let (secret, reply) = self.sealing_secret();
        let salt = random::bytes()?;
        let context = MessageContext { header: header_hash.0, reply, bound: binding };
        let mut key = MessageKey::derive(secret, &salt, &context).map_err(|_| ChannelError::Integrity)?;
        let chunks = seal_chunks(&mut key, pad(content, as_if))?;
        let head = SealHead { suite: SUITE_AES_256_GCM, bound: binding.is_some(), salt };
        Ok(SealedBody { head, chunks, receipt: key.receipt_tag() })
    }

    /// Opens a body of the exchange with this header. Whoever has `binding` gives it: it is used where the
    /// body says that it is bound, which [`OpenedBody::bound`] repeats. A body that does not open stops the
    /// channel (R35).
    pub fn open_body(
        &self,
        header_hash: HeaderHash,
        binding: Option<&BindingSecret>,
        raw: &RawSealed,
    ) -> Result<OpenedBody, ChannelError> {
        self.count_body()?;
        if raw.head.suite != SUITE_AES_256_GCM {
            return Err(ChannelError::UnknownSuite(raw.head.suite));
        }
        let bound = match (raw.head.bound, binding) {
            (false, _) => None,
            (true, Some(secret)) => Some(secret),
            (true, None) => return Err(ChannelError::BindingMissing),
        };
        let (secret, reply) = self.opening_secret();
        let context = MessageContext { header: header_hash.0, reply, bound };
        let opened = MessageKey::derive(secret, &raw.head.salt, &context)
            .map_err(|_| ChannelError::Integrity)
            .and_then(|mut key| Ok((open_chunks(&mut key, &raw.chunks)?, key.receipt_tag())));
        match opened {
            Ok((padded, receipt)) => Ok(OpenedBody { padded, bound: raw.head.bound, receipt }),
            Err(error) => {
                self.stop();
                Err(error)
            }
        }
    }
}

/// A body of one chunk is sealed where it lies.
fn seal_chunks(key: &mut MessageKey, mut padded: Vec<u8>) -> Result<Vec<Vec<u8>>, ChannelError> {
    if padded.len() <= CHUNK_PLAIN {
        key.seal_chunk(&mut padded, true).map_err(|_| ChannelError::Integrity)?;
        return Ok(vec![padded]);
    }
    let padded = Zeroizing::new(padded);
    let mut rest = padded.chunks(CHUNK_PLAIN).peekable();
    let mut sealed = Vec::with_capacity(rest.len());
    while let Some(plain) = rest.next() {
        let mut chunk = Vec::with_capacity(plain.len() + TAG);
        chunk.extend_from_slice(plain);
        key.seal_chunk(&mut chunk, rest.peek().is_none()).map_err(|_| ChannelError::Integrity)?;
        sealed.push(chunk);
    }
    Ok(sealed)
}

/// Opens into one buffer that never moves, so that no copy of the plaintext stays behind.
fn open_chunks(key: &mut MessageKey, chunks: &[Bytes]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
    let mut padded = Zeroizing::new(Vec::with_capacity(chunks.iter().map(Bytes::len).sum()));
    let mut rest = chunks.iter().peekable();
    while let Some(chunk) = rest.next() {
        let start = padded.len();
        padded.extend_from_slice(chunk);
        let sealed = padded.get_mut(start..).unwrap_or_default();
        let length =
            key.open_chunk(sealed, rest.peek().is_none()).map_err(|_| ChannelError::Integrity)?.len();
        padded.truncate(start + length);
    }
    unpad(&padded).map_err(|_| ChannelError::Integrity)?;
    Ok(padded)
}

impl OpenedBody {
    /// What was sealed, without its padding.
    pub fn content(&self) -> &[u8] {
        // The padding was checked when the body was opened.
        unpad(&self.padded).unwrap_or_default()
    }

    /// What was sealed, as one message in its canonical form.
    pub fn message<T: Serialize + DeserializeOwned>(&self) -> Result<T, ChannelError> {
        Ok(decode(self.content(), SEALED_BODY_MAX)?)
    }

    /// The same for a message that must leave no trace when it is dropped, see [`decode_untraced`].
    pub fn untraced_message<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        Ok(decode_untraced(self.content(), SEALED_BODY_MAX)?)
    }

    /// Whether the person's binding secret was needed to open it.
    pub fn bound(&self) -> bool {
        self.bound
    }

    /// Proof that this side has opened the body, for its sender.
    pub fn receipt(&self) -> [u8; 16] {
        self.receipt
    }
}

impl fmt::Debug for OpenedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedBody").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// Writes a sealed body with what was collected before it: a small one in a single write.
pub async fn write_sealed(send: &mut SendHalf, body: SealedBody) -> Result<(), StreamError> {
    send.put_frame(FrameType::Seal, &body.head.to_bytes()).await?;
    let mut rest = body.chunks.into_iter().peekable();
    while let Some(chunk) = rest.next() {
        let kind = if rest.peek().is_none() { FrameType::LastChunk } else { FrameType::Chunk };
        send.put_owned_frame(kind, chunk).await?;
    }
    send.flush().await
}

/// Reads a sealed body whose content has at most `limit` bytes.
pub async fn read_sealed(recv: &mut RecvHalf, limit: usize) -> Result<RawSealed, StreamError> {
    let head = SealHead::from_bytes(&recv.expect(FrameType::Seal).await?)?;
    let mut room = bucket(limit.min(SEALED_BODY_MAX));
    let mut chunks = Vec::new();
    loop {
        let (kind, chunk) = recv.read_frame().await?.ok_or(StreamError::Ended)?;
        let plain = chunk.len().saturating_sub(TAG);
        let fits = match kind {
            FrameType::Chunk => chunk.len() == CHUNK_MAX,
            FrameType::LastChunk => true,
            got => return Err(StreamError::Unexpected { due: FrameType::LastChunk, got }),
        };
        room = room.checked_sub(plain).filter(|_| fits).ok_or(StreamError::TooLong)?;
        chunks.push(chunk);
        if kind == FrameType::LastChunk {
            return Ok(RawSealed { head, chunks });
        }
    }
}

#[cfg(test)]
mod tests;
