//! Acquisition numbers become person codes of one party.
//!
//! What must hold: the party is the caller's, never the message's; a number that is unknown, foreign, altered or
//! over gives no code, and no reason (R1).

use std::sync::Arc;

use chukei_crypto::acquisition::open_broker_part;
use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::frame::Outcome;
use chukei_wire::header::PersonCode;
use chukei_wire::limits::ENROL_BATCH_ROWS;
use chukei_wire::message::control::{AcquireReply, AcquireRequest};
use chukei_wire::result::ResultName;

use crate::broker::Broker;
use crate::broker::codes::Party;
use crate::broker::ending::{Ending, NOT_READY, end};

/// Answers one batch.
pub(super) async fn acquire(
    broker: &Arc<Broker>,
    party: Party,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let asked: AcquireRequest = request.recv.read_message().await?;
    if !party.is_listed(&broker.peers.load()) {
        return end(request, Outcome::Refused(ResultName::NotFound)).await;
    }
    if asked.parts.len() > ENROL_BATCH_ROWS {
        return end(request, Outcome::Refused(ResultName::BadFormat)).await;
    }
    let worker = broker.clone();
    let now_ms = broker.clock.now_ms();
    let codes =
        broker.public_key_work.map(asked.parts, move |part| code(&worker, &party, &part, now_ms)).await;
    let Ok(codes) = codes else { return end(request, NOT_READY).await };
    request.put_status(Outcome::Answered).await?;
    request.send.write_message(&AcquireReply { codes }).await?;
    request.send.finish().await?;
    Ok(Ending::Answered)
}

fn code(broker: &Broker, party: &Party, part: &[u8], now_ms: u64) -> Option<PersonCode> {
    let peers = broker.peers.load();
    let registry = peers.registry();
    let person =
        open_broker_part(part, &broker.acquisition_key, registry, &party.to_string(), now_ms).ok()?;
    broker.codes.code(party, person, now_ms)
}
