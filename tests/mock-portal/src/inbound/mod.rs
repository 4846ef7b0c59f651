//! Requests that brokers bring from bodies: channel set-up, notices, status queries.
//!
//! What must hold: nothing is read of a request before its permit was checked (R22) and its id used up; what is
//! over the limit is answered OVERLOADED, never queued (R40). The window of used ids lives in memory: after a
//! restart every channel is gone, so that nothing sealed before opens again, and a delivery is stored once by
//! its own id.

mod delivery;
pub(crate) mod permits;
mod status;

use std::sync::Arc;

use chukei_relay_client::channel::{
    self, Channel, ChannelError, ChannelUnusable, OpenedBody, Parties, RawSealed, Scope, write_sealed,
};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Hook;
use chukei_relay_client::permit::{PermitReceiver, VerifiedPermit, follow_broker};
use chukei_relay_client::session::{AcceptedRequest, SessionError, accept_request};
use chukei_relay_client::stream::{RecvHalf, SendHalf};
use chukei_wire::codec;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use serde::Serialize;
use tokio::time::Instant;

use crate::core::Core;

/// Milliseconds after which a shed sender may try again.
const RETRY_AFTER_MS: u32 = 200;

/// How a request ended, for the counters.
type Ended = Result<ResultName, SessionError>;

/// Serves what comes in on each fresh connection to a broker, once the broker's roots are followed.
pub(crate) fn hook(core: Arc<Core>) -> Hook {
    Arc::new(move |_, connection| {
        let core = Arc::clone(&core);
        Box::pin(async move {
            let own = Identity::Portal(core.name.clone()).to_string();
            let broker = follow_broker(&core, &connection, &own, core.clock.now_ms()).await?;
            tokio::spawn(accept(core, connection, broker));
            Ok(())
        })
    })
}

async fn accept(core: Arc<Core>, connection: PeerConnection, broker: Arc<PermitReceiver>) {
    // Streams in flight are bounded by the transport.
    while let Ok((send, recv)) = connection.accept().await {
        tokio::spawn(serve(Arc::clone(&core), Arc::clone(&broker), send, recv));
    }
}

async fn serve(core: Arc<Core>, broker: Arc<PermitReceiver>, send: SendHalf, recv: RecvHalf) {
    let begun = Instant::now();
    let mut request = match accept_request(send, recv).await {
        Ok(request) => request,
        Err(error) => {
            tracing::warn!(%error, "a request's head was refused");
            core.metrics.count("unknown", ResultName::BadFormat.as_str(), begun.elapsed().as_secs_f64());
            return;
        }
    };
    let ended = answer(&core, &broker, &mut request).await;
    let result = match &ended {
        Ok(name) => name.as_str(),
        Err(error) => {
            tracing::warn!(request_id = %request.header.request_id, %error, "a body's request broke off");
            "BROKEN_OFF"
        }
    };
    core.metrics.count(request.header.kind.as_str(), result, begun.elapsed().as_secs_f64());
}

async fn answer(core: &Core, broker: &PermitReceiver, request: &mut AcceptedRequest) -> Ended {
    let Ok(_slot) = core.inbound.try_acquire() else {
        let name = ResultName::Overloaded;
        request.end_with(Outcome::RetryAfter(name, RETRY_AFTER_MS)).await?;
        return Ok(name);
    };
    let permit = match admit(core, broker, request) {
        Ok(permit) => permit,
        Err(name) => {
            if name == ResultName::BadSignature {
                core.metrics.alarm("permit_signature", &request.header.request_id);
            }
            return refuse(request, name).await;
        }
    };
    match request.header.kind {
        Kind::ChannelSetup => set_up(core, request).await,
        Kind::NoticeDelivery => delivery::take(core, request, &permit).await,
        Kind::NoticeStatus => status::report(core, request).await,
        _ => refuse(request, ResultName::PermitScope).await,
    }
}

