//! Policies of bodies that were read already: bodies that keep the same text, as those of one prefecture do, share it.
//!
//! What must hold: what a policy says follows from its text alone, so that whose it is makes no difference. The shelf
//! keeps nothing alive: a policy goes with the last body that has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chukei_crypto::hash::sha256;

use crate::error::PolicyError;
use crate::rule::Rule;

/// Entries before the first look for dead ones.
const SWEEP: usize = 1_024;

/// What was read, by the hash of its text.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    rules: HashMap<[u8; 32], Weak<Rule>>,
    /// Entries that were alive at the last sweep.
    alive: usize,
}

impl Shelf {
    /// The policy of this text, read by `read` where no body has it.
    pub(crate) fn get(
        &self,
        text: &str,
        read: impl FnOnce() -> Result<Rule, PolicyError>,
    ) -> Result<Arc<Rule>, PolicyError> {
        let name = sha256(text.as_bytes());
        if let Some(rule) = self.entries().rules.get(&name).and_then(Weak::upgrade) {
            return Ok(rule);
        }
        let rule = Arc::new(read()?);
        let mut entries = self.entries();
        entries.rules.insert(name, Arc::downgrade(&rule));
        if entries.rules.len() > entries.alive * 2 + SWEEP {
            entries.rules.retain(|_, rule| rule.strong_count() > 0);
            entries.alive = entries.rules.len();
        }
        Ok(rule)
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
