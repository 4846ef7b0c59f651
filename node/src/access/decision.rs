//! The decision on one operation, what its event tells of it, and the proof that comes of it.
//!
//! Today's rule is the endpoint table: an operation is permitted to whom its line names, for their own body.

use chukei_domain::event::Why;
use chukei_wire::header::Header;
use chukei_wire::result::ResultName;

use crate::access::endpoint::{Effect, Endpoint, endpoint};
use crate::access::entered::Scope;
use crate::access::grant::{Deliver, Export, Grant, Operate, Read, Write};
use crate::access::observe::Observed;
use crate::access::upkeep::UpkeepScope;
use crate::app::Node;
use crate::bodies::caller::Caller;

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
}

impl Decided {
    /// Refused before anything was entered.
    pub fn outside(node: &Node, caller: &Caller, header: &Header, refusal: ResultName) -> Self {
        let told = Told { caller, header, action: header.kind.as_str(), refused: Some(refusal) };
        told.decided(node, Err(refusal))
    }
}

/// Decides whether `caller` may do within `scope` what `header` asks for.
pub fn decide(node: &Node, caller: &Caller, scope: Scope, header: &Header) -> Decided {
    let line: Option<&Endpoint> = scope.entrance().and_then(|entrance| endpoint(header.kind, entrance));
    let outcome = line.map(|line| granted(scope, line)).ok_or(ResultName::NotPermitted);
    let action = line.map_or(header.kind.as_str(), |line| line.action);
    Told { caller, header, action, refused: outcome.as_ref().err().copied() }.decided(node, outcome)
}

fn granted(scope: Scope, line: &Endpoint) -> Decision {
    let scope = match scope {
        Scope::Body(scope) => scope,
        Scope::Upkeep(scope) => return Decision::Upkeep(Grant::new(scope, line.action)),
    };
    match line.effect {
        Effect::Read => Decision::Read(Grant::new(scope, line.action)),
        Effect::Write => Decision::Write(Grant::new(scope, line.action)),
        Effect::Deliver => Decision::Deliver(Grant::new(scope, line.action)),
        Effect::Export => Decision::Export(Grant::new(scope, line.action)),
        Effect::Operate => Decision::Operate(Grant::new(scope, line.action)),
    }
}

struct Told<'a> {
    caller: &'a Caller,
    header: &'a Header,
    action: &'static str,
    refused: Option<ResultName>,
}

impl Told<'_> {
    fn decided(self, node: &Node, outcome: Result<Decision, ResultName>) -> Decided {
        let identity = self.caller.identity.clone();
        let device = self.caller.device.as_ref();
        let observed = Observed {
            body: identity.body().or(self.header.body),
            across: self.header.body.filter(|body| identity.body().is_some_and(|own| own != *body)),
            identity,
            action: self.action,
            refused: self.refused,
            reasons: Vec::new(),
            persons: 0,
            device: device.map(|device| device.name().to_owned()),
            at_ms: node.clock.now_ms(),
        };
        let why = Why { device: device.map(ToString::to_string), ..Why::default() };
        Decided { outcome, why, observed }
    }
}
