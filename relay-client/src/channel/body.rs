//! Sealed bodies on a channel: SEAL, then chunks, the last of which says so.
//!
//! Every chunk but the last is full, so that the number of chunks is bounded by the size of the body. A body is
//! padded, sealed and framed in the one buffer that is sent, and opened into one.

use std::fmt;

use bytes::Bytes;
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_crypto::channel::{
    CHUNK_PLAIN, MessageContext, MessageOpener, MessageSealer, SUITE_AES_256_GCM, TAG,
};
use chukei_wire::codec::{decode, decode_untraced};
use chukei_wire::frame::{FRAME_HEAD, FrameType, SealHead, frame_head, put_frame};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::{CHUNK_MAX, SEALED_BODY_MAX};
use chukei_wire::padding::{bucket, padded_length, put_padded, unpad};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Channel, ChannelError};
use crate::stream::{RecvHalf, SendHalf, StreamError};

/// A body ready to be sent.
#[derive(Debug)]
pub struct SealedBody {
    /// The SEAL frame and the frames of the chunks, in order.
    pub frames: Vec<u8>,
    /// What the receiver must send back to prove that it has opened the body.
    pub receipt: [u8; 16],
}

impl SealedBody {
    /// Where the first sealed chunk stands in [`Self::frames`].
    pub const FIRST_CHUNK: usize = FRAME_HEAD + SealHead::LENGTH + FRAME_HEAD;
}

/// A body as it came, not opened yet.
#[derive(Debug)]
pub struct RawSealed {
    head: SealHead,
    /// Chunks that more follow upon.
    full: Vec<Bytes>,
    last: Bytes,
}

impl RawSealed {
    /// Bytes of the sealed chunks.
    pub fn length(&self) -> usize {
        self.full.iter().map(Bytes::len).sum::<usize>().saturating_add(self.last.len())
    }
}

/// A body that opened: it was sealed at the channel's other end for this very exchange.
pub struct OpenedBody {
    padded: Zeroizing<Vec<u8>>,
    binding: u8,
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
        let context = MessageContext { header: header_hash.0, reply, bound: binding };
        let mut key = MessageSealer::fresh(secret, &context).map_err(sealing)?;
        let version = binding.map_or(0, BindingSecret::version);
        let head = SealHead { suite: SUITE_AES_256_GCM, binding: version, salt: key.salt() };
        let frames = seal_frames(&mut key, head, content, as_if)?;
        Ok(SealedBody { frames, receipt: key.receipt_tag().map_err(sealing)? })
    }

    /// Opens a body of the exchange with this header. Whoever has `bindings` gives them: where the body says that
    /// it is bound, the secret of the version it names is used and no other, and [`OpenedBody::binding`] repeats
    /// the version. A body that does not open stops the channel (R35).
    pub fn open_body(
        &self,
        header_hash: HeaderHash,
        bindings: Option<&Bindings>,
        raw: &RawSealed,
    ) -> Result<OpenedBody, ChannelError> {
        self.count_body()?;
        if raw.head.suite != SUITE_AES_256_GCM {
            return Err(ChannelError::UnknownSuite(raw.head.suite));
        }
        let bound = match raw.head.binding {
            0 => None,
            version => {
                let secret = bindings.and_then(|held| held.of(version));
                Some(secret.ok_or(ChannelError::BindingMissing)?)
            }
        };
        let (secret, reply) = self.opening_secret();
        let context = MessageContext { header: header_hash.0, reply, bound };
        match opened(MessageOpener::new(secret, &raw.head.salt, &context), raw) {
            Ok((padded, receipt)) => Ok(OpenedBody { padded, binding: raw.head.binding, receipt }),
            Err(error) => {
                self.stop();
                Err(error)
            }
        }
    }
}

