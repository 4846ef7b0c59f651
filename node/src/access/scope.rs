//! The body on whose behalf something happens, and by whose leave.
//!
//! There is no way to name a body and get its scope: each constructor starts from something authenticated.

use std::sync::Arc;

use chukei_relay_client::permit::VerifiedPermit;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;

use crate::access::endpoint::Entrance;
use crate::hosted::{Bodies, HostedBody, NotServed};

/// One body, entered legitimately.
#[derive(Clone)]
pub struct BodyScope {
    body: Arc<HostedBody>,
    actor: String,
    entrance: Option<Entrance>,
}

impl BodyScope {
    /// Staff and systems of a body enter their own body, and no other (R1). Its auditors and devices enter nothing.
    pub fn of_staff(bodies: &Bodies, identity: &Identity, header: &Header) -> Result<Self, NotServed> {
        let (Identity::System(own, _) | Identity::Staff(own, _)) = identity else {
            return Err(NotServed::Unknown);
        };
        let own = Some(*own).filter(|own| Some(*own) == header.body).ok_or(NotServed::Unknown)?;
        let body = bodies.get(own)?;
        Ok(Self { body, actor: identity.to_string(), entrance: Some(Entrance::Staff) })
    }

    /// A broker's permit enters the body that its header names (R22).
    pub fn of_permit(bodies: &Bodies, permit: &VerifiedPermit, header: &Header) -> Result<Self, NotServed> {
        let body = bodies.get(header.body.ok_or(NotServed::Unknown)?)?;
        let portal = header.portal.as_deref().ok_or(NotServed::Unknown)?;
        let actor = format!("chukei://portal/{portal} via {}", permit.broker());
        Ok(Self { body, actor, entrance: Some(Entrance::Broker) })
    }

    /// The node's own duty towards a body it hosts: deliveries, polls, expiry.
    pub(crate) fn of_duty(body: Arc<HostedBody>, node: &str) -> Self {
        Self { body, actor: format!("chukei://node/{node}"), entrance: None }
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

    /// Where the request came in; `None` for the node's own duty.
    pub fn entrance(&self) -> Option<Entrance> {
        self.entrance
    }
}
