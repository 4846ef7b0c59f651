//! A broker's word on the time, asked over the authenticated hop.
//!
//! What must hold: the word is of this moment, because it answers this request on a connection that nobody else
//! speaks on. What it is worth is for the caller to judge: one broker may lie.

use chukei_crypto::random::RandomError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::message::control::TimeReply;

use crate::connection::PeerConnection;
use crate::request_id;
use crate::session::{SessionError, open_request};
use crate::stream::StreamError;

/// Milliseconds that the exchange may take.
const WAIT_MS: u32 = 5_000;

/// Why a broker did not tell the time.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// The exchange failed; also how a broker of an earlier release answers, which does not know the question.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker refused.
    #[error("not told: {0:?}")]
    NotAnswered(Outcome),
    /// No request id.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StreamError> for NotTold {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// What time it is at `broker`, Unix milliseconds.
pub async fn time_at(broker: &PeerConnection, now_ms: u64) -> Result<u64, NotTold> {
    let header = Header::hop(Kind::Time, None, request_id::fresh(now_ms)?, WAIT_MS);
    let mut open = open_request(broker, &header, &Hop::default()).await?;
    open.send.finish().await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Err(NotTold::NotAnswered(other)),
    }
    let reply: TimeReply = open.recv.read_message().await?;
    Ok(reply.now_ms)
}
