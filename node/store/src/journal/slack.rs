//! How long an entry may wait for others that share its sync.
//!
//! A sync costs about the same for one entry as for hundreds, on the disk and of the processor: who need not know at once
//! leaves it to the next. What must hold: an entry is no less durable for it once that is told, and waits for a bounded time.

use std::time::Duration;

/// How long an entry may wait to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack(Duration);

impl Slack {
    /// It is written at once: somebody waits for nothing else.
    pub const NONE: Self = Self(Duration::ZERO);
    /// Nobody waits for it: 10 ms, or until another entry is written.
    pub const UNAWAITED: Self = Self(Duration::from_millis(10));
    /// So many requests under way are company: with fewer, a wait would be longer than what it saves.
    const COMPANY: i64 = 8;
    /// What each of them adds: a busy process takes longer over every request anyway.
    const FOR_EACH: Duration = Duration::from_micros(64);
    /// And the longest that it comes to.
    const LONGEST: Duration = Duration::from_millis(4);

    /// Somebody waits for it, as one of so many requests that are under way.
    pub fn among(under_way: i64) -> Self {
        if under_way < Self::COMPANY {
            return Self::NONE;
        }
        let many = u32::try_from(under_way).unwrap_or(u32::MAX);
        Self(Self::FOR_EACH.saturating_mul(many).min(Self::LONGEST))
    }

    pub(crate) fn time(self) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_grows_with_company_and_has_an_end() {
        assert_eq!([i64::MIN, -1, 0, 1, 7].map(Slack::among), [Slack::NONE; 5]);
        assert_eq!(Slack::among(8).time(), Duration::from_micros(512));
        assert_eq!(
            [62, 63, 1_000, i64::MAX].map(|many| Slack::among(many).time().as_micros()),
            [3_968, 4_000, 4_000, 4_000]
        );
    }
}
