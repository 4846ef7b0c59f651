//! Why something would be allowed or refused, and reports about devices (R6).

use std::sync::Arc;

use chukei_access::explain::{Asked, Effect, Said};
use chukei_access::facts::{FactorKind, Zone};
use chukei_domain::register::{Entry, Health, HealthState};
use chukei_wire::identity::Identity;
use chukei_wire::limits::DATASETS_MAX;
use chukei_wire::message::access::{ExplainReply, ExplainRequest, PolicySaid, SignalRequest};
use chukei_wire::result::ResultName;

use crate::access::endpoint::{ENDPOINTS, Endpoint, Entrance};
use crate::access::facts::Inquiry;
use crate::access::grant::{Grant, Operate, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::session::ShownFactors;
use crate::register::Change;

/// Decides on what is described, and does nothing of it.
pub async fn explain(node: &Arc<Node>, grant: &Grant<Operate>, call: &mut Call) -> Result<Done, CallError> {
    let request: ExplainRequest = call.request().await?;
    let inquiry = supposed(node, grant, &request)?;
    let explained = inquiry.judged(|facts| node.policies.explain(facts));
    let reply = ExplainReply {
        refused: explained.verdict.outcome.result(),
        reasons: explained.verdict.reasons.iter().map(ToString::to_string).collect(),
        version: explained.verdict.policy_version.to_string(),
        policies: u32::try_from(explained.policies.len()).unwrap_or(u32::MAX),
    };
    call.reply(&reply).await?;
    let count = explained.policies.len();
    for policy in explained.policies {
        call.reply(&said(policy)).await?;
    }
    Ok(Done::of(count))
}

/// The operation that is described, as it would be begun.
fn supposed(node: &Node, grant: &Grant<Operate>, request: &ExplainRequest) -> Result<Inquiry, ResultName> {
    let own = grant.inquiry().ok_or(ResultName::NotPermitted)?;
    let mut inquiry = Inquiry::clone(&own);
    if let Some(identity) = &request.identity {
        inquiry.identity = identity.parse().map_err(|_| ResultName::BadFormat)?;
    }
    // Of other bodies' people nothing is known here.
    if inquiry.identity.body().is_some_and(|body| Some(body) != inquiry.body) {
        return Err(ResultName::NotFound);
    }
    if inquiry.identity != own.identity {
        inquiry.device = None;
        inquiry.factors = ShownFactors::certificate();
        let upkeep = matches!(inquiry.identity, Identity::Operator(_) | Identity::Maintenance(_));
        inquiry.platform = upkeep.then(|| node.platform.now(inquiry.now_ms));
        // What other bodies say of the platform's devices is not this one's to know.
        inquiry.neighbours = inquiry.about.iter().filter(|_| upkeep).cloned().collect();
        inquiry.own = inquiry.own.filter(|_| inquiry.identity.body().is_some());
        inquiry.pattern = node.patterns.so_far(&inquiry.identity.to_string());
    }
    inquiry.line = line(&request.action, &inquiry.identity).ok_or(ResultName::NotFound)?;
    suppose(&mut inquiry, request)?;
    Ok(inquiry)
}

fn suppose(inquiry: &mut Inquiry, request: &ExplainRequest) -> Result<(), ResultName> {
    let bad = ResultName::BadFormat;
    if let Some(device) = &request.device {
        inquiry.device = Some(device_of(inquiry, device).ok_or(bad)?);
    }
    if let Some(zone) = &request.zone {
        let known = [Zone::Closed, Zone::Lgwan, Zone::Internet];
        inquiry.zone = known.into_iter().find(|known| known.as_str() == zone).ok_or(bad)?;
    }
    if let Some(kinds) = &request.factors {
        let kinds: Option<Vec<FactorKind>> = kinds.iter().map(|kind| factor_kind(kind)).collect();
        inquiry.factors = ShownFactors::supposed(kinds.ok_or(bad)?, request.stepped_up_s);
    }
    if request.datasets.len() > DATASETS_MAX {
        return Err(bad);
    }
    let datasets: Result<Vec<_>, _> = request.datasets.iter().map(|code| code.parse()).collect();
    inquiry.datasets = datasets.map_err(|_| bad)?;
    inquiry.affair = request.affair.as_ref().map(|code| code.parse()).transpose().map_err(|_| bad)?;
    inquiry.now_ms = request.at_ms.unwrap_or(inquiry.now_ms);
    inquiry.ticket = request.ticket.clone();
    let pattern = &mut inquiry.pattern;
    pattern.requests_in_minute = request.requests.unwrap_or(pattern.requests_in_minute);
    pattern.persons_in_ten_minutes = request.persons.unwrap_or(pattern.persons_in_ten_minutes);
    Ok(())
}

/// A device by its name in the inventory: the body's own, or the whole URI of one of the platform's.
fn device_of(inquiry: &Inquiry, name: &str) -> Option<Identity> {
    let uri = match inquiry.body {
        Some(body) if !name.contains('/') => format!("chukei://body/{body}/device/{name}"),
        _ => name.to_owned(),
    };
    uri.parse().ok().filter(|device| matches!(device, Identity::Device(..)))
}

fn factor_kind(name: &str) -> Option<FactorKind> {
    match name {
        "knowledge" => Some(FactorKind::Knowledge),
        "possession" => Some(FactorKind::Possession),
        "biometrics" => Some(FactorKind::Biometrics),
        _ => None,
    }
}

/// The line of the table by which this identity would do the action.
fn line(action: &str, identity: &Identity) -> Option<&'static Endpoint> {
    let entrance = match identity {
        Identity::Portal(_) => Entrance::Broker,
        Identity::Operator(_) | Identity::Maintenance(_) => Entrance::Upkeep,
        _ => Entrance::Staff,
    };
    let mut lines = ENDPOINTS.iter().filter(|line| line.action == action);
    let first = lines.clone().next();
    lines.find(|line| line.entrance == entrance).or(first)
}

fn said(policy: Asked) -> PolicySaid {
    PolicySaid {
        id: policy.id.to_string(),
        rule: policy.rule,
        effect: match policy.effect {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
            Effect::StepUp => "step_up",
        }
        .to_owned(),
        said: match policy.said {
            Said::Applies => "applies",
            Said::Lifted => "lifted",
            Said::DoesNotApply => "does_not_apply",
            Said::NotEvaluated => "not_evaluated",
        }
        .to_owned(),
        reason_en: policy.reason_en,
        reason_ja: policy.reason_ja,
        inputs: policy.inputs.into_iter().map(|input| (input.name.to_owned(), input.value)).collect(),
    }
}

/// Takes a report about a device; durable when it is answered, and felt by the very next operation.
pub async fn signal(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let SignalRequest { device, healthy } = call.request().await?;
    let now_ms = node.clock.now_ms();
    let state = if healthy { HealthState::Healthy } else { HealthState::Unhealthy };
    let report = Entry::Health(Health { device, state, at_ms: now_ms });
    let change = Change { put: vec![report], ..Change::default() };
    grant.body().change_register(grant, change, now_ms).await?;
    Ok(Done::of(1))
}