/// Whether the request may be read at all: its permit.
fn admit(
    core: &Core,
    broker: &PermitReceiver,
    request: &AcceptedRequest,
) -> Result<VerifiedPermit, ResultName> {
    let header = &request.header;
    if !matches!(header.kind, Kind::ChannelSetup | Kind::NoticeDelivery | Kind::NoticeStatus) {
        return Err(ResultName::NotPermitted);
    }
    let here = header.direction == Direction::ToPortal && header.portal.as_ref() == Some(&core.name);
    if !here || header.body.is_none_or(|body| core.peers.load().body(&body).is_none()) {
        return Err(ResultName::NotFound);
    }
    let now_ms = core.clock.now_ms();
    let verified = broker.verify(request.hop.permit.clone(), header, request.header_hash, now_ms)?;
    core.window.take(header.request_id, now_ms)?;
    Ok(verified)
}

async fn set_up(core: &Core, request: &mut AcceptedRequest) -> Ended {
    let peers = core.peers.load_full();
    let body = request.header.body.and_then(|code| peers.body(&code));
    let Some(body) = body else { return refuse(request, ResultName::NotFound).await };
    let own = core.identity.current();
    let parties = Parties { own: &own, other: &body.identities };
    match channel::respond(request, parties, &core.clock, &core.channels).await {
        Ok(_) => Ok(ResultName::Done),
        Err(error) => {
            if error == ChannelError::Handshake {
                // Either end may be a stranger, or somebody changed a byte on the way.
                core.metrics.alarm("channel_handshake", &request.header.request_id);
            }
            tracing::warn!(%error, "a channel was not set up");
            Ok(ResultName::IntegrityFailure)
        }
    }
}

/// The channel a sealed request names, or the outer answer where there is none to use.
fn channel_of(core: &Core, request: &AcceptedRequest) -> Result<Arc<Channel>, Outcome> {
    let header = &request.header;
    let scope = Scope::of(header).ok_or(Outcome::ChannelUnknown)?;
    let id = header.channel.ok_or(Outcome::ChannelUnknown)?;
    core.channels.get(id, &scope, core.clock.now_ms()).map_err(|unusable| match unusable {
        ChannelUnusable::Unknown => Outcome::ChannelUnknown,
        ChannelUnusable::Stopped => Outcome::Refused(ResultName::IntegrityStop),
    })
}

/// Opens what a body has sealed. What does not open ends the request, and is an alarm where it is a mismatch.
async fn open(
    core: &Core,
    request: &mut AcceptedRequest,
    channel: &Channel,
    raw: &RawSealed,
) -> Result<Result<OpenedBody, ResultName>, SessionError> {
    match channel.open_body(request.header_hash, None, raw) {
        Ok(opened) => Ok(Ok(opened)),
        Err(ChannelError::Withdrawn) => {
            request.end_with(Outcome::ChannelUnknown).await?;
            Ok(Err(ResultName::NotReady))
        }
        Err(_) => {
            core.metrics.alarm("sealed_body", &request.header.request_id);
            channel.stop();
            refuse(request, ResultName::IntegrityFailure).await.map(Err)
        }
    }
}

/// Answers with a sealed message.
async fn reply<T: Serialize>(
    core: &Core,
    request: &mut AcceptedRequest,
    channel: &Channel,
    binding: Option<&chukei_crypto::binding::BindingSecret>,
    message: &T,
) -> Result<(), SessionError> {
    let content = codec::encode(message)?;
    let sealed = match channel.seal_body(request.header_hash, binding, &content, 0) {
        Ok(sealed) => sealed,
        Err(ChannelError::Withdrawn) => return request.end_with(Outcome::ChannelUnknown).await,
        Err(error) => {
            tracing::error!(request_id = %request.header.request_id, %error, "a reply could not be sealed");
            core.channels.stop(channel.id());
            return request.end_with(Outcome::Refused(ResultName::IntegrityStop)).await;
        }
    };
    request.put_status(Outcome::Answered).await?;
    write_sealed(&mut request.send, sealed).await?;
    Ok(request.send.finish().await?)
}

async fn refuse(request: &mut AcceptedRequest, name: ResultName) -> Ended {
    request.end_with(Outcome::Refused(name)).await?;
    Ok(name)
}
