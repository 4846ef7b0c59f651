//! A portal sets up an end-to-end channel with a hosted body.
//!
//! The broker only carries the flights: both ends are pinned by the signed peer list, so that whoever answers in
//! the body's place, or asks in the portal's, fails the handshake.

use std::sync::Arc;

use chukei_relay_client::channel::{ChannelError, Parties, Scope, respond};
use chukei_relay_client::peers::Identities;
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::header::Direction;
use chukei_wire::result::ResultName;

use crate::admission::NOT_READY;
use crate::app::Node;
use crate::hosted::{HostedBody, NotServed};
use crate::inbound::hop::{BrokerHop, refuse};

/// Serves one set-up.
pub async fn serve(node: &Arc<Node>, hop: &BrokerHop, mut request: AcceptedRequest) -> ResultName {
    let (body, peers, scope) = match parties(node, &request) {
        Ok(parties) => parties,
        Err(NotServed::Unknown) => {
            return refuse(&mut request, Outcome::Refused(ResultName::NotFound)).await;
        }
        Err(NotServed::NotReady) => {
            return refuse(&mut request, NOT_READY).await;
        }
    };
    let now_ms = node.clock.now_ms();
    if node.holds.is_held(&scope, now_ms) {
        return refuse(&mut request, Outcome::Refused(ResultName::IntegrityStop)).await;
    }
    if let Err(result) = hop.verify(&request, now_ms) {
        return refuse(&mut request, Outcome::Refused(result)).await;
    }
    let own = body.identity();
    let parties = Parties { own: &own, other: &peers };
    match respond(&mut request, parties, &node.clock, &node.channels).await {
        Ok(_) => ResultName::Done,
        Err(error) => {
            if error == ChannelError::Handshake {
                // A stranger at the other end, or somebody changed, replayed or reflected a flight.
                node.metrics.alarm("channel_handshake", &request.header.request_id);
            }
            tracing::warn!(request_id = %request.header.request_id, %error, "channel not set up");
            ResultName::BadSignature
        }
    }
}

/// The body and the keys its portal is pinned to; an error for a body or portal that is not served here.
fn parties(
    node: &Node,
    request: &AcceptedRequest,
) -> Result<(Arc<HostedBody>, Identities, Scope), NotServed> {
    let scope = Scope::of(&request.header).filter(|scope| scope.direction == Direction::ToBody);
    let scope = scope.ok_or(NotServed::Unknown)?;
    let body = node.bodies.get(scope.body)?;
    let peers = node.peers().portal(&scope.portal).ok_or(NotServed::Unknown)?.identities.clone();
    Ok((body, peers, scope))
}
