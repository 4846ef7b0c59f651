//! Frames on a stream: type byte, big-endian u32 length, payload. The length is checked against the type's
//! limit before a byte of payload is read.
//!
//! Order on a request: HEADER, HOP, then SEAL with its chunks, or messages. On a reply: STATUS, then the same.

use chukei_crypto::binding::VERSION_MAX;
use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, decode, encode};
use crate::id::HeaderHash;
use crate::limits;
use crate::result::ResultName;

/// Type and length of a frame.
pub const FRAME_HEAD: usize = 5;

/// The type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// End-to-end part of the header.
    Header = 1,
    /// Hop part of the header.
    Hop = 2,
    /// Head of a sealed body.
    Seal = 3,
    /// A sealed chunk with more to come.
    Chunk = 4,
    /// The last sealed chunk.
    LastChunk = 5,
    /// Outer status of a reply.
    Status = 6,
    /// A plain message: set-up flights, staff calls, control. Never personal data through a broker.
    Message = 7,
}

/// Why a frame was refused. The stream, and for repeated misuse the peer, is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A type byte this version does not know.
    #[error("unknown frame type {0}")]
    UnknownType(u8),
    /// A length over the type's limit.
    #[error("frame longer than its limit")]
    TooLong,
}

impl FrameType {
    /// Largest payload of this type.
    pub fn limit(self) -> usize {
        match self {
            Self::Header => limits::HEADER_MAX,
            Self::Hop => limits::HOP_MAX,
            Self::Seal => SealHead::LENGTH,
            Self::Chunk | Self::LastChunk => limits::CHUNK_MAX,
            Self::Status => limits::STATUS_MAX,
            Self::Message => limits::MESSAGE_MAX,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, FrameError> {
        Ok(match byte {
            1 => Self::Header,
            2 => Self::Hop,
            3 => Self::Seal,
            4 => Self::Chunk,
            5 => Self::LastChunk,
            6 => Self::Status,
            7 => Self::Message,
            other => return Err(FrameError::UnknownType(other)),
        })
    }
}

/// The five bytes before a payload of `length`.
pub fn frame_head(kind: FrameType, length: usize) -> Result<[u8; FRAME_HEAD], FrameError> {
    if length > kind.limit() {
        return Err(FrameError::TooLong);
    }
    let [a, b, c, d] = u32::try_from(length).map_err(|_| FrameError::TooLong)?.to_be_bytes();
    Ok([kind as u8, a, b, c, d])
}

/// Type and payload length from the five bytes before a payload.
pub fn parse_frame_head(head: [u8; FRAME_HEAD]) -> Result<(FrameType, usize), FrameError> {
    let [kind, a, b, c, d] = head;
    let kind = FrameType::from_byte(kind)?;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| FrameError::TooLong)?;
    if length > kind.limit() {
        return Err(FrameError::TooLong);
    }
    Ok((kind, length))
}

/// Appends a whole frame to `out`.
pub fn put_frame(out: &mut Vec<u8>, kind: FrameType, payload: &[u8]) -> Result<(), FrameError> {
    out.extend_from_slice(&frame_head(kind, payload.len())?);
    out.extend_from_slice(payload);
    Ok(())
}

/// Head of a sealed body: suite, binding version and the sealer's 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealHead {
    /// Cipher suite of the chunks (R21).
    pub suite: u8,
    /// Version of the person's binding secret that is mixed into the key, 1 to [`VERSION_MAX`]; 0 where none is.
    pub binding: u8,
    /// Chosen at random by the sealer for this body alone.
    pub salt: [u8; 16],
}

impl SealHead {
    /// Encoded length.
    pub const LENGTH: usize = 18;

    /// Fixed form: suite, binding, salt.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let [suite, binding, salt @ ..] = &mut bytes;
        *suite = self.suite;
        *binding = self.binding;
        salt.copy_from_slice(&self.salt);
        bytes
    }

    /// Decodes the fixed form; a binding version that cannot be is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes {
            [suite, binding @ 0..=VERSION_MAX, salt @ ..] => Ok(Self {
                suite: *suite,
                binding: *binding,
                salt: salt.try_into().map_err(|_| CodecError::Malformed)?,
            }),
            _ => Err(CodecError::Malformed),
        }
    }
}

/// What a broker may know of a reply: whether there was one. Everything else is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Echo of the request's header hash (R32).
    #[serde(rename = "h")]
    pub header: HeaderHash,
    /// Answered, or why not.
    #[serde(rename = "o")]
    pub outcome: Outcome,
}

/// The outer outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A sealed body or messages follow.
    #[serde(rename = "answered")]
    Answered,
    /// Nothing follows; the name is one that tells nothing of a person.
    #[serde(rename = "refused")]
    Refused(ResultName),
    /// Nothing follows; try again after this many milliseconds (R40).
    #[serde(rename = "retry")]
    RetryAfter(ResultName, u32),
    /// The channel is not known here: set up a new one.
    #[serde(rename = "channel")]
    ChannelUnknown,
}

impl Status {
    /// Encodes the status.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        encode(self)
    }

    /// Decodes the status.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        decode(bytes, FrameType::Status.limit())
    }
}
