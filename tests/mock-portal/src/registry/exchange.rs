//! The portal's own codes for new persons: the broker's parts of their numbers, exchanged at the broker.
//!
//! Exchanging again gives the same codes, so a lost connection is simply another try.

use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::session::{SessionError, open_request};
use chukei_relay_client::stream::StreamError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Hop, Kind, PersonCode};
use chukei_wire::message::control::{AcquireReply, AcquireRequest};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;
use tokio::time::Instant;

use crate::core::Core;
use crate::failure::Failure;
use crate::request;

/// Time one try may take, milliseconds.
const TRY_MS: u32 = 30_000;
/// Wait before another try where the broker names none.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Random(#[from] RandomError),
}

enum Tried {
    Codes(Vec<Option<PersonCode>>),
    Again(Duration),
    Refused(ResultName),
}

/// One code per part, in order.
pub(super) async fn exchange(
    core: &Core,
    links: &Dialer,
    parts: Vec<ByteBuf>,
    deadline: Instant,
) -> Result<Vec<PersonCode>, Failure> {
    let request = AcquireRequest { parts };
    loop {
        let broker = links.wait_any(deadline).await;
        let broker = broker.ok_or_else(|| Failure::unavailable("no broker is connected"))?;
        let tried = attempt(core, &broker, &request).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "exchange of acquisition numbers failed; trying again");
            Tried::Again(PAUSE)
        });
        match tried {
            Tried::Codes(codes) if codes.len() == request.parts.len() => {
                let all: Option<Vec<PersonCode>> = codes.into_iter().collect();
                return all.ok_or_else(|| Failure::refused(ResultName::CodeNotAcquired));
            }
            Tried::Codes(_) => return Err(Failure::refused(ResultName::IntegrityFailure)),
            Tried::Refused(name) => return Err(Failure::refused(name)),
            Tried::Again(wait) if Instant::now() + wait < deadline => tokio::time::sleep(wait).await,
            Tried::Again(_) => return Err(Failure::unavailable("the broker does not exchange numbers now")),
        }
    }
}

async fn attempt(
    core: &Core,
    broker: &PeerConnection,
    parts: &AcquireRequest,
) -> Result<Tried, AttemptError> {
    let mut header = request::header(core.clock.now_ms(), Kind::AcquireCodes, Direction::Hop, TRY_MS)?;
    header.portal = Some(core.name.clone());
    let mut open = open_request(broker, &header, &Hop::default()).await?;
    open.send.write_message(parts).await?;
    open.send.finish().await?;
    Ok(match open.read_status().await? {
        Outcome::Answered => Tried::Codes(open.recv.read_message::<AcquireReply>().await?.codes),
        Outcome::Refused(name) => Tried::Refused(name),
        Outcome::RetryAfter(_, wait) => Tried::Again(Duration::from_millis(u64::from(wait))),
        Outcome::ChannelUnknown => Tried::Refused(ResultName::BadFormat),
    })
}
