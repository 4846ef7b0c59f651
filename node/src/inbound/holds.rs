//! After a mismatch a channel's peer is held off for a while (R35): what looked like one mix-up may be many.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chukei_relay_client::channel::Scope;

/// Scopes held at once; the number of portals times hosted bodies is far below.
const CAPACITY: usize = 8_192;

/// Scopes that are held off, and until when.
pub struct Holds {
    until: Mutex<HashMap<Scope, u64>>,
    hold_ms: u64,
}

impl Holds {
    /// Holds each scope for `hold_ms` milliseconds after its last mismatch.
    pub fn new(hold_ms: u64) -> Self {
        Self { until: Mutex::new(HashMap::new()), hold_ms }
    }

    /// Holds `scope` off from now.
    pub fn hold(&self, scope: Scope, now_ms: u64) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, end| *end > now_ms);
        if until.len() < CAPACITY || until.contains_key(&scope) {
            until.insert(scope, now_ms.saturating_add(self.hold_ms));
        }
    }

    /// Whether `scope` is held off now.
    pub fn is_held(&self, scope: &Scope, now_ms: u64) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(scope).is_some_and(|end| *end > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
