//! After a mismatch a peer is held off for a while (R35): what looked like one mix-up may be many.
//!
//! Held are channels' scopes, and brokers by name.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Peers held at once; the number of portals times hosted bodies is far below.
const CAPACITY: usize = 8_192;

/// Peers that are held off, and until when.
#[derive(Debug)]
pub struct Holds<P> {
    until: Mutex<HashMap<P, u64>>,
    hold_ms: u64,
}

impl<P: Eq + Hash> Holds<P> {
    /// Holds each peer for `hold_ms` milliseconds after its last mismatch.
    pub fn new(hold_ms: u64) -> Self {
        Self { until: Mutex::new(HashMap::new()), hold_ms }
    }

    /// Holds `peer` off from now.
    pub fn hold(&self, peer: P, now_ms: u64) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, end| *end > now_ms);
        if until.len() < CAPACITY || until.contains_key(&peer) {
            until.insert(peer, now_ms.saturating_add(self.hold_ms));
        }
    }

    /// Whether `peer` is held off now.
    pub fn is_held<Q: Eq + Hash + ?Sized>(&self, peer: &Q, now_ms: u64) -> bool
    where
        P: Borrow<Q>,
    {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(peer).is_some_and(|end| *end > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Scope;
    use chukei_wire::header::Direction;

    #[test]
    fn r35_a_scope_is_held_for_its_time_and_no_other_is() {
        let scope = |body: &str| Scope {
            portal: "mynaportal".into(),
            body: body.parse().unwrap(),
            direction: Direction::ToBody,
        };
        let holds = Holds::new(1_000);
        holds.hold(scope("982016"), 5_000);
        assert!(holds.is_held(&scope("982016"), 5_999));
        assert!(!holds.is_held(&scope("982016"), 6_000));
        assert!(!holds.is_held(&scope("982024"), 5_999));
    }
}
