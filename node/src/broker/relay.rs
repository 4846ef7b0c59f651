//! One passage: rights were checked, now person, permit and route; then both directions are passed on unread.
//!
//! What must hold: the end-to-end part goes on byte for byte; no reply is released before the exchange record is
//! durable; a reply that echoes another request is released to nobody (R32, R35); an end, a reset and the
//! deadline of one side reach the other. Payloads are handed over as they come: never gathered, opened or kept.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::{CloseCode, ConnectionError};
use chukei_relay_client::permit::PermitBasis;
use chukei_relay_client::session::{
    AcceptedRequest, OpenRequest, SessionError, forward_request, put_status, read_status,
};
use chukei_relay_client::stream::{RecvHalf, ResetCode, SendHalf, StreamError, splice};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::id::HeaderHash;
use chukei_wire::result::ResultName;

use crate::admission::RETRY_AFTER_MS;
use crate::broker::Broker;
use crate::broker::ending::{Ending, NOT_READY, end, is_misuse, linger};
use crate::broker::exchange::{Durable, ExchangeError, OpenExchange, Opening};
use crate::broker::peer::Peer;
use crate::broker::rights::Passage;

/// Bytes passed on in one direction: the largest sealed body with its padding, tags and frames.
const SEALED_MAX: u64 = 10 * 1024 * 1024;
/// Bytes passed on in one direction of a channel's set-up.
const SETUP_MAX: u64 = 256 * 1024;
/// How long a receiver with every stream in use is waited for.
const STREAM_WAIT: Duration = Duration::from_secs(1);

/// The receiver and what it is told.
struct Prepared {
    receiver: Arc<Peer>,
    hop: Hop,
    person: Option<u64>,
    permit_number: u64,
    permit_epoch: [u8; 16],
}

/// Passes `request` on, or says why not. Every refusal from here on stands in the records too.
pub(super) async fn relay(
    broker: &Arc<Broker>,
    asker: &Peer,
    passage: &Passage,
    mut request: AcceptedRequest,
) -> Result<Ending, SessionError> {
    let prepared = prepare(broker, passage, &request);
    let (person, permit_number) = prepared.as_ref().map_or((None, 0), |it| (it.person, it.permit_number));
    let permit_epoch = prepared.as_ref().ok().map(|it| it.permit_epoch);
    let opening = Opening {
        actor: asker.connection.identity(),
        header: &request.header,
        hash: request.header_hash,
        passage,
        person,
        permit_number,
        permit_epoch,
        legal_basis: broker.legal_basis(passage),
    };
    let slack = broker.metrics.slack();
    let (exchange, durable) = match broker.exchanges.open(slack, &opening, broker.clock.now_ms()) {
        Ok(recorded) => recorded,
        Err(error) => return unrecorded(&error, &mut request).await,
    };
    let opened = match prepared {
        Ok(prepared) => ask(prepared, &request).await,
        Err(outcome) => Err(outcome),
    };
    match opened {
        Ok(onward) => Ok(carry(broker, asker, request, onward, exchange, durable).await),
        Err(outcome) => {
            if let Err(error) = durable.confirmed().await {
                return unrecorded(&error, &mut request).await;
            }
            exchange.close(Ending::of(&outcome), broker.clock.now_ms());
            end(&mut request, outcome).await
        }
    }
}

async fn unrecorded(error: &ExchangeError, request: &mut AcceptedRequest) -> Result<Ending, SessionError> {
    tracing::error!(request_id = %request.header.request_id, %error, "not recorded");
    end(request, error.outcome()).await
}

/// Person, receiver and permit.
fn prepare(broker: &Broker, passage: &Passage, request: &AcceptedRequest) -> Result<Prepared, Outcome> {
    let refused = Outcome::Refused;
    let now_ms = broker.clock.now_ms();
    let peers = broker.peers.load();
    // Both, each time: who was struck off the list stops with the next request, connected or not.
    if !passage.asker().is_listed(&peers) || !passage.receiver().is_listed(&peers) {
        return Err(refused(ResultName::NotFound));
    }
    let person = match (passage.personal, request.hop.sender_code, &request.hop.permit) {
        (true, Some(code), None) => {
            let person = broker.codes.person(&passage.asker(), &code, now_ms);
            Some(person.map_err(|_| refused(ResultName::NotFound))?)
        }
        (false, None, None) => None,
        _ => return Err(refused(ResultName::BadFormat)),
    };
    let receiver = if passage.to_body {
        broker.routes.body(passage.body, now_ms)
    } else {
        broker.routes.portal(&passage.portal)
    };
    let receiver = receiver.ok_or(NOT_READY)?;
    let named = broker.named_in_permit(request.header.kind, passage, person);
    let codes = named.and_then(|person| broker.codes.pair(&passage.receiver(), person, now_ms));
    let basis = PermitBasis {
        person: codes.as_ref().map(|codes| codes.current),
        previous: codes.as_ref().and_then(|codes| codes.previous),
        legal_basis: broker.legal_basis(passage).to_owned(),
    };
    let permit = receiver.permits.issue(request.header_hash, basis, now_ms).ok_or(NOT_READY)?;
    let (permit_number, permit_epoch) = (permit.claims.number, permit.claims.epoch);
    Ok(Prepared {
        receiver,
        hop: Hop { sender_code: None, permit: Some(permit), leave: None },
        person,
        permit_number,
        permit_epoch,
    })
}

/// A stream to the receiver, with the head of the request on it.
struct Onward {
    receiver: Arc<Peer>,
    request: OpenRequest,
}

