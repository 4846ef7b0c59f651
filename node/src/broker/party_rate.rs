//! How often one party may ask for something in a second (R40).
//!
//! What must hold: what one party asks slows nobody else; parties of the peer list alone are counted, which bounds it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::broker::codes::Party;

/// In which messages are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// How often each party has asked in the running window.
#[derive(Default)]
pub(super) struct PartyRate(Mutex<HashMap<Party, (Instant, u32)>>);

impl PartyRate {
    /// Counts one message of `party`, of which at most `most` fit a second; otherwise what it is told.
    pub(super) fn admit(&self, party: &Party, most: u32, now: Instant) -> Result<(), Outcome> {
        let mut parties = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, messages) = parties.entry(party.clone()).or_insert((now, 0));
        let passed = now.saturating_duration_since(*begun);
        if passed >= WINDOW {
            (*begun, *messages) = (now, 0);
        } else if *messages >= most {
            let wait_ms = u32::try_from((WINDOW - passed).as_millis()).unwrap_or(u32::MAX).max(1);
            return Err(Outcome::RetryAfter(ResultName::Overloaded, wait_ms));
        }
        *messages += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r40_a_party_asks_at_a_bounded_rate_and_slows_nobody_else() {
        let rate = PartyRate::default();
        let [one, other] = ["mynaportal", "another"].map(|name| Party::Portal(name.into()));
        let now = Instant::now();
        for _ in 0..32 {
            assert_eq!(rate.admit(&one, 32, now), Ok(()));
        }
        let told = Outcome::RetryAfter(ResultName::Overloaded, 750);
        assert_eq!(rate.admit(&one, 32, now + WINDOW / 4), Err(told));
        assert_eq!(rate.admit(&other, 32, now), Ok(()));
        assert_eq!(rate.admit(&one, 32, now + WINDOW), Ok(()));
    }
}
