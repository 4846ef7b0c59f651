//! Asking a body for something about a person: through any connected broker, on a channel with the body, again where there
//! was no answer.
//!
//! What must hold: every try is a new request with its own id (R32), a repetition names the one it repeats; a mismatch ends
//! it and is never tried again (R35).

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::channel::{self, Channel, ChannelError, Parties, Scope};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::session::SessionError;
use chukei_relay_client::stream::StreamError;
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::CodecError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::core::Core;
use crate::failure::Failure;
use crate::folder::Login;
use crate::request;

/// Of the whole time one try gets this part: enough for a broker that fell silent to be noticed and another,
/// or the same one restarted, to answer.
pub(crate) const TRY_PART: u32 = 4;
/// First and longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How a try ended.
pub(crate) enum Tried<T> {
    /// For good.
    Ended(Result<T, Failure>),
    /// Not answered: another try may succeed, after at least this long.
    Again(Duration, Failure),
}

/// Why a try broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
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

/// One try: through which broker, as the repetition of which request, and until when.
pub(crate) struct Try {
    pub(crate) broker: PeerConnection,
    pub(crate) previous: Option<RequestId>,
    pub(crate) until: Instant,
}

/// Tries until there is an answer or the time is over. A try says its request's id, where one was sent.
pub(crate) async fn repeated<T, F>(
    links: &Dialer,
    deadline: Instant,
    try_time: Duration,
    attempt: impl Fn(Try) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = (Option<RequestId>, Tried<T>)>,
{
    let mut previous: Option<RequestId> = None;
    let mut silent: Option<usize> = None;
    let (mut pause, longest) = PAUSE;
    loop {
        let Some(broker) = another(links, silent, deadline).await else {
            return Err(Failure::unavailable("no broker is connected"));
        };
        silent = Some(broker.id());
        let until = deadline.min(Instant::now() + try_time);
        let (id, tried) = attempt(Try { broker, previous, until }).await;
        let (wait, reason) = match tried {
            Tried::Ended(result) => return result,
            Tried::Again(wait, reason) => (wait.max(pause), reason),
        };
        tracing::info!(request_id = ?id, reason = reason.code, "not answered; asking again");
        if Instant::now() + wait >= deadline {
            return Err(reason);
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(longest);
        previous = id.or(previous);
    }
}

/// A live connection, if possible not the one that gave no answer.
async fn another(links: &Dialer, silent: Option<usize>, deadline: Instant) -> Option<PeerConnection> {
    let any = links.wait_any(deadline).await?;
    if Some(any.id()) != silent {
        return Some(any);
    }
    Some(links.all().into_iter().find(|peer| Some(peer.id()) != silent).unwrap_or(any))
}

/// One try: the channel with a body, a header on it with no datasets, and what `exchange` makes of both. The id is that of the
/// request, where one was sent.
pub(crate) async fn on_channel<T, F>(
    core: &Core,
    of: &Try,
    (kind, body, login): (Kind, BodyCode, &Login),
    exchange: impl FnOnce(Arc<Channel>, Header) -> F,
) -> (Option<RequestId>, Tried<T>)
where
    F: Future<Output = Result<Tried<T>, Broken>>,
{
    let prepared = async {
        let channel = open_channel(core, body, of).await?;
        let header = header(core, kind, body, login, &channel, of)?;
        Ok((channel, header))
    };
    let (channel, header) = match prepared.await {
        Ok(prepared) => prepared,
        Err(broken) => return (None, explain(core, None, broken)),
    };
    let id = header.request_id;
    let exchanged = exchange(Arc::clone(&channel), header).await;
    (Some(id), exchanged.unwrap_or_else(|broken| explain(core, Some((&channel, id)), broken)))
}

/// The channel with a body, set up where there is none.
async fn open_channel(core: &Core, body: BodyCode, of: &Try) -> Result<Arc<Channel>, Broken> {
    let now_ms = core.clock.now_ms();
    let scope = Scope { portal: core.name.clone(), body, direction: Direction::ToBody };
    let peers = core.peers.load_full();
    let peer = peers.body(&body).ok_or(ChannelError::Header)?;
    let own = core.identity.current();
    let parties = Parties { own: &own, other: &peer.identities };
    let set_up = || async {
        let mut header = request::header(now_ms, Kind::ChannelSetup, Direction::ToBody, left_ms(of.until))?;
        header.body = Some(body);
        header.portal = Some(core.name.clone());
        channel::initiate(&of.broker, &header, parties, &core.clock).await.inspect_err(|error| {
            if *error == ChannelError::Handshake {
                // Here, because the failure of a replacement is nobody else's.
                core.metrics.alarm("channel_handshake", &header.request_id);
            }
        })
    };
    Ok(core.channels.get_or_setup(&scope, parties, now_ms, of.until, set_up).await?)
}

/// The header of a try on this channel.
fn header(
    core: &Core,
    kind: Kind,
    body: BodyCode,
    login: &Login,
    channel: &Channel,
    of: &Try,
) -> Result<Header, Broken> {
    let header = request::header(core.clock.now_ms(), kind, Direction::ToBody, left_ms(of.until))?;
    Ok(Header {
        body: Some(body),
        portal: Some(core.name.clone()),
        channel: Some(channel.id()),
        retry_of: of.previous,
        authn_ref: Some(login.authn_ref),
        ..header
    })
}

/// What an outer status other than an answer means.
pub(crate) fn not_answered<T>(core: &Core, channel: &Channel, outcome: Outcome) -> Tried<T> {
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
fn explain<T>(core: &Core, sent: Option<(&Channel, RequestId)>, broken: Broken) -> Tried<T> {
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
