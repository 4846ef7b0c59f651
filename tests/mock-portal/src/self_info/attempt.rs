//! One try: channel, request, reply, receipt.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::channel::{
    self, Channel, ChannelError, OpenedBody, Parties, Scope, read_sealed, write_sealed,
};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::session::{OpenRequest, SessionError, open_request};
use chukei_relay_client::stream::StreamError;
use chukei_wire::codec::{self, CodecError};
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Direction, Header, Hop, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::limits::SEALED_BODY_MAX;
use chukei_wire::message::binding;
use chukei_wire::message::self_info::SelfInfoRequest;
use chukei_wire::result::ResultName;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Asked, Tried, answer};
use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::SelfInfo;
use crate::request;

/// Why a try broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Random(#[from] chukei_crypto::random::RandomError),
}

impl From<StreamError> for Broken {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// Tries once, at most `until`. The id is that of the request, where one was sent.
pub(super) async fn attempt(
    core: &Core,
    broker: &PeerConnection,
    asked: &Asked,
    previous: Option<RequestId>,
    until: Instant,
) -> (Option<RequestId>, Tried) {
    let channel = match open_channel(core, broker, asked, until).await {
        Ok(channel) => channel,
        Err(broken) => return (None, explain(core, None, broken)),
    };
    let header = match own_header(core, asked, &channel, previous, until) {
        Ok(header) => header,
        Err(broken) => return (None, explain(core, None, broken)),
    };
    let id = header.request_id;
    let tried = match exchange(core, broker, asked, &channel, &header).await {
        Ok(tried) => tried,
        Err(broken) => explain(core, Some((&channel, id)), broken),
    };
    (Some(id), tried)
}

async fn open_channel(
    core: &Core,
    broker: &PeerConnection,
    asked: &Asked,
    until: Instant,
) -> Result<Arc<Channel>, Broken> {
    let now_ms = core.clock.now_ms();
    let scope = Scope { portal: core.name.clone(), body: asked.body, direction: Direction::ToBody };
    let peers = core.peers.load_full();
    let peer = peers.body(&asked.body).ok_or(ChannelError::Header)?;
    let own = core.identity.current();
    let parties = Parties { own: &own, other: &peer.identities };
    let set_up = || async {
        let mut header = request::header(now_ms, Kind::ChannelSetup, Direction::ToBody, left_ms(until))?;
        header.body = Some(asked.body);
        header.portal = Some(core.name.clone());
        channel::initiate(broker, &header, parties, &core.clock).await.inspect_err(|error| {
            if *error == ChannelError::Handshake {
                // Here, because the failure of a replacement is nobody else's.
                core.metrics.alarm("channel_handshake", &header.request_id);
            }
        })
    };
    Ok(core.channels.get_or_setup(&scope, parties, now_ms, until, set_up).await?)
}

fn own_header(
    core: &Core,
    asked: &Asked,
    channel: &Channel,
    previous: Option<RequestId>,
    until: Instant,
) -> Result<Header, Broken> {
    let header = request::header(core.clock.now_ms(), Kind::SelfInfo, Direction::ToBody, left_ms(until))?;
    Ok(Header {
        body: Some(asked.body),
        portal: Some(core.name.clone()),
        datasets: asked.datasets.clone(),
        channel: Some(channel.id()),
        retry_of: previous,
        authn_ref: Some(asked.login.authn_ref),
        ..header
    })
}

async fn exchange(
    core: &Core,
    broker: &PeerConnection,
    asked: &Asked,
    channel: &Channel,
    header: &Header,
) -> Result<Tried, Broken> {
    let hop = Hop { sender_code: Some(asked.person.code), permit: None, leave: None };
    let mut open = open_request(broker, header, &hop).await?;
    let hash = open.header_hash;
    let content = codec::encode(&SelfInfoRequest { binding_tags: binding::prove(&asked.bindings, hash) })?;
    write_sealed(&mut open.send, channel.seal_body(hash, None, &content, 0)?).await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Ok(not_answered(core, channel, other)),
    }
    let raw = read_sealed(&mut open.recv, SEALED_BODY_MAX).await?;
    let opened = channel.open_body(hash, Some(&asked.bindings), &raw)?;
    Ok(Tried::Ended(take(core, asked, channel, header.request_id, &opened, open)))
}

