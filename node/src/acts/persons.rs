//! Who decides: persons of the body itself, as its register knows them at this moment.
//!
//! What must hold: whoever acts is one of the body's own staff and acts for nobody else; roles and days are looked at
//! for each step anew. That stands here besides the policies, which say the same.

use chukei_domain::act::Second;
use chukei_domain::day::day_of;
use chukei_domain::register::{Staff, StaffKind, role};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::hosted::HostedBody;

/// Roles whose holders decide on acts.
const DECIDING: [&str; 3] = [role::ADMINISTRATOR, role::APPROVER, role::REQUESTER];

/// A person of the body's staff who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deciding {
    identity: String,
}

impl Deciding {
    /// The actor of a call, if it is one of the body's own staff acting for the body itself.
    pub(crate) fn of(body: &HostedBody, actor: &str) -> Result<Self, ResultName> {
        let identity: Identity = actor.parse().map_err(|_| ResultName::NotPermitted)?;
        match identity {
            Identity::Staff(of, _) if of == body.code() => Ok(Self { identity: identity.to_string() }),
            _ => Err(ResultName::NotPermitted),
        }
    }

    /// The identity, as in the certificate.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// As the second person, at `now_ms`.
    pub(super) fn second(&self, body: &HostedBody, now_ms: u64) -> Second<'_> {
        let role = |role| holds(body, &self.identity, now_ms, role);
        Second {
            identity: &self.identity,
            approver: role(role::APPROVER),
            administrator: role(role::ADMINISTRATOR),
        }
    }

    /// The actor of a call that only those make who decide on acts.
    pub(super) fn with_role(body: &HostedBody, actor: &str, now_ms: u64) -> Result<Self, ResultName> {
        Self::of(body, actor).and_then(|person| {
            if person.decides(body, now_ms) { Ok(person) } else { Err(ResultName::NotPermitted) }
        })
    }

    /// Whether it is one of those who decide on acts, who see whom they are about.
    pub(crate) fn decides(&self, body: &HostedBody, now_ms: u64) -> bool {
        DECIDING.iter().any(|role| holds(body, &self.identity, now_ms, role))
    }
}

/// Whether the body knows this person now.
pub(super) fn is_known(body: &HostedBody, identity: &str, now_ms: u64) -> bool {
    with(body, identity, now_ms, |_| true)
}

fn holds(body: &HostedBody, identity: &str, now_ms: u64, role: &str) -> bool {
    with(body, identity, now_ms, |staff| staff.has_role(role))
}

fn with(body: &HostedBody, identity: &str, now_ms: u64, judge: impl Fn(&Staff) -> bool) -> bool {
    let Ok(Identity::Staff(of, name)) = identity.parse() else { return false };
    let register = body.register();
    let known = register.staff(&name).filter(|staff| staff.kind == StaffKind::Staff);
    of == body.code() && known.is_some_and(|staff| staff.valid.contains(day_of(now_ms)) && judge(staff))
}
