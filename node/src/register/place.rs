//! The register that is in force in a body that is open, and whether it is still what its rows hold.
//!
//! What must hold: a change whose write ended in doubt is neither forgotten nor built upon. The rows are read again before
//! the body is served on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use chukei_access::PolicyBook;
use chukei_access::error::PolicyError;
use chukei_access::policies::BodyPolicies;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_domain::register::{Class, Entry, RegisterError, Why};
use chukei_wire::body_code::BodyCode;

use super::Register;
use crate::hosted::HostedBody;
use crate::key_gate::{Cause, Fault};

/// The register of one open body.
pub(crate) struct RegisterPlace {
    now: ArcSwap<Register>,
    /// A write of it may or may not have been made.
    in_doubt: AtomicBool,
    /// Where the body's own policies are put in force.
    policies: OnceLock<Arc<PolicyBook>>,
}

/// The policies of a register, checked.
pub(super) enum Accepted {
    /// It has none.
    None,
    /// These.
    Some(BodyPolicies),
    /// The same as the register before.
    Unchanged,
}

impl RegisterPlace {
    /// Nobody is known yet.
    pub(crate) fn empty(body: LocalBodyCode) -> Self {
        Self {
            now: ArcSwap::from_pointee(Register::empty(body)),
            in_doubt: AtomicBool::new(false),
            policies: OnceLock::new(),
        }
    }

    /// Names the book in which the body's own policies are put in force; the first one stays.
    pub(super) fn keep(&self, policies: &Arc<PolicyBook>) {
        let _ = self.policies.set(policies.clone());
    }

    /// What is in force.
    pub(crate) fn now(&self) -> Arc<Register> {
        self.now.load_full()
    }

    /// Another one is in force from here on, with its policies, and it is what the rows hold.
    fn set(&self, body: BodyCode, register: Register, accepted: Accepted) {
        match (self.policies.get(), accepted) {
            (Some(book), Accepted::Some(accepted)) => book.put(body, accepted),
            (Some(book), Accepted::None) => book.remove(body),
            _ => {}
        }
        self.now.store(Arc::new(register));
        self.set_in_doubt(false);
    }

    /// Whether a write of it may or may not have been made.
    pub(super) fn set_in_doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Release);
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }
}

impl HostedBody {
    /// Puts a register in force whose policies were accepted.
    pub(super) fn put_in_force(&self, register: Register, accepted: Accepted) {
        self.register_place().set(self.code(), register, accepted);
    }

    /// Lets the policies of a register be checked, away from threads that serve.
    pub(super) async fn accept(&self, register: &Register) -> Result<Accepted, RegisterError> {
        let Some(text) = register.policy_text() else { return Ok(Accepted::None) };
        let unchecked = || RegisterError::whole(Why::Policy);
        let book = self.register_place().policies.get().cloned().ok_or_else(unchecked)?;
        let policies = register.policies().into_iter();
        let each: Vec<(String, String)> =
            policies.map(|policy| (policy.name.clone(), policy.text.clone())).collect();
        let checked = tokio::task::spawn_blocking(move || {
            // Each by itself first: a line then counts from the beginning of the text that its author knows.
            for (name, text) in &each {
                book.check(text).map_err(|error| refused(name, &error))?;
            }
            let last = each.last().map(|(name, _)| name.as_str()).unwrap_or_default();
            book.check(&text).map_err(|error| refused(last, &error))
        });
        checked.await.unwrap_or_else(|_| Err(unchecked())).map(Accepted::Some)
    }

    /// Actions that tickets and delegations name are ones that policies know.
    pub(super) fn check_actions<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<(), RegisterError> {
        let Some(book) = self.register_place().policies.get() else { return Ok(()) };
        let unknown =
            |actions: &[String]| actions.iter().any(|action| !book.actions().any(|known| known == action));
        let wrong = entries.into_iter().find(|entry| match entry {
            Entry::Ticket(ticket) => unknown(&ticket.actions),
            Entry::Delegation(delegation) => unknown(&delegation.functions),
            _ => false,
        });
        wrong.map_or(Ok(()), |entry| Err(RegisterError::of(entry, Why::Action)))
    }

    /// Reads the rows again where a write ended in doubt. A change that is on its way ends first, and leaves none: rows
    /// read beside it would put the register before it back in force.
    pub(crate) async fn settle_register(&self) -> Option<Fault> {
        if !self.register_place().is_in_doubt() {
            return None;
        }
        let _writing = self.writing().await;
        if !self.register_place().is_in_doubt() {
            return None;
        }
        self.take_up_register().await.err()
    }

    /// Puts in force what the rows hold; tells whether they hold a register.
    pub(super) async fn take_up_register(&self) -> Result<bool, Fault> {
        let Some(register) = self.stored_register().await? else { return Ok(false) };
        let accepted = self.accept(&register).await.map_err(|error| {
            Fault::new(Cause::Files, format!("a policy is not accepted by this version: {error}"))
        })?;
        self.put_in_force(register, accepted);
        Ok(true)
    }
}

fn refused(name: &str, error: &PolicyError) -> RegisterError {
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    RegisterError::named(Class::Policy, name, Why::Policy)
        .detailed(format!("{}{line}", error.fault().as_str()))
}
