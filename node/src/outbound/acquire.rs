//! Acquisition numbers become linkage codes at a broker, which alone can open who they are about.

use std::time::Duration;

use chukei_relay_client::request_id;
use chukei_relay_client::session::open_request;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind, PersonCode};
use chukei_wire::message::control::{AcquireReply, AcquireRequest};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::app::Node;
use crate::bodies::call::CallError;
use crate::outbound::announce::hop_header;

/// Time for one batch, broker's public-key work included.
const WAIT: Duration = Duration::from_secs(30);

/// One code per part, in order; `None` where the broker knows no such number.
pub async fn codes(
    node: &Node,
    body: BodyCode,
    parts: Vec<Vec<u8>>,
) -> Result<Vec<Option<PersonCode>>, CallError> {
    let expected = parts.len();
    let not_now = || CallError::NotNow(ResultName::NotReady);
    let broker = node.broker(Instant::now() + WAIT).await.ok_or_else(not_now)?;
    let request_id = request_id::fresh(node.clock.now_ms()).map_err(|_| not_now())?;
    let header = hop_header(Kind::AcquireCodes, Some(body), request_id, WAIT);
    let exchange = async {
        let mut request = open_request(&broker, &header, &Hop::default()).await?;
        let message = AcquireRequest { parts: parts.into_iter().map(serde_bytes::ByteBuf::from).collect() };
        request.send.write_message(&message).await?;
        request.send.finish().await?;
        match request.read_status().await? {
            Outcome::Answered => Ok(Some(request.recv.read_message::<AcquireReply>().await?)),
            _ => Ok::<_, chukei_relay_client::session::SessionError>(None),
        }
    };
    let reply = exchange.await.map_err(|error| {
        tracing::warn!(%error, "codes not acquired");
        not_now()
    })?;
    reply.filter(|reply| reply.codes.len() == expected).map(|reply| reply.codes).ok_or_else(not_now)
}
