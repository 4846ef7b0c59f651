//! Whatever a caller may enter at the entrance for staff, before it is decided what they may do there.

use std::sync::Arc;

use chukei_domain::register::Delegation;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::endpoint::Entrance;
use crate::access::scope::BodyScope;
use crate::access::upkeep::UpkeepScope;
use crate::bodies::caller::Caller;
use crate::hosted::{Bodies, HostedBody};

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
    pub fn of(bodies: &Bodies, caller: &Caller, header: &Header) -> Result<Self, ResultName> {
        match (&caller.identity, caller.leave.on_behalf_of) {
            (identity @ (Identity::Operator(_) | Identity::Maintenance(_)), None) => {
                Ok(UpkeepScope::of_upkeep(bodies, identity, header).map(Self::Upkeep)?)
            }
            (identity, Some(of)) => BodyScope::of_delegation(bodies, identity, header, of).map(Self::Body),
            (identity, None) => Ok(BodyScope::of_staff(bodies, identity, header).map(Self::Body)?),
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

    /// The delegations of which one decides for another body's identity that has entered (R42).
    pub fn delegations(&self) -> Arc<[Delegation]> {
        match self {
            Self::Body(scope) => scope.delegations().clone(),
            Self::Upkeep(_) => Arc::default(),
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
