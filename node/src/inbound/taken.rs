//! A request of the portal about one person, taken on: permit, scope, decision, channel, request id, sealed request; what
//! own information and the records about a person have in common.
//!
//! What must hold: nothing is read of a request before its permit was verified (R22); its id is used up once; every refusal
//! that can be told in a body's log is, before the broker learns of it.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::channel::{ChannelUnusable, Scope as ChannelScope, read_sealed};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::ChannelId;
use chukei_wire::result::ResultName;

use crate::access::decision::{Decided, Decision};
use crate::access::entered::Scope;
use crate::access::scope::BodyScope;
use crate::admission::{NOT_READY, NotDone, RETRY_AFTER_MS, Reason, Way};
use crate::app::Node;
use crate::audit::{AuditError, Told, Verdict};
use crate::bodies::caller::Caller;
use crate::hosted::NotServed;
use crate::inbound::hop::{BrokerHop, refuse};
use crate::inbound::job::Job;

/// Longest sealed request, bytes of content.
const REQUEST_MAX: usize = 1024;

/// Why a request is not taken on.
pub struct NotTaken {
    outcome: Outcome,
    /// The body's log gets its event where there is one.
    refusal: Option<(BodyScope, Told)>,
}

impl NotTaken {
    fn outside(result: ResultName) -> Self {
        Self { outcome: Outcome::Refused(result), refusal: None }
    }
}

/// Takes a request on.
pub async fn take_on(
    node: &Node,
    hop: &BrokerHop,
    request: &mut AcceptedRequest,
) -> Result<Arc<Job>, NotTaken> {
    let now_ms = node.clock.now_ms();
    let permit = hop.verify(request, now_ms).map_err(|result| {
        if result == ResultName::BadSignature {
            node.metrics.alarm("permit_signature", &request.header.request_id);
        }
        NotTaken::outside(result)
    })?;
    let header = request.header.clone();
    let scope = BodyScope::of_permit(&node.bodies, &permit, &header).map_err(|why| match why {
        NotServed::Unknown => NotTaken::outside(ResultName::NotFound),
        NotServed::NotReady => NotTaken { outcome: NOT_READY, refusal: None },
    })?;
    let portal = Caller::portal(header.portal.as_deref().unwrap_or_default());
    let decided = node.decide(&portal, Scope::Body(scope.clone()), &header, None);
    let Decided { outcome, why, observed, asked } = decided;
    node.observe(observed);
    let told = |outcome| NotTaken {
        outcome,
        refusal: Some((
            scope.clone(),
            Told::of(&header, request.header_hash, &permit, scope.actor()).because(why.clone()),
        )),
    };
    let grant = match outcome {
        Ok(Decision::Deliver(grant)) => grant,
        Ok(_) => return Err(told(Outcome::Refused(ResultName::NotPermitted))),
        Err(refusal) => return Err(told(Outcome::Refused(refusal))),
    };
    let (channel_scope, id) = channel_of(&header).ok_or_else(|| NotTaken::outside(ResultName::BadFormat))?;
    if node.holds.is_held(&channel_scope, now_ms) {
        return Err(told(Outcome::Refused(ResultName::IntegrityStop)));
    }
    let channel = match node.channels.get(id, &channel_scope, now_ms) {
        Ok(channel) => channel,
        Err(ChannelUnusable::Stopped) => return Err(told(Outcome::Refused(ResultName::IntegrityStop))),
        Err(ChannelUnusable::Unknown) => {
            // The portal sets up a new channel and asks again under a new id: nothing was refused.
            return Err(NotTaken { outcome: Outcome::ChannelUnknown, refusal: None });
        }
    };
    node.replay.take(header.request_id, now_ms).map_err(|result| told(replay_outcome(node, result)))?;
    let sealed = read_sealed(&mut request.recv, REQUEST_MAX).await.map_err(|error| {
        tracing::info!(request_id = %header.request_id, %error, "sealed request not read");
        told(Outcome::Refused(ResultName::BadFormat))
    })?;
    Ok(Arc::new(Job { grant, why, asked, permit, channel, hash: request.header_hash, header, sealed }))
}

fn channel_of(header: &Header) -> Option<(ChannelScope, ChannelId)> {
    Some((ChannelScope::of(header)?, header.channel?))
}

fn replay_outcome(node: &Node, result: ResultName) -> Outcome {
    if result == ResultName::Overloaded {
        node.metrics.count_shed(Reason::Room);
        return Outcome::RetryAfter(result, RETRY_AFTER_MS);
    }
    Outcome::Refused(result)
}

/// Does `work` for a request in the body's turn and the sender's time; the outer outcome where that fails.
pub async fn in_turn<T>(
    node: &Node,
    job: &Job,
    work: impl Future<Output = Result<T, AuditError>>,
) -> Result<T, Outcome> {
    let limit = node.body_limits.of(job.header.body);
    limit.charge(Way::In, job.sealed.length());
    // What its sender gives it.
    let deadline = Duration::from_millis(u64::from(job.header.deadline_ms));
    match node.admission.run(limit, deadline, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(request_id = %job.header.request_id, %error, "the log cannot be written");
            Err(NOT_READY)
        }
        Err(NotDone::Shed(shed)) => {
            node.metrics.count_shed(shed.reason);
            Err(shed.outcome())
        }
        Err(NotDone::DeadlinePassed) => Err(Outcome::RetryAfter(ResultName::Overloaded, RETRY_AFTER_MS)),
    }
}

/// What the log is told of a request, with what was learnt of it since it was taken on.
pub fn told(node: &Node, job: &Job) -> Told {
    let mut why = job.why.clone();
    if let Some(late) = job.asked.as_ref().and_then(|asked| asked.late()) {
        why = late.why;
        node.observe(late.observed);
    }
    Told::of(&job.header, job.hash, &job.permit, job.grant.scope().actor()).because(why)
}

/// Tells the broker that there is no answer, after the refusal's event is durable.
pub async fn decline(node: &Node, not_taken: NotTaken, request: &mut AcceptedRequest) -> ResultName {
    if let (Some((scope, told)), Outcome::Refused(result)) = (not_taken.refusal, &not_taken.outcome) {
        let (log, now_ms) = (scope.body().audit(), node.clock.now_ms());
        let logged = match request.header.kind {
            Kind::PersonRecords => log.records_asked(told, None, *result, now_ms).await,
            _ => {
                let slack = node.metrics.slack();
                let (_, durable) = log.decided(slack, told, Verdict::Refused, None, *result, now_ms);
                durable.await.map(|_| ()).map_err(AuditError::from)
            }
        };
        if let Err(error) = logged {
            tracing::error!(request_id = %request.header.request_id, %error, "the log cannot be written");
            return refuse(request, NOT_READY).await;
        }
    }
    refuse(request, not_taken.outcome).await
}
