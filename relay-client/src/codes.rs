//! A party's own person codes through a rotation: what brokers tell of the versions that live, and how codes are had in
//! the current one.
//!
//! What must hold: codes are renewed only to a version that every broker in reach makes codes in, so that whichever
//! broker carries the next request knows them; a version is over only when every broker there is has said so.

use std::collections::BTreeSet;
use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, PersonCode};
use chukei_wire::message::control::{RenewReply, RenewRequest};
use chukei_wire::result::ResultName;
use tokio::time::sleep;

use crate::connection::PeerConnection;
use crate::session::{SessionError, open_request};
use crate::stream::StreamError;

/// Longest wait that a broker may ask for between two tries.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Tries of one message that is shed.
const TRIES: u32 = 8;

/// The versions of person codes, as the brokers tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeVersions {
    /// The version that every broker in reach makes codes in, or is past.
    current: u8,
    accepted: BTreeSet<u8>,
    /// Whether every broker there is was asked.
    complete: bool,
}

impl CodeVersions {
    /// What the replies of brokers come to, of `brokers` there are; `None` without a reply.
    pub fn of(replies: &[RenewReply], brokers: usize) -> Option<Self> {
        Some(Self {
            current: replies.iter().map(|reply| reply.current).min()?,
            accepted: replies.iter().flat_map(|reply| reply.live.iter().copied()).collect(),
            complete: replies.len() >= brokers,
        })
    }

    /// The version to have codes in.
    pub fn current(&self) -> u8 {
        self.current
    }

    /// Whether codes of this version are to be renewed, and can be.
    pub fn is_renewable(&self, version: u8) -> bool {
        version < self.current && self.accepted.contains(&version)
    }

    /// Whether no broker accepts codes of this version any more.
    pub fn is_over(&self, version: u8) -> bool {
        self.complete && version < self.current && !self.accepted.contains(&version)
    }
}

/// Why codes were not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker does not renew, or has no room for it.
    #[error("not renewed: {0:?}")]
    NotAnswered(Outcome),
    /// No request id.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The reply is not one to what was asked.
    #[error("not a reply to what was asked")]
    Malformed,
}

impl From<StreamError> for RenewError {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// Has `codes` renewed by one broker, in order; without codes, asks for the versions. Waits where the broker says that
/// it is too much at once. `header` makes the header of each try.
pub async fn renew(
    broker: &PeerConnection,
    codes: Vec<PersonCode>,
    mut header: impl FnMut() -> Result<Header, RandomError>,
) -> Result<RenewReply, RenewError> {
    let request = RenewRequest { codes };
    let mut tries = 1;
    loop {
        match attempt(broker, &header()?, &request).await {
            Err(RenewError::NotAnswered(Outcome::RetryAfter(ResultName::Overloaded, wait_ms)))
                if tries < TRIES =>
            {
                tries += 1;
                sleep(Duration::from_millis(u64::from(wait_ms)).min(WAIT_MAX)).await;
            }
            ended => return ended,
        }
    }
}

async fn attempt(
    broker: &PeerConnection,
    header: &Header,
    request: &RenewRequest,
) -> Result<RenewReply, RenewError> {
    let mut open = open_request(broker, header, &Hop::default()).await?;
    open.send.write_message(request).await?;
    open.send.finish().await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Err(RenewError::NotAnswered(other)),
    }
    let reply: RenewReply = open.recv.read_message().await?;
    let own = |code: &Option<PersonCode>| code.is_none_or(|code| code.0.first() == Some(&reply.current));
    let fits = reply.codes.len() == request.codes.len()
        && reply.codes.iter().all(own)
        && reply.live.contains(&reply.current);
    if fits { Ok(reply) } else { Err(RenewError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(current: u8, live: &[u8]) -> RenewReply {
        RenewReply { current, live: live.to_vec(), codes: Vec::new() }
    }

    fn versions(replies: &[RenewReply]) -> CodeVersions {
        CodeVersions::of(replies, 2).unwrap()
    }

    #[test]
    fn codes_are_renewed_once_every_broker_in_reach_makes_them() {
        let ahead = versions(&[reply(2, &[1, 2]), reply(1, &[1, 2])]);
        assert_eq!((ahead.current(), ahead.is_renewable(1)), (1, false));
        let both = versions(&[reply(2, &[1, 2]), reply(2, &[1, 2])]);
        assert_eq!((both.current(), both.is_renewable(1)), (2, true));
        assert!(versions(&[reply(2, &[1, 2])]).is_renewable(1), "the other one is away");
        assert!(CodeVersions::of(&[], 2).is_none());
    }

    #[test]
    fn a_version_is_over_only_when_every_broker_says_so() {
        assert!(!versions(&[reply(2, &[2]), reply(2, &[1, 2])]).is_over(1));
        assert!(!versions(&[reply(2, &[2])]).is_over(1));
        let over = versions(&[reply(2, &[2]), reply(2, &[2])]);
        assert!(over.is_over(1) && !over.is_renewable(1));
        assert!(!over.is_over(2) && !over.is_over(3), "what is to come is not over");
    }
}
