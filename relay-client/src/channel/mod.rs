//! End-to-end channels between a portal instance and a body, through a broker that cannot read them.
//!
//! What must hold: both ends are pinned by the signed peer list, never by a certificate the broker could get;
//! a body opens only in the exchange, direction and for the person it was sealed for (R30, R32); a channel on
//! which anything fails to open is stopped (R35), and one that stands on an identity which the peer list no
//! longer names is withdrawn. Deliberately absent: resumption, early data, and any key chosen by one side alone.

mod body;
mod ends;
mod handshake;
mod table;

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use chukei_crypto::channel::DirectionSecret;
use chukei_crypto::random::RandomError;
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::CodecError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header};
use chukei_wire::id::ChannelId;

use crate::session::SessionError;
use crate::stream::StreamError;

use ends::Ends;

pub use body::{OpenedBody, RawSealed, SealedBody, read_sealed, write_sealed};
pub use ends::Parties;
pub use handshake::{initiate, respond};
pub use table::{ChannelLimits, ChannelUnusable, Channels};

/// Between whom a channel is, and which of them sends the requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Name of the portal instance.
    pub portal: String,
    /// The body.
    pub body: BodyCode,
    /// Which way its requests travel; replies travel the other way.
    pub direction: Direction,
}

impl Scope {
    /// The scope a header speaks of; `None` for a request that stays on its hop.
    pub fn of(header: &Header) -> Option<Self> {
        let travels = header.direction != Direction::Hop;
        let (portal, body) = (header.portal.clone()?, header.body?);
        travels.then_some(Self { portal, body, direction: header.direction })
    }
}

/// Which end of a channel this is. The initiator sends the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Seals requests, opens replies.
    Initiator,
    /// Opens requests, seals replies.
    Responder,
}

/// An established channel.
pub struct Channel {
    id: ChannelId,
    scope: Scope,
    role: Role,
    ends: Ends,
    established_ms: u64,
    requests: DirectionSecret,
    replies: DirectionSecret,
    bodies: AtomicU64,
    state: AtomicU8,
}

/// Values of a channel's state. It only ever grows.
const WITHDRAWN: u8 = 1;
const STOPPED: u8 = 2;

/// Why a channel was not had, or a body not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The stream or the request around the handshake failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The other side answered, but not with a handshake.
    #[error("the channel was not set up")]
    NotAnswered(Outcome),
    /// The header of the set-up is none.
    #[error("not the header of a channel set-up")]
    Header,
    /// The other end is not the pinned identity, or the bytes are no handshake of this protocol.
    #[error("the channel's handshake failed")]
    Handshake,
    /// This side's own identity key did not sign: its keeper does not answer. Nobody is to blame for it.
    #[error("the own identity key does not sign now")]
    Unsigned,
    /// No channel before the deadline.
    #[error("no channel before the deadline")]
    Deadline,
    /// The table is full of channels in use (R40).
    #[error("OVERLOADED: too many channels")]
    Full,
    /// Something did not open on this channel before (R35).
    #[error("INTEGRITY_STOP: the channel was stopped")]
    Stopped,
    /// An identity it stands on is no longer in the peer list: to be asked again on another channel.
    #[error("the channel's identities are no longer in the peer list")]
    Withdrawn,
    /// The bytes are not what was sealed for this exchange and person. The channel is stopped (R35).
    #[error("INTEGRITY_FAILURE: the sealed body does not open")]
    Integrity,
    /// A suite that is not on the list (R21).
    #[error("unknown cipher suite {0}")]
    UnknownSuite(u8),
    /// The body is bound to a person whose binding secret is not known here.
    #[error("the body is bound and no binding secret is known")]
    BindingMissing,
    /// Longer than its limit.
    #[error("sealed body longer than its limit")]
    TooLong,
    /// A decoded message was refused.
    #[error("content: {0}")]
    Codec(#[from] CodecError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StreamError> for ChannelError {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

impl Channel {
    /// The id both ends have exported from the handshake.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Between whom it is.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// When the handshake ended, Unix milliseconds.
    pub fn established_ms(&self) -> u64 {
        self.established_ms
    }

    /// Bodies sealed and opened so far.
    pub fn bodies(&self) -> u64 {
        self.bodies.load(Ordering::Relaxed)
    }

    /// Nothing is sealed or opened on it any more (R35).
    pub fn stop(&self) {
        self.state.fetch_max(STOPPED, Ordering::AcqRel);
    }

    /// The same for a channel whose identities no longer stand in the peer list: no mismatch, no alarm.
    pub fn withdraw(&self) {
        self.state.fetch_max(WITHDRAWN, Ordering::AcqRel);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.state.load(Ordering::Acquire) == STOPPED
    }

    /// Whether it was withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.state.load(Ordering::Acquire) == WITHDRAWN
    }

    fn sealing_secret(&self) -> (&DirectionSecret, bool) {
        match self.role {
            Role::Initiator => (&self.requests, false),
            Role::Responder => (&self.replies, true),
        }
    }

    fn opening_secret(&self) -> (&DirectionSecret, bool) {
        match self.role {
            Role::Initiator => (&self.replies, true),
            Role::Responder => (&self.requests, false),
        }
    }

    fn count_body(&self) -> Result<(), ChannelError> {
        match self.state.load(Ordering::Acquire) {
            0 => {}
            WITHDRAWN => return Err(ChannelError::Withdrawn),
            _ => return Err(ChannelError::Stopped),
        }
        self.bodies.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
