//! How long the records of one owner are kept, and with that the key that each is sealed under.
//!
//! What must hold: a record opens until its time is over and not for more than a month longer: it stands under the key of
//! the last day of the month in which its time ends (番号法23条, R23), so that as few keys as months are needed; what is
//! decided when it is written stays so, whatever is configured later. Deliberately absent: the end of keys, see `expiry`.

use chukei_crypto::keyring::Keyring;
use chukei_domain::day::{day_of, first_of_month, last_of_month, start_of};

/// How long records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep(u32);

impl Keep {
    /// So many days.
    pub const fn days(days: u32) -> Self {
        Self(days)
    }

    /// The last day on which a record of this moment opens.
    pub(crate) fn last_day(self, at_ms: u64) -> u32 {
        last_of_month(day_of(at_ms).saturating_add(self.0))
    }

    /// The day of the key for a record of this moment: one that is not over, even where the clock was set back.
    pub(super) fn key_day(self, at_ms: u64, keys: &Keyring) -> u32 {
        self.last_day(at_ms).max(last_of_month(keys.first_day()))
    }

    /// The days of the keys that are needed this month and the next.
    pub(super) fn ahead(self, now_ms: u64, keys: &Keyring) -> [u32; 2] {
        let day = self.key_day(now_ms, keys);
        [day, last_of_month(day.saturating_add(1))]
    }

    /// The moment before which records were made whose time is over, Unix milliseconds.
    pub(crate) fn before_ms(self, now_ms: u64) -> u64 {
        start_of(first_of_month(day_of(now_ms)).saturating_sub(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: u64 = 86_400_000;

    proptest! {
        /// R23: nothing ends early, and nothing is kept for more than a month longer.
        #[test]
        fn r23_a_record_is_kept_for_its_time_and_at_most_a_month_longer(
            at_ms in 0..4_000_000_000_000_u64, days in 1..5_000_u32, later in 0..6_000_u64,
        ) {
            let keep = Keep::days(days);
            let (made, last) = (day_of(at_ms), keep.last_day(at_ms));
            prop_assert!((made + days..made + days + 31).contains(&last));
            prop_assert_eq!(last_of_month(last), last);
            let now_ms = at_ms + later * DAY_MS;
            // Over by the calendar when, and only when, it is over by its key.
            prop_assert_eq!(at_ms < keep.before_ms(now_ms), last < day_of(now_ms));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_names_no_key_that_is_over() {
        let mut keys = Keyring::create(b"982016").unwrap();
        let keep = Keep::days(30);
        let today = 20_000;
        assert_eq!(keep.ahead(start_of(today), &keys), [last_of_month(today + 30), last_of_month(20_062)]);
        keys.destroy_days_before(today + 400);
        assert_eq!(keep.key_day(start_of(today), &keys), last_of_month(today + 400));
    }

    #[test]
    fn seven_years_take_few_keys() {
        let keep = Keep::days(2_557);
        let days: std::collections::BTreeSet<_> =
            (0..2_557 + 31).map(|day| keep.last_day(start_of(20_000 + day))).collect();
        assert!(days.len() <= 7 * 12 + 2, "{}", days.len());
    }
}
