//! The bodies this node hosts: each with its partition, its keys and its audit log, and nothing shared.
//!
//! What must hold: rows are opened and written only through the functions here, which take a grant; whatever is
//! stored is bound to its body, space and row. Deliberately absent: any way from one body to another.

pub mod bindings;
pub mod body;
pub mod documents;
pub mod notices;
pub mod numbers;
pub mod pages;
pub mod persons;
pub mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use chukei_wire::body_code::BodyCode;

pub use body::HostedBody;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

/// All hosted bodies, by code.
pub struct Bodies {
    by_code: HashMap<BodyCode, Arc<HostedBody>>,
}

impl Bodies {
    /// Collects bodies that are open.
    pub fn new(bodies: impl IntoIterator<Item = HostedBody>) -> Self {
        Self { by_code: bodies.into_iter().map(|body| (body.code(), Arc::new(body))).collect() }
    }

    /// The body, if this node hosts it.
    pub fn get(&self, code: BodyCode) -> Option<Arc<HostedBody>> {
        self.by_code.get(&code).cloned()
    }

    /// Every hosted body.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<HostedBody>> {
        self.by_code.values()
    }
}
