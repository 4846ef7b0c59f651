//! When a body's log is to be stamped: each at its own moment of the day's first hour, at once where it has no stamp at
//! all, later and later after failures.

use std::time::Duration;

use chukei_crypto::hash::sha256;
use chukei_crypto::random;
use chukei_domain::day::{day_of, start_of};
use chukei_wire::body_code::BodyCode;
use tokio::time::Instant;

/// Within this time after midnight in Japan all bodies of all nodes ask.
const SPREAD_MS: u64 = 3_600_000;
/// Pause after the first failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// The turns of one body.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its moment, after midnight.
    moment_ms: u64,
    /// The day of the newest stamp; `None` within where there is none, and outside while that is not known.
    newest: Option<Option<u32>>,
    failures: u32,
    not_before: Option<Instant>,
    begun: bool,
}

impl Plan {
    /// Of a body whose newest stamp is not known yet.
    pub(super) fn new(body: BodyCode) -> Self {
        let [a, b, c, d, ..] = sha256(body.to_string().as_bytes());
        let moment_ms = u64::from(u32::from_be_bytes([a, b, c, d])) % SPREAD_MS;
        Self { moment_ms, newest: None, failures: 0, not_before: None, begun: false }
    }

    /// Whether a turn is to begin: to look for the newest stamp, or, once that is known, to ask for one.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        let today = day_of(now_ms);
        let due = self
            .newest
            .flatten()
            .is_none_or(|newest| newest < today && now_ms >= start_of(today) + self.moment_ms);
        let waits = self.not_before.is_some_and(|moment| Instant::now() < moment);
        due && !waits && !self.begun
    }

    /// Whether it is known which stamp is the newest.
    pub(super) fn is_known(&self) -> bool {
        self.newest.is_some()
    }

    /// Turns that failed one after another.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// A turn begins.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    /// Whether one goes on.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// It came to an end: the newest stamp is of this day, or there is none.
    pub(super) fn known(&mut self, newest: Option<u32>) {
        (self.begun, self.failures, self.not_before, self.newest) = (false, 0, None, Some(newest));
    }

    /// It failed: the next try has to wait.
    pub(super) fn failed(&mut self) {
        self.begun = false;
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LAST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        // From half of it on, so that those who failed together do not come back together. Without randomness: all of it.
        let part = random::bytes::<1>().map_or(u32::from(u8::MAX), |[part]| u32::from(part));
        self.not_before = Some(Instant::now() + pause / 2 + pause / 512 * part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn plan(newest: Option<u32>) -> Plan {
        let mut plan = Plan::new("982016".parse().unwrap());
        assert!(!plan.is_known());
        plan.known(newest);
        plan
    }

    #[tokio::test]
    async fn r43_one_a_day_each_body_at_its_own_moment_and_the_first_at_once() {
        let now_ms = 1_795_219_200_000;
        let today = day_of(now_ms);
        let mut first = plan(None);
        assert!(first.is_due(now_ms));
        first.begin();
        assert!(!first.is_due(now_ms), "one question at a time");
        first.known(Some(today));
        assert!(!first.is_due(now_ms) && !first.is_due(start_of(today) + DAY_MS - 1));
        let midnight = start_of(today + 1);
        assert!(first.moment_ms > 0 && !first.is_due(midnight));
        assert!(first.is_due(midnight + first.moment_ms));
        let moments: std::collections::BTreeSet<u64> = ["982016", "982024", "983012", "980005"]
            .map(|code| Plan::new(code.parse().unwrap()).moment_ms)
            .into();
        assert_eq!(moments.len(), 4);
        assert!(moments.iter().all(|moment| *moment < SPREAD_MS));
        assert!(!plan(Some(today + 3)).is_due(now_ms), "a clock that was set back asks for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn r43_pauses_grow_to_a_bound_and_end_with_a_stamp() {
        let now_ms = 1_795_219_200_000;
        let mut plan = plan(None);
        for failures in 0..12u32 {
            assert!(plan.is_due(now_ms));
            plan.begin();
            plan.failed();
            let pause = FIRST_PAUSE.saturating_mul(1 << failures).min(LAST_PAUSE);
            assert!(!plan.is_due(now_ms));
            tokio::time::advance(pause / 2 - Duration::from_millis(1)).await;
            assert!(!plan.is_due(now_ms), "{failures}");
            tokio::time::advance(pause / 2 + Duration::from_millis(2)).await;
        }
        plan.known(Some(day_of(now_ms) - 1));
        assert_eq!((plan.failures, plan.not_before), (0, None));
    }
}
