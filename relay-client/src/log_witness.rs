//! Heads of bodies' logs shown to a broker, which cosigns what has grown out of what it remembers; and those that a broker
//! has cosigned, shown to another.
//!
//! What must hold: answers are read while heads are still written, so that neither side waits for the other; what was
//! answered before the connection broke counts. Deliberately absent: when heads are due, and what is done with a
//! cosignature: it counts once [`SignedCheckpoint::add`] has verified it under the key that the peer list names.

use chukei_crypto::random::RandomError;
use chukei_crypto::tlog::{Proof, SignedCheckpoint};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::message::log::{LogCompared, LogHead, LogSeen, LogWitnessed};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::PeerConnection;
use crate::log_key::LogKey;
use crate::request_id;
use crate::session::{SessionError, open_request};
use crate::stream::StreamError;

/// Milliseconds that one exchange may take, whatever number of heads.
const WAIT_MS: u32 = 10_000;

/// Why not every head was answered.
#[derive(Debug, thiserror::Error)]
pub enum NotWitnessed {
    /// The exchange failed; also how a broker of an earlier release answers, which does not know the kind.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker refused all of them.
    #[error("not witnessed: {0:?}")]
    NotAnswered(Outcome),
    /// No request id.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StreamError> for NotWitnessed {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// The message for a checkpoint that has grown from a head of `old_size` leaves.
pub fn log_head(key: &LogKey, old_size: u64, proof: &Proof, checkpoint: &SignedCheckpoint) -> LogHead {
    LogHead {
        body: key.body,
        old_size,
        proof: proof.to_bytes(),
        checkpoint: checkpoint.to_string().into_bytes(),
        key: key.public,
        certificate: key.signature,
        also: Vec::new(),
        gap: None,
    }
}

impl From<&LogHead> for LogKey {
    fn from(head: &LogHead) -> Self {
        Self { body: head.body, public: head.key, signature: head.certificate }
    }
}

impl From<&LogSeen> for LogKey {
    fn from(seen: &LogSeen) -> Self {
        Self { body: seen.body, public: seen.key, signature: seen.certificate }
    }
}

/// Shows `heads` to `broker` and gives each answer to `answered` as it comes, with the head's place among them.
///
/// After [`LogWitnessed::Behind`] the head is shown again, from the size that the broker named. Where the log itself has
/// fewer leaves than that, it was set back: shown with that size and no proof, it is told so to the broker too, which
/// answers [`LogWitnessed::Fork`].
pub async fn show_heads(
    broker: &PeerConnection,
    now_ms: u64,
    heads: &[LogHead],
    answered: impl FnMut(usize, LogWitnessed),
) -> Result<(), NotWitnessed> {
    each_answered(broker, Kind::LogWitness, now_ms, heads, answered).await
}

/// Shows another broker heads that this one has `seen` and cosigned, and gives each answer to `compared` as it comes, with
/// the head's place among them.
pub async fn show_seen(
    broker: &PeerConnection,
    now_ms: u64,
    seen: &[LogSeen],
    compared: impl FnMut(usize, LogCompared),
) -> Result<(), NotWitnessed> {
    each_answered(broker, Kind::LogHeads, now_ms, seen, compared).await
}

/// Messages there and as many back, in order, at the same time.
async fn each_answered<M: Serialize, A: Serialize + DeserializeOwned>(
    broker: &PeerConnection,
    kind: Kind,
    now_ms: u64,
    messages: &[M],
    mut answered: impl FnMut(usize, A),
) -> Result<(), NotWitnessed> {
    let header = Header::hop(kind, None, request_id::fresh(now_ms)?, WAIT_MS);
    let mut open = open_request(broker, &header, &Hop::default()).await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Err(NotWitnessed::NotAnswered(other)),
    }
    let (send, recv) = (&mut open.send, &mut open.recv);
    let showing = async {
        for message in messages {
            send.write_message(message).await?;
        }
        send.finish().await
    };
    let hearing = async {
        for place in 0..messages.len() {
            answered(place, recv.read_message().await?);
        }
        recv.expect_end().await
    };
    tokio::try_join!(showing, hearing)?;
    Ok(())
}
