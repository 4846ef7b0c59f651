//! Who may do what: a scope says for which body, a decision says which action, and both are proofs.
//!
//! What must hold: a [`scope::BodyScope`] comes only from an authenticated identity, a verified permit or the
//! node's own duty towards a body it hosts; a [`grant::Grant`] comes only from [`decision::decide`]; the
//! stored data of a body is reached only with a grant of the right effect. A caller without a scope learns
//! NOT_FOUND, the same as for a thing that does not exist (R1).

pub mod asked;
pub mod decision;
pub mod delegation;
pub(crate) mod duty;
pub mod endpoint;
pub mod entered;
pub mod facts;
pub mod grant;
pub mod observe;
pub mod pattern;
pub mod scope;
pub mod upkeep;

#[cfg(test)]
mod differential;
