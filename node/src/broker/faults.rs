//! Faults that tests inject (R30): a broker that names the wrong person in its permits, one whose disk takes no heads of
//! logs.
//!
//! Compiled only with the feature `faults`, and even then there is no way in but the caller's own hands: no
//! setting, file or message arms a fault.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_wire::body_code::BodyCode;

/// How often the wrong person is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confusion {
    /// Never.
    #[default]
    Off,
    /// In this many requests for own information.
    Next(u32),
    /// In all of them.
    All,
}

/// What a test may make a broker do.
#[derive(Debug, Default)]
pub struct BrokerFaults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    confusion: Confusion,
    seen: HashMap<BodyCode, [Option<u64>; 2]>,
    loses_heads: bool,
}

impl BrokerFaults {
    /// From now on, requests for own information name another person of the same body, of those that this broker
    /// has seen.
    pub fn confuse_persons(&self, confusion: Confusion) {
        self.state().confusion = confusion;
    }

    /// From now on, the disk takes no head of a log, or takes them again.
    pub fn lose_heads(&self, lose: bool) {
        self.state().loses_heads = lose;
    }

    /// Whether it takes none now.
    pub(super) fn loses_heads(&self) -> bool {
        self.state().loses_heads
    }

    /// The person to name: `person`, or while armed the last other one seen at this body.
    pub(super) fn named(&self, body: BodyCode, person: u64) -> u64 {
        let mut state = self.state();
        let seen = state.seen.entry(body).or_default();
        let [last, before] = *seen;
        let other = if last == Some(person) {
            before
        } else {
            *seen = [Some(person), last];
            last
        };
        let Some(other) = other else { return person };
        match state.confusion {
            Confusion::Off | Confusion::Next(0) => person,
            Confusion::Next(left) => {
                state.confusion = Confusion::Next(left - 1);
                other
            }
            Confusion::All => other,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_confused_only_while_armed_and_only_with_others_of_the_body() {
        let faults = BrokerFaults::default();
        let [one, two] = ["982016", "982024"].map(|code| code.parse::<BodyCode>().unwrap());
        assert_eq!(faults.named(one, 1), 1);
        assert_eq!(faults.named(one, 2), 2);
        faults.confuse_persons(Confusion::Next(2));
        assert_eq!(faults.named(two, 3), 3, "nobody else is known at this body");
        assert_eq!(faults.named(one, 2), 1);
        assert_eq!(faults.named(one, 1), 2);
        assert_eq!(faults.named(one, 1), 1);
        faults.confuse_persons(Confusion::All);
        assert_eq!((faults.named(one, 1), faults.named(one, 1)), (2, 2));
    }
}