/// Opens the stream to the receiver.
async fn ask(prepared: Prepared, request: &AcceptedRequest) -> Result<Onward, Outcome> {
    let Prepared { receiver, hop, .. } = prepared;
    let opening = forward_request(&receiver.connection, &request.header_bytes, &hop, request.deadline());
    match tokio::time::timeout(STREAM_WAIT, opening).await {
        Ok(Ok(request)) => Ok(Onward { receiver, request }),
        failed => Err(not_opened(failed.ok().and_then(Result::err))),
    }
}

/// Passes both directions on until the answer is through.
async fn carry(
    broker: &Broker,
    asker: &Peer,
    request: AcceptedRequest,
    onward: Onward,
    exchange: OpenExchange,
    durable: Durable,
) -> Ending {
    let limit = if request.header.kind == Kind::ChannelSetup { SETUP_MAX } else { SEALED_MAX };
    let AcceptedRequest { header, header_hash, mut send, mut recv, .. } = request;
    let OpenRequest { send: mut onward_send, recv: mut onward_recv, .. } = onward.request;
    let reply = Reply { broker, receiver: &onward.receiver, header: &header, hash: header_hash, limit };
    let ending = {
        let mut asking = pin!(pass_on(&mut recv, &mut onward_send, limit, asker));
        let mut answering = pin!(reply.pass_back(&mut onward_recv, &mut send, durable));
        let mut asked = false;
        let ending = loop {
            tokio::select! {
                ending = &mut answering => break ending,
                () = &mut asking, if !asked => asked = true,
            }
        };
        exchange.close(ending, broker.clock.now_ms());
        if ending == Ending::Answered && !asked {
            // The asker may still have to say that it could open the answer.
            asking.await;
        }
        ending
    };
    if ending != Ending::Answered {
        linger(&mut recv).await;
    }
    ending
}

/// What the asker is told when the receiver could not be asked.
fn not_opened(failed: Option<SessionError>) -> Outcome {
    match failed {
        None | Some(SessionError::Stream(StreamError::Connection(ConnectionError::Deadline))) => {
            Outcome::RetryAfter(ResultName::Overloaded, RETRY_AFTER_MS)
        }
        Some(_) => NOT_READY,
    }
}

/// The asker's direction, until it ends. Failures of either side reach the other; the answer decides the rest.
async fn pass_on(from: &mut RecvHalf, to: &mut SendHalf, limit: u64, asker: &Peer) {
    match splice(from, to, limit).await {
        // Fails only where the receiver is gone, which its own direction tells.
        Ok(_) => drop(to.finish().await),
        // The receiver has read enough. Its answer is coming: a stop could reach the asker first.
        Err(StreamError::Stopped(_)) => linger(from).await,
        Err(StreamError::Reset(code)) => to.reset(reset_code(code)),
        Err(error) => {
            if error == StreamError::TooLong {
                asker.misused();
            }
            let code = code_of(&error);
            to.reset(code);
            from.stop(code);
        }
    }
}

/// The receiver's direction.
struct Reply<'a> {
    broker: &'a Broker,
    receiver: &'a Peer,
    header: &'a Header,
    hash: HeaderHash,
    limit: u64,
}

impl Reply<'_> {
    /// Status first, when the record is durable; then whatever follows it.
    async fn pass_back(&self, from: &mut RecvHalf, to: &mut SendHalf, durable: Durable) -> Ending {
        let (status, durable) = tokio::join!(read_status(from, self.hash), durable.confirmed());
        let outcome = match (status, durable) {
            (Ok(outcome), Ok(())) => outcome,
            (Err(error), _) => self.without_status(&error),
            (Ok(_), Err(error)) => {
                tracing::error!(request_id = %self.header.request_id, %error, "not recorded");
                error.outcome()
            }
        };
        match self.release(from, to, outcome).await {
            Ok(ending) => ending,
            Err(error) => {
                let code = match error {
                    SessionError::Stream(StreamError::Reset(code)) => reset_code(code),
                    SessionError::Stream(StreamError::Stopped(code)) => reset_code(code),
                    SessionError::Stream(error) => code_of(&error),
                    _ => ResetCode::Abandoned,
                };
                to.reset(code);
                from.stop(code);
                Ending::Aborted
            }
        }
    }

    async fn release(
        &self,
        from: &mut RecvHalf,
        to: &mut SendHalf,
        outcome: Outcome,
    ) -> Result<Ending, SessionError> {
        let ending = Ending::of(&outcome);
        put_status(to, self.hash, outcome).await?;
        if ending == Ending::Answered {
            let passed = splice(from, to, self.limit).await;
            if passed == Err(StreamError::TooLong) {
                self.receiver.misused();
            }
            passed?;
        }
        to.finish().await?;
        Ok(ending)
    }

    /// The receiver gave no status that could be passed back.
    fn without_status(&self, error: &SessionError) -> Outcome {
        if *error == SessionError::WrongEcho {
            self.broker.metrics.alarm("wrong_echo", &self.header.request_id);
            self.receiver.connection.close(CloseCode::IntegrityStop);
            return Outcome::Refused(ResultName::IntegrityStop);
        }
        if is_misuse(error) {
            self.receiver.misused();
        }
        tracing::info!(request_id = %self.header.request_id, %error, "no answer from the receiver");
        NOT_READY
    }
}

fn code_of(error: &StreamError) -> ResetCode {
    match error {
        StreamError::Deadline => ResetCode::Deadline,
        StreamError::TooLong | StreamError::Frame(_) => ResetCode::Misbehaved,
        _ => ResetCode::Abandoned,
    }
}

/// The code of one side, for the other.
fn reset_code(code: u64) -> ResetCode {
    [ResetCode::Deadline, ResetCode::Misbehaved, ResetCode::IntegrityStop]
        .into_iter()
        .find(|known| u64::from(*known as u8) == code)
        .unwrap_or(ResetCode::Abandoned)
}
