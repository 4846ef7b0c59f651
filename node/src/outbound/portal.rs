//! Sealed requests of a body to its portal, through any broker that is there.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::binding::Bindings;
use chukei_relay_client::channel::{
    Channel, ChannelError, OpenedBody, Parties, Scope, initiate, read_sealed, write_sealed,
};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::request_id;
use chukei_relay_client::session::{SessionError, open_request};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header, Hop, Kind, PersonCode};
use chukei_wire::id::{HeaderHash, IdempotencyKey};
use chukei_wire::limits::{SEALED_BODY_MAX, VERSION};
use chukei_wire::result::ResultName;
use serde::Serialize;
use tokio::time::Instant;

use crate::app::Node;
use crate::hosted::HostedBody;

/// Time for one exchange with the portal.
pub const WAIT: Duration = Duration::from_secs(20);

/// Why the portal did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// No broker is connected, or none let the request through in time.
    #[error("no broker")]
    NoBroker,
    /// The channel or the exchange failed.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Refused on the way, for a reason that a retry does not change.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// The portal does not answer on this channel any more: to be tried again on another.
    #[error("not on this channel: {0}")]
    ChannelOver(ResultName),
    /// Not now: to be tried again.
    #[error("not now: {0}")]
    NotNow(ResultName),
    /// The portal is not in the peer list.
    #[error("the portal is not in the peer list")]
    UnknownPortal,
}

/// What a request says, and for whom.
pub struct Outgoing<'a, T> {
    /// Its kind.
    pub kind: Kind,
    /// Affair code.
    pub affair: Option<String>,
    /// The body's code for the person it is about.
    pub person: Option<PersonCode>,
    /// Same act, same key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Makes the sealed message, which may prove something over the header's hash.
    pub message: &'a (dyn Fn(HeaderHash) -> T + Send + Sync),
    /// With which a bound answer opens, by the version it names.
    pub bindings: Option<&'a Bindings>,
}

/// Sends one request and opens its answer. A mismatch on the way stops the channel and alarms (R35).
pub async fn ask<T: Serialize>(
    node: &Node,
    body: &HostedBody,
    outgoing: Outgoing<'_, T>,
) -> Result<OpenedBody, PortalError> {
    let deadline = Instant::now() + WAIT;
    let broker = node.broker(deadline).await.ok_or(PortalError::NoBroker)?;
    let channel = channel(node, body, &broker, deadline).await?;
    let mut header = header(node, body, outgoing.kind)?;
    header.channel = Some(channel.id());
    header.affair = outgoing.affair.clone();
    header.idempotency_key = outgoing.idempotency_key;
    let answered = exchange(&broker, &channel, &header, outgoing).await;
    match &answered {
        Err(PortalError::Channel(error)) => {
            if let Some(kind) = mismatch(error) {
                channel.stop();
                node.metrics.alarm(kind, &header.request_id);
            }
        }
        Err(PortalError::ChannelOver(_)) => node.channels.forget(&channel),
        _ => {}
    }
    answered
}

/// What is wrong where an answer, or the other end, is not what it should be.
fn mismatch(error: &ChannelError) -> Option<&'static str> {
    match error {
        ChannelError::Integrity | ChannelError::UnknownSuite(_) | ChannelError::BindingMissing => {
            Some("sealed_answer")
        }
        ChannelError::Session(SessionError::WrongEcho) => Some("wrong_echo"),
        ChannelError::Handshake => Some("channel_handshake"),
        _ => None,
    }
}

async fn exchange<T: Serialize>(
    broker: &PeerConnection,
    channel: &Channel,
    header: &Header,
    outgoing: Outgoing<'_, T>,
) -> Result<OpenedBody, PortalError> {
    let hop = Hop { sender_code: outgoing.person, permit: None, leave: None };
    let mut request = open_request(broker, header, &hop).await.map_err(ChannelError::from)?;
    let message = chukei_wire::codec::encode(&(outgoing.message)(request.header_hash));
    let message = zeroize::Zeroizing::new(message.map_err(ChannelError::from)?);
    let sealed = channel.seal_body(request.header_hash, None, &message, 0)?;
    write_sealed(&mut request.send, sealed).await.map_err(ChannelError::from)?;
    request.send.finish().await.map_err(ChannelError::from)?;
    match request.read_status().await.map_err(ChannelError::from)? {
        Outcome::Answered => {}
        Outcome::ChannelUnknown => return Err(PortalError::ChannelOver(ResultName::NotReady)),
        Outcome::Refused(result @ ResultName::IntegrityStop) => return Err(PortalError::ChannelOver(result)),
        Outcome::Refused(result @ (ResultName::PermitExpired | ResultName::Replay)) => {
            return Err(PortalError::NotNow(result));
        }
        Outcome::Refused(result) => return Err(PortalError::Refused(result)),
        Outcome::RetryAfter(result, _) => return Err(PortalError::NotNow(result)),
    }
    let raw = read_sealed(&mut request.recv, SEALED_BODY_MAX).await.map_err(ChannelError::from)?;
    Ok(channel.open_body(request.header_hash, outgoing.bindings, &raw)?)
}

async fn channel(
    node: &Node,
    body: &HostedBody,
    broker: &PeerConnection,
    deadline: Instant,
) -> Result<Arc<Channel>, PortalError> {
    let scope = Scope { portal: body.portal().to_owned(), body: body.code(), direction: Direction::ToPortal };
    let peers = node.peers().portal(&scope.portal).ok_or(PortalError::UnknownPortal)?.identities.clone();
    let set_up = header(node, body, Kind::ChannelSetup)?;
    let own = body.identity();
    let parties = Parties { own: &own, other: &peers };
    let opening = || async {
        // Here, because the failure of a replacement is nobody else's.
        initiate(broker, &set_up, parties, &node.clock).await.inspect_err(|error| {
            if let Some(kind) = mismatch(error) {
                node.metrics.alarm(kind, &set_up.request_id);
            }
        })
    };
    let channel = node.channels.get_or_setup(&scope, parties, node.clock.now_ms(), deadline, opening).await?;
    if channel.is_stopped() {
        node.channels.forget(&channel);
        return Err(PortalError::NotNow(ResultName::IntegrityStop));
    }
    Ok(channel)
}

fn header(node: &Node, body: &HostedBody, kind: Kind) -> Result<Header, PortalError> {
    let request_id = request_id::fresh(node.clock.now_ms()).map_err(ChannelError::from)?;
    Ok(Header {
        version: VERSION,
        kind,
        direction: Direction::ToPortal,
        request_id,
        body: Some(body.code()),
        portal: Some(body.portal().to_owned()),
        affair: None,
        datasets: Vec::new(),
        channel: None,
        deadline_ms: u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX),
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    })
}
