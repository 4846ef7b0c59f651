//! A party's own codes become those of the current version, and the party learns which versions live.
//!
//! What must hold: the party is the caller's, never the message's; a code that is nobody's, another party's, or of a
//! version that is over gives no code, and no reason (R1); what was renewed stands in the records before it is told;
//! nobody renews without bound.

use std::sync::Arc;

use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::frame::Outcome;
use chukei_wire::limits::RENEW_BATCH_CODES;
use chukei_wire::message::control::{RenewReply, RenewRequest};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::broker::Broker;
use crate::broker::codes::Party;
use crate::broker::ending::{Ending, NOT_READY, end};
use crate::broker::exchange::Renewal;
use crate::broker::peer::Peer;

/// Messages of one party in a second: 8,192 codes, so that a body of a million persons needs two minutes.
pub(super) const RENEWALS: u32 = 32;

/// Answers one message.
pub(super) async fn renew(
    broker: &Arc<Broker>,
    peer: &Peer,
    party: Party,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let asked: RenewRequest = request.recv.read_message().await?;
    if !party.is_listed(&broker.peers.load()) {
        return end(request, Outcome::Refused(ResultName::NotFound)).await;
    }
    if asked.codes.len() > RENEW_BATCH_CODES {
        return end(request, Outcome::Refused(ResultName::BadFormat)).await;
    }
    if let Err(shed) = broker.renewals.admit(&party, RENEWALS, Instant::now()) {
        return end(request, shed).await;
    }
    let now_ms = broker.clock.now_ms();
    let Some(reply) = reply(broker, &party, &asked, now_ms) else { return end(request, NOT_READY).await };
    if !asked.codes.is_empty() {
        let renewed = reply.codes.iter().flatten().count() as u64;
        let renewal = Renewal {
            actor: peer.connection.identity(),
            party: &party,
            version: reply.current,
            renewed,
            refused: asked.codes.len() as u64 - renewed,
        };
        if let Err(error) = broker.exchanges.renewed(&renewal, now_ms).await {
            tracing::error!(request_id = %request.header.request_id, %error, "not recorded");
            return end(request, error.outcome()).await;
        }
    }
    request.put_status(Outcome::Answered).await?;
    request.send.write_message(&reply).await?;
    request.send.finish().await?;
    Ok(Ending::Answered)
}

fn reply(broker: &Broker, party: &Party, asked: &RenewRequest, now_ms: u64) -> Option<RenewReply> {
    let codes = asked.codes.iter().map(|code| {
        let person = broker.codes.person(party, code, now_ms).ok()?;
        broker.codes.code(party, person, now_ms)
    });
    Some(RenewReply {
        current: broker.codes.current_version(now_ms)?,
        live: broker.codes.live_versions(now_ms),
        codes: codes.collect(),
    })
}
