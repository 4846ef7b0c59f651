//! Whatever a caller may enter at the entrance for staff, before it is decided what they may do there.

use std::sync::Arc;

use chukei_domain::register::Delegation;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;

use crate::access::endpoint::Entrance;
use crate::access::scope::BodyScope;
use crate::access::upkeep::UpkeepScope;
use crate::bodies::caller::Caller;
use crate::hosted::{Bodies, HostedBody, NotServed};

/// What was entered.
#[derive(Clone)]
pub enum Scope {
    /// One body.
    Body(BodyScope),
    /// The platform, or one body's ciphertext.
    Upkeep(UpkeepScope),
}

impl Scope {
    /// What this caller enters with this header; the same answer for whatever does not exist and is not theirs (R1).
    pub fn of(bodies: &Bodies, caller: &Caller, header: &Header) -> Result<Self, NotServed> {
        match &caller.identity {
            identity @ (Identity::Operator(_) | Identity::Maintenance(_)) => {
                UpkeepScope::of_upkeep(bodies, identity, header).map(Self::Upkeep)
            }
            identity => BodyScope::of_staff(bodies, identity, header).map(Self::Body),
        }
    }

    /// Where the request came in; `None` for the node's own duty.
    pub fn entrance(&self) -> Option<Entrance> {
        match self {
            Self::Body(scope) => scope.entrance(),
            Self::Upkeep(_) => Some(Entrance::Upkeep),
        }
    }

    /// Who acts, as events name it.
    pub fn actor(&self) -> &str {
        match self {
            Self::Body(scope) => scope.actor(),
            Self::Upkeep(scope) => scope.actor(),
        }
    }

    /// The body it is about.
    pub fn code(&self) -> Option<BodyCode> {
        match self {
            Self::Body(scope) => Some(scope.code()),
            Self::Upkeep(scope) => scope.code(),
        }
    }

    /// The delegation under which another body's identity has entered (R42).
    pub fn delegation(&self) -> Option<&Delegation> {
        match self {
            Self::Body(scope) => scope.delegation(),
            Self::Upkeep(_) => None,
        }
    }

    /// The body whose log tells of it first.
    pub(crate) fn told_to(&self) -> Option<&Arc<HostedBody>> {
        match self {
            Self::Body(scope) => Some(scope.body()),
            Self::Upkeep(scope) => scope.told_to(),
        }
    }
}
