//! A token bucket: so many units a second, so many at once, and debts for what was counted only when it had passed.
//!
//! What must hold: a bucket costs one atomic word and no lock; it never gives more than burst and rate together, but
//! for a debt, and a debt is paid before anything more is given.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

const NANOS: u128 = 1_000_000_000;
/// Whoever finds nothing is told to come back when there are so many: one operation may be several requests (a challenge,
/// its answer, the call itself), and one at a time would never get to the last of them.
const SEVERAL: u64 = 4;

/// One bucket.
pub(super) struct Bucket {
    /// Units a second, at least 1.
    rate: u64,
    /// Nanoseconds that a full bucket stands for.
    burst: u64,
    epoch: Instant,
    /// When the bucket is full again, nanoseconds after `epoch`.
    full_at: AtomicU64,
}

impl Bucket {
    /// A full bucket that is given `rate` units a second and holds `burst`, each at least 1.
    pub(super) fn new(rate: u64, burst: u64) -> Self {
        let rate = rate.max(1);
        let burst = nanos(burst.max(1), rate);
        Self { rate, burst, epoch: Instant::now(), full_at: AtomicU64::new(0) }
    }

    /// Takes one unit, or tells how long it is until there are several, or as many as the bucket holds.
    pub(super) fn take_one(&self) -> Result<(), Duration> {
        let (now, cost) = (self.now(), nanos(1, self.rate));
        let taken = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            let after = full_at.max(now).saturating_add(cost);
            (after.saturating_sub(now) <= self.burst).then_some(after)
        });
        taken.map(drop).map_err(|full_at| {
            let several = nanos(SEVERAL, self.rate).min(self.burst);
            let after = full_at.max(now).saturating_add(several);
            Duration::from_nanos(after.saturating_sub(now).saturating_sub(self.burst).max(1))
        })
    }

    /// Takes these units whether or not they are there.
    pub(super) fn charge(&self, units: u64) {
        let (now, cost) = (self.now(), nanos(units, self.rate));
        let charged = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        let _ = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, charged);
    }

    /// How long it is until the bucket has no debt; zero where it has none.
    pub(super) fn debt(&self) -> Duration {
        let behind = self.full_at.load(Ordering::Acquire).saturating_sub(self.now());
        Duration::from_nanos(behind.saturating_sub(self.burst))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Time in which so many units come.
fn nanos(units: u64, rate: u64) -> u64 {
    u64::try_from(u128::from(units) * NANOS / u128::from(rate)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_the_rate_and_the_wait_that_is_told_is_the_right_one() {
        let bucket = Bucket::new(10, 3);
        assert!((0..3).all(|_| bucket.take_one().is_ok()));
        let wait = bucket.take_one().unwrap_err();
        assert_eq!(wait, Duration::from_millis(300), "as many as it holds");
        advance(Duration::from_millis(99)).await;
        assert_eq!(bucket.take_one(), Err(Duration::from_millis(201)), "a refusal costs nothing");
        advance(Duration::from_millis(201)).await;
        assert_eq!([bucket.take_one(), bucket.take_one(), bucket.take_one()], [Ok(()); 3]);
        let large = Bucket::new(10, 1_000);
        large.charge(1_000);
        assert_eq!(large.take_one(), Err(Duration::from_millis(400)), "several, not all");
        advance(Duration::from_secs(60)).await;
        assert!((0..3).all(|_| bucket.take_one().is_ok()), "no more than a burst is saved up");
        assert!(bucket.take_one().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_debt_is_paid_first() {
        let bucket = Bucket::new(1_000, 500);
        bucket.charge(500);
        assert_eq!(bucket.debt(), Duration::ZERO, "what it holds is no debt");
        bucket.charge(2_000);
        assert_eq!(bucket.debt(), Duration::from_secs(2));
        assert!(bucket.take_one().is_err());
        advance(Duration::from_secs(2)).await;
        assert_eq!(bucket.debt(), Duration::ZERO);
    }

    #[test]
    fn the_greatest_amounts_do_not_wrap() {
        let runtime = tokio::runtime::Builder::new_current_thread().start_paused(true).enable_time().build();
        runtime.unwrap().block_on(async {
            let bucket = Bucket::new(1, 1);
            bucket.charge(u64::MAX);
            bucket.charge(u64::MAX);
            assert!(bucket.take_one().is_err() && bucket.debt() > Duration::from_secs(1 << 33));
        });
    }

    proptest! {
        /// Never more than burst + rate × time, whatever the times between the tries.
        #[test]
        fn no_more_than_burst_and_rate(rate in 1_u64..500, burst in 1_u64..50, pauses in proptest::collection::vec(0_u64..50, 1..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().start_paused(true).enable_time().build().unwrap();
            runtime.block_on(async {
                let (bucket, mut given, mut ms) = (Bucket::new(rate, burst), 0, 0);
                for pause in pauses {
                    advance(Duration::from_millis(pause)).await;
                    ms += pause;
                    given += u64::from(bucket.take_one().is_ok());
                    prop_assert!(given * 1_000 <= burst * 1_000 + rate * ms);
                }
                Ok(())
            })?;
        }
    }
}
