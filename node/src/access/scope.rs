//! The body on whose behalf something happens, and by whose leave.
//!
//! There is no way to name a body and get its scope: each constructor starts from something authenticated.
//!
//! ```
//! use chukei_node::access::scope::BodyScope;
//! use chukei_wire::body_code::BodyCode;
//! fn entered(scope: &BodyScope) -> BodyCode {
//!     scope.code()
//! }
//! ```
//! ```compile_fail,E0277
//! use chukei_node::access::scope::BodyScope;
//! use chukei_wire::body_code::BodyCode;
//! fn named(code: BodyCode) -> BodyScope {
//!     code.into()
//! }
//! ```
//! ```compile_fail,E0616
//! use chukei_node::access::scope::BodyScope;
//! fn exchanged(mut own: BodyScope, other: BodyScope) -> BodyScope {
//!     own.body = other.body;
//!     own
//! }
//! ```

use std::sync::Arc;

use chukei_domain::register::Delegation;
use chukei_relay_client::permit::VerifiedPermit;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::delegation::given;
use crate::access::endpoint::Entrance;
use crate::audit::By;
use crate::hosted::{Bodies, HostedBody, NotServed};

/// One body, entered legitimately.
#[derive(Clone)]
pub struct BodyScope {
    body: Arc<HostedBody>,
    actor: String,
    /// The call at the entrance for staff that has entered; none for brokers and for the node's own duty.
    call: Option<RequestId>,
    entrance: Option<Entrance>,
    /// Under which another body's identity has entered; none for the body's own.
    delegations: Arc<[Delegation]>,
}

impl BodyScope {
    /// Staff, systems and auditors of a body enter their own body, and no other (R1). Its devices enter nothing.
    pub fn of_staff(bodies: &Bodies, identity: &Identity, header: &Header) -> Result<Self, NotServed> {
        let (Identity::System(own, _) | Identity::Staff(own, _) | Identity::Auditor(own, _)) = identity
        else {
            return Err(NotServed::Unknown);
        };
        let own = Some(*own).filter(|own| Some(*own) == header.body).ok_or(NotServed::Unknown)?;
        let body = bodies.get(own)?;
        Ok(Self::called(body, identity, header))
    }

    /// Another body's staff and systems enter the body that the header names where that body has delegated to theirs (R42).
    /// What a delegation covers, and when, is decided like everything else. Nothing given, not at hand and unknown are
    /// told alike (R1); the caller's own body must be at hand, which is who knows the caller.
    pub fn of_delegation(
        bodies: &Bodies,
        identity: &Identity,
        header: &Header,
        of: BodyCode,
    ) -> Result<Self, ResultName> {
        let (Identity::System(own, _) | Identity::Staff(own, _)) = identity else {
            return Err(ResultName::NotAuthorised);
        };
        if header.body != Some(of) {
            return Err(ResultName::NotFound);
        }
        let known = bodies.opened(of).map(|body| body.register());
        let given: Arc<[Delegation]> = match (&known, own.as_str().parse()) {
            (Some(register), Ok(to)) if *own != of => given(register.delegations(), to).cloned().collect(),
            _ => Arc::default(),
        };
        let told = |why| match why {
            NotServed::Unknown => ResultName::NotAuthorised,
            NotServed::NotReady => ResultName::NotReady,
        };
        bodies.get(*own).map_err(told)?;
        if given.is_empty() {
            return Err(ResultName::NotAuthorised);
        }
        let body = bodies.get(of).map_err(told)?;
        let entered = Self::called(body, identity, header);
        Ok(Self { delegations: given, ..entered })
    }

    /// A broker's permit enters the body that its header names (R22).
    pub fn of_permit(bodies: &Bodies, permit: &VerifiedPermit, header: &Header) -> Result<Self, NotServed> {
        let body = bodies.get(header.body.ok_or(NotServed::Unknown)?)?;
        let portal = header.portal.as_deref().ok_or(NotServed::Unknown)?;
        let actor = format!("chukei://portal/{portal} via {}", permit.broker());
        Ok(Self::own(body, actor, Some(Entrance::Broker)))
    }

    /// The node's own duty towards a body it hosts: deliveries, polls, expiry.
    pub(crate) fn of_duty(body: Arc<HostedBody>, node: &str) -> Self {
        Self::own(body, format!("chukei://node/{node}"), None)
    }

    fn called(body: Arc<HostedBody>, identity: &Identity, header: &Header) -> Self {
        let entered = Self::own(body, identity.to_string(), Some(Entrance::Staff));
        Self { call: Some(header.request_id), ..entered }
    }

    fn own(body: Arc<HostedBody>, actor: String, entrance: Option<Entrance>) -> Self {
        Self { body, actor, call: None, entrance, delegations: Arc::default() }
    }

    /// The delegations of which one decides for another body's identity that has entered (R42); none for the body's own.
    pub fn delegations(&self) -> &Arc<[Delegation]> {
        &self.delegations
    }

    /// The body.
    pub fn body(&self) -> &Arc<HostedBody> {
        &self.body
    }

    /// The body's code.
    pub fn code(&self) -> BodyCode {
        self.body.code()
    }

    /// Who acts, as events name it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Who acts and in which call, for events of what is done (R3).
    pub fn by(&self) -> By<'_> {
        self.call.map_or_else(|| By::itself(&self.actor), |call| By::call(&self.actor, call))
    }

    /// Where the request came in; `None` for the node's own duty.
    pub fn entrance(&self) -> Option<Entrance> {
        self.entrance
    }
}

#[cfg(test)]
mod tests;
