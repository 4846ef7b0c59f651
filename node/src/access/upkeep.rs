//! Upkeep of the platform by operators and maintenance: processes and ciphertext, never content (R2).
//!
//! What must hold: nothing here leads to a grant that opens or changes stored data, or to a key; a handler gets a
//! [`SealedBody`] and no other sight of a body. Deliberately absent: any way from this scope to a
//! [`super::scope::BodyScope`].
//!
//! ```compile_fail,E0624
//! fn body(scope: &chukei_node::access::upkeep::UpkeepScope) {
//!     scope.told_to();
//! }
//! ```
//! ```compile_fail,E0277
//! use chukei_node::access::grant::{MayRead, Operate};
//! fn opens<E: MayRead>() {}
//! opens::<Operate>();
//! ```

use std::sync::Arc;

use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;

use crate::backup::outcome::{Exit, Failure};
use crate::hosted::sealed_body::SealedBody;
use crate::hosted::{Bodies, HostedBody, NotServed};

/// The platform, or one body's ciphertext, entered by whoever keeps it up.
#[derive(Clone)]
pub struct UpkeepScope {
    code: Option<BodyCode>,
    /// Whether this node is to host it.
    hosted: bool,
    /// The body, where it is open.
    body: Option<Arc<HostedBody>>,
    actor: String,
}

impl UpkeepScope {
    /// Operators and maintenance enter, and nobody else. A body that the header names is the one whose log tells of it
    /// and whose ticket counts, where it is open; that it is not hosted here is told once the act is permitted, and not
    /// before.
    pub fn of_upkeep(bodies: &Bodies, identity: &Identity, header: &Header) -> Result<Self, NotServed> {
        if !matches!(identity, Identity::Operator(_) | Identity::Maintenance(_)) {
            return Err(NotServed::Unknown);
        }
        let (code, actor) = (header.body, identity.to_string());
        let hosted = code.is_some_and(|code| bodies.codes().any(|known| known == code));
        Ok(Self { code, hosted, body: code.and_then(|code| bodies.opened(code)), actor })
    }

    /// The body that it is for; `None` for the platform.
    pub fn code(&self) -> Option<BodyCode> {
        self.code
    }

    /// The ciphertext of the body that it is for, which is open.
    pub(crate) fn sealed(&self) -> Result<SealedBody, Failure> {
        let code = self.hosted()?;
        self.body.clone().map(SealedBody::of).ok_or_else(|| {
            let text = format!("body {code} is not open in this node: see its fault under upkeep status");
            Failure::new(Exit::Unavailable, "NOT_READY", text)
        })
    }

    /// The body that it is for, which this node is to host whether or not it is open.
    pub(crate) fn hosted(&self) -> Result<BodyCode, Failure> {
        let code = self.code.ok_or_else(|| {
            Failure::new(Exit::Usage, "BAD_USAGE", "this is done for one body: name it with --body")
        })?;
        let unknown = || Failure::new(Exit::Refused, "NOT_FOUND", "this node hosts no such body");
        self.hosted.then_some(code).ok_or_else(unknown)
    }

    /// The ciphertext of one of the bodies in sight: the one that it is for, or for the platform any.
    pub(crate) fn sealed_of(&self, bodies: &Bodies, code: BodyCode) -> Option<SealedBody> {
        let in_sight = self.code.is_none_or(|own| own == code);
        bodies.opened(code).filter(|_| in_sight).map(SealedBody::of)
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
