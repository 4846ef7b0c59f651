//! From decisions to the queues of the bodies that they concern.
//!
//! A refusal at another body concerns the body of whoever tried (R1: the other one learns nothing of it). What was
//! entered under another body's delegation concerns both (R42), whatever it came to; without one, nothing does.

use std::sync::Arc;

use chukei_domain::review::{Decided, Observation};
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::observe::Observed;
use crate::app::Node;

/// The reason of a decision in which a policy could not be evaluated.
const NOT_EVALUATED: &str = "not_evaluated";

/// The action under which a factor that is not believed is refused.
const FACTOR: &str = "factor";

/// Looks at every decision until the node ends. A second one looks at nothing.
pub async fn watch(node: Arc<Node>) {
    let Some(mut decisions) = node.observer.subscribe() else { return };
    while let Some(observed) = decisions.recv().await {
        look(&node, &observed);
    }
}

fn look(node: &Node, observed: &Observed) {
    let told = Told::of(observed);
    for body in told.concerned().filter_map(|code| node.bodies.opened(code)) {
        if !body.is_ended() {
            node.metrics.reviews_dropped.inc_by(body.reviews().observe(&node.review, &told.seen()));
        }
    }
}

/// A decision, in the terms of the rules.
struct Told<'a> {
    observed: &'a Observed,
    identity: String,
    reasons: Vec<&'a str>,
    elsewhere: bool,
    delegation: Option<String>,
}

impl<'a> Told<'a> {
    fn of(observed: &'a Observed) -> Self {
        let elsewhere = observed.across.is_some() && hides(observed.refused);
        let delegation = match (observed.body, observed.across, &observed.delegation) {
            (Some(own), Some(other), Some(id)) => Some(format!("{own} for {other}, {id}")),
            _ => None,
        };
        let reasons = observed.reasons.iter().map(String::as_str).collect();
        Self { observed, identity: observed.identity.to_string(), reasons, elsewhere, delegation }
    }

    /// The bodies whose queues it goes to.
    fn concerned(&self) -> impl Iterator<Item = BodyCode> {
        let other = self.observed.across.filter(|_| self.delegation.is_some());
        self.observed.body.into_iter().chain(other)
    }

    fn seen(&self) -> Observation<'_> {
        let Self { observed, identity, reasons, elsewhere, delegation } = self;
        Observation {
            identity,
            human: is_human(&observed.identity),
            action: observed.action,
            decided: decided(observed.refused),
            reasons,
            not_evaluated: reasons.contains(&NOT_EVALUATED),
            persons: observed.persons,
            elsewhere: *elsewhere,
            failed_factor: observed.action == FACTOR && observed.refused.is_some(),
            delegation: delegation.as_deref(),
            device: observed.device.as_deref(),
            now_ms: observed.at_ms,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(identity: &str, across: Option<&str>, refused: Option<ResultName>) -> Observed {
        let identity: Identity = identity.parse().unwrap();
        Observed {
            body: identity.body(),
            identity,
            action: "copy_show",
            refused,
            reasons: vec!["many_persons".to_owned()],
            persons: 301,
            across: across.map(|code| code.parse().unwrap()),
            delegation: None,
            device: Some("t-01".to_owned()),
            at_ms: 1_795_482_000_000,
        }
    }

    const STAFF: &str = "chukei://body/982016/staff/u-tax-07";

    fn concerned(told: &Told<'_>) -> Vec<String> {
        told.concerned().map(|code| code.to_string()).collect()
    }

    #[test]
    fn r1_a_refusal_at_another_body_concerns_the_own_body_alone() {
        for refused in [ResultName::NotFound, ResultName::NotAuthorised] {
            let observed = observed(STAFF, Some("982024"), Some(refused));
            let told = Told::of(&observed);
            assert_eq!(concerned(&told), ["982016"], "{refused}");
            assert!(told.seen().elsewhere && told.seen().delegation.is_none());
        }
        // A factor that is not believed, and a body of one's own that is not served: the other one is only named.
        for refused in [ResultName::BadSignature, ResultName::NotReady] {
            let observed = observed(STAFF, Some("982024"), Some(refused));
            let told = Told::of(&observed);
            assert_eq!(concerned(&told), ["982016"], "{refused}");
            assert!(told.seen().delegation.is_none());
        }
        let own = observed(STAFF, None, Some(ResultName::NotFound));
        assert!(
            !Told::of(&own).seen().elsewhere,
            "what is not there in one's own body is no attack on another"
        );
    }

    #[test]
    fn r42_what_is_entered_under_another_bodys_delegation_concerns_both() {
        for refused in [None, Some(ResultName::ProxyScope), Some(ResultName::StepUpRequired)] {
            let delegation = Some("d-tax".to_owned());
            let observed = Observed { delegation, ..observed(STAFF, Some("982024"), refused) };
            let told = Told::of(&observed);
            assert_eq!(concerned(&told), ["982016", "982024"], "{refused:?}");
            assert_eq!(told.seen().delegation, Some("982016 for 982024, d-tax"));
            assert!(!told.seen().elsewhere);
        }
    }

    #[test]
    fn a_decision_is_seen_with_what_it_was_decided_by() {
        let step_up = observed(STAFF, None, Some(ResultName::StepUpRequired));
        let told = Told::of(&step_up);
        let seen = told.seen();
        assert_eq!(
            (seen.identity, seen.decided, seen.persons, seen.human),
            (STAFF, Decided::StepUp, 301, true)
        );
        assert_eq!((seen.reasons, seen.not_evaluated), (&["many_persons"][..], false));
        let reasons = vec!["not_evaluated".to_owned(), "fukushi-hours".to_owned()];
        let factor =
            Observed { action: "factor", reasons, ..observed(STAFF, None, Some(ResultName::Denied)) };
        let told = Told::of(&factor);
        assert!(told.seen().failed_factor && told.seen().not_evaluated);
        let system = observed("chukei://body/982016/system/zeimu", None, None);
        let told = Told::of(&system);
        assert!(!told.seen().human && told.seen().decided == Decided::Permitted);
    }
}
