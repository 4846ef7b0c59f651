//! Upkeep of the platform by operators and maintenance: processes and ciphertext, never content (R2).
//!
//! What must hold: nothing here leads to a grant that opens or changes stored data. Deliberately absent: any way from
//! this scope to a [`super::scope::BodyScope`].

use std::sync::Arc;

use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;

use crate::hosted::{Bodies, HostedBody, NotServed};

/// The platform, or one body's ciphertext, entered by whoever keeps it up.
#[derive(Clone)]
pub struct UpkeepScope {
    body: Option<Arc<HostedBody>>,
    actor: String,
}

impl UpkeepScope {
    /// Operators and maintenance enter, and nobody else. A body that the header names is the one whose ticket counts,
    /// and whose log tells of it.
    pub fn of_upkeep(bodies: &Bodies, identity: &Identity, header: &Header) -> Result<Self, NotServed> {
        if !matches!(identity, Identity::Operator(_) | Identity::Maintenance(_)) {
            return Err(NotServed::Unknown);
        }
        let body = header.body.map(|code| bodies.opened(code).ok_or(NotServed::Unknown)).transpose()?;
        Ok(Self { body, actor: identity.to_string() })
    }

    /// The body that it is for; `None` for the platform.
    pub fn code(&self) -> Option<BodyCode> {
        self.body.as_ref().map(|body| body.code())
    }

    /// The body whose register and log it goes by.
    pub(crate) fn told_to(&self) -> Option<&Arc<HostedBody>> {
        self.body.as_ref()
    }

    /// Who acts, as events name it.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}