/// Checks an opened answer, keeps it in the folder and proves that it was opened.
fn take(
    core: &Core,
    asked: &Asked,
    channel: &Channel,
    id: RequestId,
    opened: &OpenedBody,
    open: OpenRequest,
) -> Result<SelfInfo, Failure> {
    let shown = answer::check(opened, &asked.datasets, asked.body, id).map_err(|name| {
        // Whatever it is, it is not an answer to this request about this person (R30, R35).
        let kind = if name == ResultName::SubjectMismatch { "subject_mismatch" } else { "answer" };
        core.metrics.alarm(kind, &id);
        channel.stop();
        Failure::refused(name)
    })?;
    let kept = Zeroizing::new(opened.content().to_vec());
    core.folders.keep(asked.login, kept, core.clock.now_ms())?;
    tokio::spawn(prove(open, opened.receipt()));
    answer::outcome(shown)
}

/// Sends the receipt tag and waits for the end of the reply, so that the broker sees an orderly one.
async fn prove(mut open: OpenRequest, receipt: [u8; 16]) {
    let sent = async {
        open.send.write_frame(FrameType::Message, &receipt).await?;
        open.send.finish().await?;
        open.recv.expect_end().await
    };
    if let Err(error) = sent.await {
        // The person has the answer; the body records the delivery as unknown.
        tracing::warn!(%error, "a receipt was not taken");
    }
}

fn not_answered(core: &Core, channel: &Channel, outcome: Outcome) -> Tried {
    match outcome {
        Outcome::RetryAfter(name, wait_ms) => {
            Tried::Again(Duration::from_millis(u64::from(wait_ms)), Failure::refused(name))
        }
        Outcome::ChannelUnknown => {
            core.channels.forget(channel);
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::NotReady))
        }
        Outcome::Refused(ResultName::IntegrityStop) => {
            core.channels.forget(channel);
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::IntegrityStop))
        }
        Outcome::Refused(ResultName::PermitExpired) => {
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::PermitExpired))
        }
        Outcome::Refused(name) => Tried::Ended(Err(Failure::refused(name))),
        Outcome::Answered => Tried::Ended(Err(Failure::internal("answered twice"))),
    }
}

/// What a broken try means: a mismatch ends it with an alarm, everything else may be tried again.
fn explain(core: &Core, sent: Option<(&Channel, RequestId)>, broken: Broken) -> Tried {
    let alarm = |kind: &'static str| match sent {
        Some((channel, id)) => {
            channel.stop();
            core.metrics.alarm(kind, &id);
        }
        None => core.metrics.alarm(kind, &"-"),
    };
    match broken {
        Broken::Channel(ChannelError::NotAnswered(Outcome::RetryAfter(name, wait_ms))) => {
            Tried::Again(Duration::from_millis(u64::from(wait_ms)), Failure::refused(name))
        }
        Broken::Channel(ChannelError::NotAnswered(Outcome::Refused(name))) => {
            Tried::Ended(Err(Failure::refused(name)))
        }
        Broken::Channel(ChannelError::Handshake) => {
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::IntegrityFailure))
        }
        Broken::Channel(
            ChannelError::Integrity | ChannelError::UnknownSuite(_) | ChannelError::BindingMissing,
        ) => {
            alarm("sealed_body");
            Tried::Ended(Err(Failure::refused(ResultName::IntegrityFailure)))
        }
        Broken::Channel(ChannelError::Session(SessionError::WrongEcho))
        | Broken::Session(SessionError::WrongEcho) => {
            alarm("wrong_echo");
            Tried::Ended(Err(Failure::refused(ResultName::IntegrityFailure)))
        }
        Broken::Channel(ChannelError::Withdrawn) => {
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::NotReady))
        }
        Broken::Channel(ChannelError::Stopped) => {
            Tried::Again(Duration::ZERO, Failure::refused(ResultName::IntegrityStop))
        }
        other => {
            tracing::warn!(error = %other, "a try broke off");
            Tried::Again(Duration::ZERO, Failure::unavailable("the body could not be reached"))
        }
    }
}

fn left_ms(deadline: Instant) -> u32 {
    let left = deadline.saturating_duration_since(Instant::now());
    u32::try_from(left.as_millis()).unwrap_or(u32::MAX)
}
