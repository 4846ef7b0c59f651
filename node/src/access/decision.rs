//! The decision on one operation, what is told of it, and the proof that comes of it.
//!
//! What must hold: a typed scope comes first, then the table, then the policies; nothing here widens what they say.

use std::sync::Arc;

use chukei_access::verdict::Reason;
use chukei_access::{PolicyBook, Verdict};
use chukei_domain::event::{REASONS_MAX, Why};
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::asked::{Asked, Standing};
use crate::access::endpoint::{Effect, Entrance, endpoint};
use crate::access::entered::Scope;
use crate::access::facts::Inquiry;
use crate::access::grant::{Deliver, Export, Grant, Operate, Read, Write};
use crate::access::observe::Observed;
use crate::access::pattern::Patterns;
use crate::access::upkeep::UpkeepScope;
use crate::bodies::caller::Caller;
use crate::hosted::Bodies;
use crate::platform::WatchedPlatform;

/// What decisions are made with.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// The bodies, whose registers say who is who.
    pub bodies: &'a Bodies,
    /// The policies in force.
    pub policies: &'a Arc<PolicyBook>,
    /// How identities have been asking.
    pub patterns: &'a Arc<Patterns>,
    /// Whom the platform has for its upkeep.
    pub platform: &'a WatchedPlatform,
    /// Now, Unix milliseconds.
    pub now_ms: u64,
}

/// A permitted operation, by its effect.
pub enum Decision {
    /// Read.
    Read(Grant<Read>),
    /// Write.
    Write(Grant<Write>),
    /// Deliver.
    Deliver(Grant<Deliver>),
    /// Export.
    Export(Grant<Export>),
    /// Nothing that is stored is touched.
    Operate(Grant<Operate>),
    /// The platform, or a body's ciphertext.
    Upkeep(Grant<Operate, UpkeepScope>),
}

/// A decision, and what is told of it.
pub struct Decided {
    /// What may be done, or what the caller is told instead.
    pub outcome: Result<Decision, ResultName>,
    /// For the event.
    pub why: Why,
    /// For the review of patterns.
    pub observed: Observed,
    /// What it was decided on; `None` where nothing was entered or asked for that there is.
    pub asked: Option<Arc<Asked>>,
}

impl Decided {
    /// Refused before anything was entered.
    pub fn outside(judge: Judge<'_>, caller: &Caller, header: &Header, refusal: ResultName) -> Self {
        let own = caller.identity.body();
        let observed = Observed {
            body: own.or(header.body),
            across: header.body.filter(|body| own.is_some_and(|own| own != *body)),
            delegation: None,
            identity: caller.identity.clone(),
            action: header.kind.as_str(),
            refused: Some(refusal),
            reasons: Vec::new(),
            persons: judge.patterns.asked(&caller.identity.to_string()).persons_in_ten_minutes,
            device: caller.device.as_ref().map(|device| device.name().to_owned()),
            at_ms: judge.now_ms,
        };
        let why = Why { device: caller.device.as_ref().map(ToString::to_string), ..Why::default() };
        Self { outcome: Err(refusal), why, observed, asked: None }
    }
}

/// Decides whether `caller` may do within `scope` what `header` asks for. `standing`: what it is decided on again, where
/// it may go on for long.
pub fn decide(
    judge: Judge<'_>,
    caller: &Caller,
    scope: Scope,
    header: &Header,
    standing: Option<Arc<dyn Standing>>,
) -> Decided {
    let Some(line) = scope.entrance().and_then(|entrance| endpoint(header.kind, entrance)) else {
        // R2: whatever staff do, whoever keeps the platform up does not.
        let of_staff = endpoint(header.kind, Entrance::Staff).is_some();
        let refusal = match scope {
            Scope::Upkeep(_) if of_staff => ResultName::RoleHasNoDataAccess,
            _ => ResultName::NotPermitted,
        };
        return Decided::outside(judge, caller, header, refusal);
    };
    let inquiry = Inquiry::of(judge, caller, &scope, header, line, Patterns::asked);
    let verdict = inquiry.judged(|facts| judge.policies.decide(facts));
    let observed = observed(&inquiry, verdict.outcome.result(), &verdict.reasons);
    let why = why(&inquiry, &verdict);
    let asked = Arc::new(Asked::new(inquiry, judge.policies.clone(), judge.patterns.clone(), standing));
    let outcome = verdict
        .outcome
        .result()
        .map_or_else(|| Ok(granted(scope, line.effect, line.action, asked.clone())), Err);
    Decided { outcome, why, observed, asked: Some(asked) }
}

fn granted(scope: Scope, effect: Effect, action: &'static str, asked: Arc<Asked>) -> Decision {
    let (scope, asked) = match scope {
        Scope::Body(scope) => (scope, Some(asked)),
        Scope::Upkeep(scope) => return Decision::Upkeep(Grant::new(scope, action, Some(asked))),
    };
    match effect {
        Effect::Read => Decision::Read(Grant::new(scope, action, asked)),
        Effect::Write => Decision::Write(Grant::new(scope, action, asked)),
        Effect::Deliver => Decision::Deliver(Grant::new(scope, action, asked)),
        Effect::Export => Decision::Export(Grant::new(scope, action, asked)),
        Effect::Operate => Decision::Operate(Grant::new(scope, action, asked)),
    }
}

/// What the event tells of a decision.
pub(crate) fn why(inquiry: &Inquiry, verdict: &Verdict) -> Why {
    Why {
        reasons: verdict.reasons.iter().take(REASONS_MAX).map(ToString::to_string).collect(),
        policy: verdict.policy_version.as_bytes().first_chunk().copied(),
        ..circumstances(inquiry)
    }
}

/// What the event tells of how an operation was asked for.
pub(crate) fn circumstances(inquiry: &Inquiry) -> Why {
    Why {
        device: inquiry.device.as_ref().map(ToString::to_string),
        department: inquiry.department(),
        ticket: inquiry.ticket.clone(),
        on_behalf_of: inquiry.on_behalf_of().and_then(|body| body.as_str().parse().ok()),
        delegation: inquiry.delegation().map(|delegation| delegation.id.clone()),
        ..Why::default()
    }
}

/// What the review of patterns is told of a decision.
pub(crate) fn observed(inquiry: &Inquiry, refused: Option<ResultName>, reasons: &[Reason]) -> Observed {
    Observed {
        body: inquiry.identity.body().or(inquiry.body),
        identity: inquiry.identity.clone(),
        action: inquiry.line.action,
        refused,
        reasons: reasons.iter().map(ToString::to_string).collect(),
        persons: inquiry.pattern.persons_in_ten_minutes,
        across: inquiry.on_behalf_of(),
        delegation: inquiry.delegation().map(|delegation| delegation.id.clone()),
        device: inquiry.device.as_ref().map(|device: &Identity| device.name().to_owned()),
        at_ms: inquiry.now_ms,
    }
}
