//! A person's own information (自己情報提供): from the verified permit to the released answer.
//!
//! What must hold: one immutable job per request (R30); nothing leaves before `authorised` is durable; a request
//! is answered once; every provision and every refusal leaves its events.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::channel::{ChannelUnusable, Scope as ChannelScope, read_sealed};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
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
use crate::inbound::answer::{Prepared, prepare};
use crate::inbound::hop::{BrokerHop, refuse};
use crate::inbound::job::Job;
use crate::inbound::release::release;

/// Longest sealed request, bytes of content.
const REQUEST_MAX: usize = 1024;

/// Why a request is not taken on.
struct NotTaken {
    outcome: Outcome,
    /// The body's log gets its event where there is one.
    refusal: Option<(BodyScope, Told)>,
}

impl NotTaken {
    fn outside(result: ResultName) -> Self {
        Self { outcome: Outcome::Refused(result), refusal: None }
    }
}

/// Serves one request.
pub async fn serve(node: &Arc<Node>, hop: &BrokerHop, mut request: AcceptedRequest) -> ResultName {
    let job = match take_on(node, hop, &mut request).await {
        Ok(job) => Arc::new(job),
        Err(not_taken) => return decline(node, not_taken, &mut request).await,
    };
    let (of, held) = (node.clone(), job.clone());
    let work = async move { authorise(&of, &held).await };
    let limit = node.body_limits.of(job.header.body);
    limit.charge(Way::In, job.sealed.length());
    // What its sender gives it.
    let deadline = Duration::from_millis(u64::from(request.header.deadline_ms));
    let outcome = match node.admission.run(limit, deadline, work).await {
        Ok(Ok(prepared)) => {
            limit.charge(Way::Out, prepared.sealed.as_ref().map_or(0, |sealed| sealed.frames.len()));
            return release(node, &job, prepared, request).await;
        }
        Ok(Err(error)) => {
            tracing::error!(request_id = %request.header.request_id, %error, "the log cannot be written");
            NOT_READY
        }
        Err(not_done) => shed(node, not_done),
    };
    refuse(&mut request, outcome).await
}

fn shed(node: &Node, not_done: NotDone) -> Outcome {
    match not_done {
        NotDone::Shed(shed) => {
            node.metrics.count_shed(shed.reason);
            shed.outcome()
        }
        NotDone::DeadlinePassed => Outcome::RetryAfter(ResultName::Overloaded, RETRY_AFTER_MS),
    }
}

/// Prepares the answer and makes its event durable; only then may it be released.
async fn authorise(node: &Node, job: &Job) -> Result<Prepared, AuditError> {
    let now_ms = node.clock.now_ms();
    let prepared = prepare(node, job, now_ms).await;
    let actor = job.grant.scope().actor();
    let mut why = job.why.clone();
    if let Some(late) = job.asked.as_ref().and_then(|asked| asked.late()) {
        why = late.why;
        node.observe(late.observed);
    }
    let told = Told::of(&job.header, job.hash, &job.permit, actor).because(why);
    let (verdict, person) = (prepared.verdict, prepared.person);
    job.grant.body().audit().decided(told, verdict, person, prepared.result, now_ms).await?;
    Ok(prepared)
}

async fn take_on(node: &Node, hop: &BrokerHop, request: &mut AcceptedRequest) -> Result<Job, NotTaken> {
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
    Ok(Job { grant, why, asked, permit, channel, hash: request.header_hash, header, sealed })
}

fn channel_of(header: &chukei_wire::header::Header) -> Option<(ChannelScope, ChannelId)> {
    Some((ChannelScope::of(header)?, header.channel?))
}

fn replay_outcome(node: &Node, result: ResultName) -> Outcome {
    if result == ResultName::Overloaded {
        node.metrics.count_shed(Reason::Room);
        return Outcome::RetryAfter(result, RETRY_AFTER_MS);
    }
    Outcome::Refused(result)
}

/// Tells the broker that there is no answer, after the refusal's event is durable.
async fn decline(node: &Node, not_taken: NotTaken, request: &mut AcceptedRequest) -> ResultName {
    if let (Some((scope, told)), Outcome::Refused(result)) = (not_taken.refusal, &not_taken.outcome) {
        let now_ms = node.clock.now_ms();
        let logged = scope.body().audit().decided(told, Verdict::Refused, None, *result, now_ms).await;
        if let Err(error) = logged {
            tracing::error!(request_id = %request.header.request_id, %error, "the log cannot be written");
            return refuse(request, NOT_READY).await;
        }
    }
    refuse(request, not_taken.outcome).await
}
