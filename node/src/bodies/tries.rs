//! How often somebody may guess at a factor, over all their connections.
//!
//! What must hold: a try counts before it is judged, so that tries at once are no more than tries in a row; the table is
//! bounded. Lost with the process: a restart gives [`LOCKED_AFTER`] tries anew, and the limit of a connection comes on
//! top.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chukei_wire::identity::Identity;
use lru::LruCache;

use crate::bodies::session::Moment;

/// Failed proofs of one factor in a row after which it is not looked at any more for a while.
pub const LOCKED_AFTER: u32 = 10;
/// For how long.
pub const LOCKED_FOR: Duration = Duration::from_secs(15 * 60);
/// Factors with failed proofs that are remembered: more than there are people whose certificates count.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

type Tried = (Identity, String);

/// Failed proofs by factor.
#[derive(Debug)]
pub struct FactorTries {
    failed: Mutex<LruCache<Tried, (u32, Moment)>>,
}

impl Default for FactorTries {
    fn default() -> Self {
        Self { failed: Mutex::new(LruCache::new(REMEMBERED)) }
    }
}

impl FactorTries {
    /// Counts a try of this factor as failed; false where there were too many, and it is not to be judged.
    pub fn begin(&self, user: &Identity, factor: &str, now: Moment) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = (user.clone(), factor.to_owned());
        let (count, last) = failed.get_or_insert_mut(tried, || (0, now));
        if now.since(last) >= LOCKED_FOR {
            *count = 0;
        }
        if *count >= LOCKED_AFTER {
            return false;
        }
        (*count, *last) = (*count + 1, now);
        true
    }

    /// The try was none that failed, and neither count those before it.
    pub fn succeeded(&self, user: &Identity, factor: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.pop(&(user.clone(), factor.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn after_ten_failures_in_a_row_a_factor_rests_for_a_quarter_of_an_hour() {
        let (tries, now) = (FactorTries::default(), Moment { instant: Instant::now(), unix_ms: 0 });
        let user: Identity = "chukei://body/982016/staff/u-tax-07".parse().unwrap();
        let other: Identity = "chukei://body/982024/staff/u-tax-07".parse().unwrap();
        let after = |minutes: u64| Moment {
            instant: now.instant + Duration::from_secs(minutes * 60),
            unix_ms: minutes * 60_000,
        };
        for _ in 0..9 {
            assert!(tries.begin(&user, "pin", now));
        }
        tries.succeeded(&user, "pin");
        for _ in 0..10 {
            assert!(tries.begin(&user, "pin", now));
        }
        assert!(!tries.begin(&user, "pin", after(14)));
        assert!(tries.begin(&user, "face", now) && tries.begin(&other, "pin", now), "each has its own count");
        assert!(!tries.begin(&user, "pin", after(14)), "trying on does not lengthen it");
        assert!(tries.begin(&user, "pin", after(15)));
        for _ in 0..9 {
            assert!(tries.begin(&user, "pin", after(15)));
        }
        assert!(!tries.begin(&user, "pin", after(15)));
    }
}
