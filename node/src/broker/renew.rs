//! A party's own codes become those of the current version, and the party learns which versions live.
//!
//! What must hold: the party is the caller's, never the message's; a code that is nobody's, another party's, or of a
//! version that is over gives no code, and no reason (R1); what was renewed stands in the records before it is told;
//! nobody renews without bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// Messages of one party in one [`WINDOW`]: 8,192 codes, so that a body of a million persons needs two minutes.
const MESSAGES: u32 = 32;
/// In which messages are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// How often each party has asked in the running window. Parties of the peer list alone are counted, which bounds it.
#[derive(Default)]
pub(super) struct RenewalRate(Mutex<HashMap<Party, (Instant, u32)>>);

impl RenewalRate {
    /// Counts one message of `party`; otherwise how long it has to wait.
    fn admit(&self, party: &Party, now: Instant) -> Result<(), Duration> {
        let mut parties = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, messages) = parties.entry(party.clone()).or_insert((now, 0));
        let passed = now.saturating_duration_since(*begun);
        if passed >= WINDOW {
            (*begun, *messages) = (now, 0);
        } else if *messages >= MESSAGES {
            return Err(WINDOW - passed);
        }
        *messages += 1;
        Ok(())
    }
}

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
    if let Err(wait) = broker.renewals.admit(&party, Instant::now()) {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
        return end(request, Outcome::RetryAfter(ResultName::Overloaded, wait_ms)).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r40_a_party_renews_at_a_bounded_rate_and_slows_nobody_else() {
        let rate = RenewalRate::default();
        let [one, other] = ["mynaportal", "another"].map(|name| Party::Portal(name.into()));
        let now = Instant::now();
        for _ in 0..MESSAGES {
            assert_eq!(rate.admit(&one, now), Ok(()));
        }
        assert_eq!(rate.admit(&one, now + WINDOW / 4), Err(WINDOW * 3 / 4));
        assert_eq!(rate.admit(&other, now), Ok(()));
        assert_eq!(rate.admit(&one, now + WINDOW), Ok(()));
    }
}
