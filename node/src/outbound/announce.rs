//! The node tells each broker which bodies it speaks for: one delegation a body, signed with the body's identity.

use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_crypto::sign::SignError;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::request_id;
use chukei_relay_client::session::{SessionError, open_request};
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::limits;
use chukei_wire::message::control::{Announce, Delegation, DelegationClaims};

use crate::app::Node;
use crate::hosted::HostedBody;

/// Life of a delegation. A node announces anew long before its end.
const DELEGATION_LIFE_MS: u64 = 24 * 3_600_000;

const WAIT: Duration = Duration::from_secs(10);

/// When a body is announced again whose key did not sign.
const UNSIGNED_AGAIN: Duration = Duration::from_secs(2);

/// Why a broker does not know this node's bodies.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker refused the announcement.
    #[error("refused: {0:?}")]
    Refused(Outcome),
    /// A delegation could not be signed.
    #[error("signing: {0}")]
    Signing(#[from] SignError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A delegation could not be encoded.
    #[error("encoding: {0}")]
    Encoding(#[from] chukei_wire::codec::CodecError),
}

/// Announces every body that is open on `connection`, unless somebody else just did; nothing where there has been none yet.
pub async fn announce(node: &Node, connection: &PeerConnection) -> Result<(), AnnounceError> {
    // Before the bodies are looked at: what is told last is what was seen last.
    let turn = node.announcements.turn(connection.identity().name(), connection.id());
    let Some(telling) = turn.await else { return Ok(()) };
    let now_ms = node.clock.now_ms();
    let delegations = delegations(node, now_ms)?;
    if delegations.is_empty() && !node.announcements.have_been() {
        return Ok(());
    }
    node.announcements.are();
    let header = hop_header(Kind::Announce, None, request_id::fresh(now_ms)?, WAIT);
    let mut request = open_request(connection, &header, &Hop::default()).await?;
    request.send.write_message(&Announce { delegations }).await.map_err(SessionError::from)?;
    request.send.finish().await.map_err(SessionError::from)?;
    match request.read_status().await? {
        Outcome::Answered => {
            telling.done();
            Ok(())
        }
        other => Err(AnnounceError::Refused(other)),
    }
}

/// One per body. A body whose key does not sign now, in a token that is gone, is left out and announced later: the
/// others do not wait for it, nor is a silent token asked once for each of its bodies.
fn delegations(node: &Node, now_ms: u64) -> Result<Vec<Delegation>, AnnounceError> {
    let mut delegations = Vec::new();
    let mut silent = None;
    for body in node.bodies.iter().filter(|body| !body.is_ended()) {
        if silent.is_some() && body.identity().may_block() {
            continue;
        }
        match delegation(node, &body, now_ms) {
            Err(AnnounceError::Signing(error)) => silent = Some((body.code(), error)),
            signed => delegations.push(signed?),
        }
    }
    if let Some((body, error)) = silent {
        tracing::warn!(%body, %error, "not every body could be announced");
        node.announcements.want(UNSIGNED_AGAIN);
    }
    Ok(delegations)
}

fn delegation(node: &Node, body: &HostedBody, now_ms: u64) -> Result<Delegation, AnnounceError> {
    let claims = DelegationClaims {
        body: body.code(),
        node: node.name.clone(),
        // A node that was overtaken and has not noticed yet does not win the route back.
        epoch: body.epoch(),
        not_after_ms: now_ms + DELEGATION_LIFE_MS,
    };
    let (identity, message) = (body.identity(), chukei_wire::codec::encode(&claims)?);
    // A key outside this process is asked on a thread that may wait.
    let signed = if identity.may_block() {
        tokio::task::block_in_place(|| identity.sign(&message))
    } else {
        identity.sign(&message)
    };
    Ok(Delegation { claims, signature: signed?.to_vec() })
}

/// Header of a request that goes no further than the next hop.
pub fn hop_header(kind: Kind, body: Option<BodyCode>, request_id: RequestId, wait: Duration) -> Header {
    let deadline_ms = u32::try_from(wait.as_millis()).unwrap_or(limits::DEADLINE_MAX_MS);
    Header::hop(kind, body, request_id, deadline_ms)
}