/// Pads, seals and frames in one buffer, which never grows: no copy of the plaintext stays behind.
fn seal_frames(
    key: &mut MessageSealer,
    head: SealHead,
    content: &[u8],
    as_if: usize,
) -> Result<Vec<u8>, ChannelError> {
    let length = padded_length(content.len(), as_if);
    let around = length.div_ceil(CHUNK_PLAIN) * (FRAME_HEAD + TAG);
    let mut frames = Zeroizing::new(Vec::with_capacity(FRAME_HEAD + SealHead::LENGTH + around + length));
    put_frame(&mut frames, FrameType::Seal, &head.to_bytes()).map_err(|_| ChannelError::TooLong)?;
    for start in (0..length).step_by(CHUNK_PLAIN) {
        let end = length.min(start + CHUNK_PLAIN);
        let kind = if end == length { FrameType::LastChunk } else { FrameType::Chunk };
        let head = frame_head(kind, end - start + TAG).map_err(|_| ChannelError::TooLong)?;
        frames.extend_from_slice(&head);
        let at = frames.len();
        put_padded(&mut frames, content, start..end);
        frames.resize(at + end - start + TAG, 0);
        let chunk = frames.get_mut(at..).unwrap_or_default();
        key.seal_chunk(chunk, end == length).map_err(sealing)?;
    }
    Ok(std::mem::take(&mut *frames))
}

fn sealing(error: chukei_crypto::channel::ChannelError) -> ChannelError {
    match error {
        chukei_crypto::channel::ChannelError::Random(error) => ChannelError::Random(error),
        _ => ChannelError::Integrity,
    }
}

/// The padded plaintext, and the receipt. Opens into one buffer that never grows.
fn opened(
    key: Result<MessageOpener, chukei_crypto::channel::ChannelError>,
    raw: &RawSealed,
) -> Result<(Zeroizing<Vec<u8>>, [u8; 16]), ChannelError> {
    let mut key = key.map_err(|_| ChannelError::Integrity)?;
    let length = raw.full.iter().map(Bytes::len).sum::<usize>() + raw.last.len();
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    let chunks = raw.full.iter().map(|chunk| (chunk, false)).chain([(&raw.last, true)]);
    for (chunk, last) in chunks {
        let start = padded.len();
        padded.extend_from_slice(chunk);
        let sealed = padded.get_mut(start..).unwrap_or_default();
        let plain = key.open_chunk(sealed, last).map_err(|_| ChannelError::Integrity)?.len();
        padded.truncate(start + plain);
    }
    unpad(&padded).map_err(|_| ChannelError::Integrity)?;
    let receipt = key.receipt_tag().map_err(|_| ChannelError::Integrity)?;
    Ok((padded, receipt))
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
        self.binding != 0
    }

    /// The version of the binding secret that was needed to open it; 0 where none was.
    pub fn binding(&self) -> u8 {
        self.binding
    }

    /// Proof that this side has opened the body, for its sender.
    pub fn receipt(&self) -> [u8; 16] {
        self.receipt
    }
}

impl fmt::Debug for OpenedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedBody").field("binding", &self.binding).finish_non_exhaustive()
    }
}

/// Writes a sealed body with what was collected before it, in a single write and without copying it.
pub async fn write_sealed(send: &mut SendHalf, body: SealedBody) -> Result<(), StreamError> {
    send.write_raw(body.frames.into()).await
}

/// Reads a sealed body whose content has at most `limit` bytes.
pub async fn read_sealed(recv: &mut RecvHalf, limit: usize) -> Result<RawSealed, StreamError> {
    let head = SealHead::from_bytes(&recv.expect(FrameType::Seal).await?)?;
    let mut room = bucket(limit.min(SEALED_BODY_MAX));
    let mut full = Vec::new();
    loop {
        let (kind, chunk) = recv.read_frame().await?.ok_or(StreamError::Ended)?;
        let plain = chunk.len().saturating_sub(TAG);
        let fits = match kind {
            FrameType::Chunk => chunk.len() == CHUNK_MAX,
            FrameType::LastChunk => true,
            got => return Err(StreamError::Unexpected { due: FrameType::LastChunk, got }),
        };
        room = room.checked_sub(plain).filter(|_| fits).ok_or(StreamError::TooLong)?;
        if kind == FrameType::LastChunk {
            return Ok(RawSealed { head, full, last: chunk });
        }
        full.push(chunk);
    }
}

#[cfg(test)]
mod tests;
