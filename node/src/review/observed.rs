//! From decisions to the queues of the bodies that they concern.
//!
//! A refusal at another body concerns the body of whoever tried (R1: the other one learns nothing of it). What was
//! entered under another body's leave concerns both (R42).

use std::sync::Arc;

use chukei_domain::review::{Decided, Observation};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::observe::Observed;
use crate::app::Node;

/// The reason of a decision in which a policy could not be evaluated.
const NOT_EVALUATED: &str = "not_evaluated";

/// Looks at every decision until the node ends. A second one looks at nothing.
pub async fn watch(node: Arc<Node>) {
    let Some(mut decisions) = node.observer.subscribe() else { return };
    while let Some(observed) = decisions.recv().await {
        look(&node, &observed);
    }
}

/// Looks at one decision.
pub(super) fn look(node: &Node, observed: &Observed) {
    let identity = observed.identity.to_string();
    let elsewhere = observed.across.is_some() && hides(observed.refused);
    let delegation = match (observed.body, observed.across) {
        (Some(own), Some(other)) if !elsewhere => Some(format!("{own} for {other}")),
        _ => None,
    };
    let reasons: Vec<&str> = observed.reasons.iter().map(String::as_str).collect();
    let seen = Observation {
        identity: &identity,
        human: is_human(&observed.identity),
        action: observed.action,
        decided: decided(observed.refused),
        reasons: &reasons,
        not_evaluated: reasons.contains(&NOT_EVALUATED),
        persons: observed.persons,
        elsewhere,
        failed_factor: observed.action == "factor" && observed.refused.is_some(),
        delegation: delegation.as_deref(),
        device: observed.device.as_deref(),
        now_ms: observed.at_ms,
    };
    let concerned = observed.body.into_iter().chain(observed.across.filter(|_| delegation.is_some()));
    for body in concerned.filter_map(|code| node.bodies.opened(code)).filter(|body| !body.is_ended()) {
        node.metrics.reviews_dropped.inc_by(body.reviews().observe(&node.review, &seen));
    }
}

fn decided(refused: Option<ResultName>) -> Decided<'static> {
    match refused {
        None => Decided::Permitted,
        Some(ResultName::StepUpRequired) => Decided::StepUp,
        Some(name) => Decided::Refused(name.as_str()),
    }
}

/// Whether a caller was told no more than that there is nothing, or no leave (R1, R42).
fn hides(refused: Option<ResultName>) -> bool {
    matches!(refused, Some(ResultName::NotFound | ResultName::NotAuthorised))
}

fn is_human(identity: &Identity) -> bool {
    matches!(
        identity,
        Identity::Staff(..) | Identity::Auditor(..) | Identity::Operator(_) | Identity::Maintenance(_)
    )
}
