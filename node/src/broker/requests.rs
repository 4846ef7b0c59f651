//! One stream: its head, the right to it, admission, and the work it asks for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chukei_relay_client::session::{AcceptedRequest, SessionError, accept_request};
use chukei_relay_client::stream::{RecvHalf, SendHalf};
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::identity::Identity;
use chukei_wire::message::control::{Announce, TimeReply};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::admission::{NotDone, Reason};
use crate::broker::Broker;
use crate::broker::acquire::acquire;
use crate::broker::announce::verify;
use crate::broker::ending::{Ending, NOT_READY, end, is_misuse};
use crate::broker::peer::Peer;
use crate::broker::relay::relay;
use crate::broker::renew::renew;
use crate::broker::rights::{Way, way};
use crate::broker::{copies, hide, records, roots, witness};

/// Every wait of a request ends at its own deadline; this much later, whatever is left of it is dropped.
const BACKSTOP: Duration = Duration::from_secs(1);

/// Serves one stream of `peer`.
pub(super) async fn serve(broker: Arc<Broker>, peer: Arc<Peer>, send: SendHalf, recv: RecvHalf) {
    let request = match accept_request(send, recv).await {
        Ok(request) => request,
        Err(error) => {
            if is_misuse(&error) {
                tracing::info!(peer = %peer.connection.identity(), %error, "malformed request");
                peer.misused();
            }
            return;
        }
    };
    if request.header.kind == Kind::PermitRoots {
        // As long as the connection: neither in work nor under any limit but its own.
        return roots::serve(&broker, &peer, request).await;
    }
    let started = Instant::now();
    let (kind, request_id) = (request.header.kind, request.header.request_id);
    let _in_flight = broker.in_flight();
    let ending = serve_request(&broker, &peer, request).await.unwrap_or_else(|error| {
        if is_misuse(&error) {
            peer.misused();
        }
        tracing::info!(%request_id, %error, "broken off");
        Ending::Aborted
    });
    let seconds = started.elapsed().as_secs_f64();
    broker.metrics.requests.with_label_values(&[kind.as_str(), ending.as_str()]).inc();
    broker.metrics.request_seconds.with_label_values(&[kind.as_str()]).observe(seconds);
    if ending == Ending::Answered {
        tracing::debug!(%request_id, kind = kind.as_str(), seconds, "answered");
    } else {
        tracing::info!(%request_id, kind = kind.as_str(), ending = ending.as_str(), seconds, "not answered");
    }
}

async fn serve_request(
    broker: &Arc<Broker>,
    peer: &Arc<Peer>,
    mut request: AcceptedRequest,
) -> Result<Ending, SessionError> {
    let now_ms = broker.clock.now_ms();
    // A peer list that is over says nothing about anybody any more.
    if broker.is_draining() || broker.peers.load().not_after_ms() < now_ms {
        return end(&mut request, NOT_READY).await;
    }
    if let Err(not_admitted) = broker.log_disk.admits(request.header.kind) {
        broker.metrics.count_shed(Reason::LogDisk);
        return end(&mut request, not_admitted.outcome()).await;
    }
    let owns = |body| broker.routes.owns(peer, body, now_ms);
    match way(peer.connection.identity(), &request.header, owns) {
        Ok(way) => admit(broker, peer, way, request).await,
        Err(refusal) => end(&mut request, Outcome::Refused(refusal)).await,
    }
}

/// Runs the work under the limits. What is shed must still be answered (R40), so the request lies in a slot that
/// the work empties when it begins.
async fn admit(
    broker: &Arc<Broker>,
    peer: &Arc<Peer>,
    way: Way,
    request: AcceptedRequest,
) -> Result<Ending, SessionError> {
    let limit = broker.limits.of(&way, &broker.peers.load());
    let allowed = request.deadline().saturating_duration_since(Instant::now()) + BACKSTOP;
    let slot = Arc::new(Mutex::new(Some(request)));
    let work = {
        let (broker, peer, slot) = (broker.clone(), peer.clone(), slot.clone());
        async move {
            match take(&slot) {
                Some(request) => perform(&broker, &peer, way, request).await,
                None => Ok(Ending::Aborted),
            }
        }
    };
    match broker.admission.run(&limit, allowed, work).await {
        Ok(ending) => ending,
        Err(NotDone::DeadlinePassed) => Ok(Ending::Aborted),
        Err(NotDone::Shed(shed)) => {
            broker.metrics.count_shed(shed.reason);
            let Some(mut request) = take(&slot) else { return Ok(Ending::Aborted) };
            end(&mut request, shed.outcome()).await
        }
    }
}

fn take(slot: &Mutex<Option<AcceptedRequest>>) -> Option<AcceptedRequest> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

async fn perform(
    broker: &Arc<Broker>,
    peer: &Arc<Peer>,
    way: Way,
    mut request: AcceptedRequest,
) -> Result<Ending, SessionError> {
    match way {
        Way::Relay(passage) => relay(broker, peer, &passage, request).await,
        Way::Acquire(party) => acquire(broker, party, &mut request).await,
        Way::Renew(party) => renew(broker, peer, party, &mut request).await,
        Way::Records(party, _) => records::show(broker, peer, party, &mut request).await,
        Way::Undisclosed(party) => hide::hide(broker, peer, party, &mut request).await,
        Way::Announce => announce(broker, peer, &mut request).await,
        Way::Time => tell_time(broker, &mut request).await,
        Way::Witness => witness::serve(broker, peer, &mut request).await,
        Way::Copies => copies::serve(broker, peer, &mut request).await,
        Way::Heads => witness::serve_seen(broker, peer, &mut request).await,
    }
}

/// This broker's word on the time: what the asker's days end by depends on more than its own clock.
async fn tell_time(broker: &Broker, request: &mut AcceptedRequest) -> Result<Ending, SessionError> {
    request.put_status(Outcome::Answered).await?;
    request.send.write_message(&TimeReply { now_ms: broker.clock.now_ms() }).await?;
    request.send.finish().await?;
    Ok(Ending::Answered)
}

/// Takes the bodies of a node into the routes. Answered when at least one delegation stands, or none was shown.
async fn announce(
    broker: &Arc<Broker>,
    peer: &Arc<Peer>,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let announced: Announce = request.recv.read_message().await?;
    let Identity::Node(node) = peer.connection.identity().clone() else {
        return end(request, Outcome::Refused(ResultName::NotPermitted)).await;
    };
    let (peers, now_ms) = (broker.peers.load_full(), broker.clock.now_ms());
    let checked = {
        let node = node.clone();
        broker.public_key_work.run(move || verify(announced, &node, &peers, now_ms)).await
    };
    let Ok(verified) = checked else { return end(request, NOT_READY).await };
    let taken = broker.routes.announce(peer, &verified.standing, &verified.faulty, now_ms);
    // Once more: a list that came into force meanwhile has not seen these routes.
    broker.drop_unlisted_routes();
    tracing::info!(node, bodies = taken, left_out = verified.faulty.len(), "announced");
    let outcome = match verified.first_fault {
        Some(fault) if verified.standing.is_empty() => Outcome::Refused(fault),
        _ => Outcome::Answered,
    };
    end(request, outcome).await
}
