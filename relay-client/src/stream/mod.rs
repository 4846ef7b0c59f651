//! The two halves of a stream: frames in, frames out, raw bytes for whoever only passes them on.
//!
//! What must hold: every wait ends at the half's deadline; a frame's length is checked against its type
//! before its payload is read, and memory grows with what has arrived, not with what was claimed; a sender
//! that gives up resets the stream, so that what was cut short never looks complete.

mod recv;
mod send;
mod splice;

use std::time::Duration;

use chukei_wire::codec::CodecError;
use chukei_wire::frame::{FrameError, FrameType};
use quinn::VarInt;

use crate::connection::ConnectionError;

pub use recv::RecvHalf;
pub use send::SendHalf;
pub use splice::splice;

/// Time a peer has to send the head of a request after opening its stream.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);

/// Why a stream was abandoned, as the other side sees it (RFC 9000, 19.4 and 19.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResetCode {
    /// Given up before the end, for example because the caller went away.
    Abandoned = 0,
    /// The deadline passed.
    Deadline = 1,
    /// The other side broke the protocol.
    Misbehaved = 2,
    /// A mismatch was found (R35).
    IntegrityStop = 3,
}

impl ResetCode {
    fn to_varint(self) -> VarInt {
        VarInt::from_u32(u32::from(self as u8))
    }
}

/// Why reading or writing a stream failed. The stream is of no further use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// The sender gave up with this code; see [`ResetCode`].
    #[error("the sender gave up with code {0}")]
    Reset(u64),
    /// The receiver wants no more, with this code; see [`ResetCode`].
    #[error("the receiver wants no more, code {0}")]
    Stopped(u64),
    /// The connection is over.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The stream was finished or reset before.
    #[error("the stream was closed before")]
    Closed,
    /// A frame's head was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// The stream ended where a frame was due.
    #[error("the stream ended where a frame was due")]
    Ended,
    /// A frame of another type was due.
    #[error("a {due:?} frame was due, not {got:?}")]
    Unexpected {
        /// The type that was due.
        due: FrameType,
        /// The type that came.
        got: FrameType,
    },
    /// A payload was refused.
    #[error("payload: {0}")]
    Codec(#[from] CodecError),
    /// More bytes than the caller allowed.
    #[error("more bytes than allowed")]
    TooLong,
}

impl From<quinn::ReadError> for StreamError {
    fn from(error: quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::Reset(code) => Self::Reset(code.into_inner()),
            quinn::ReadError::ConnectionLost(error) => Self::Connection(error.into()),
            quinn::ReadError::ClosedStream
            | quinn::ReadError::IllegalOrderedRead
            | quinn::ReadError::ZeroRttRejected => Self::Closed,
        }
    }
}

impl From<quinn::WriteError> for StreamError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::Stopped(code) => Self::Stopped(code.into_inner()),
            quinn::WriteError::ConnectionLost(error) => Self::Connection(error.into()),
            quinn::WriteError::ClosedStream | quinn::WriteError::ZeroRttRejected => Self::Closed,
        }
    }
}

impl From<quinn::StoppedError> for StreamError {
    fn from(error: quinn::StoppedError) -> Self {
        match error {
            quinn::StoppedError::ConnectionLost(error) => Self::Connection(error.into()),
            quinn::StoppedError::ZeroRttRejected => Self::Closed,
        }
    }
}
