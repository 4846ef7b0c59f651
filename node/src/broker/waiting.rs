//! How long the oldest of what is done in its order has waited, and when that is told as too long.
//!
//! What must hold: waiting is counted from the look at which something was first seen to wait, by a clock that does not jump;
//! it ends when what was the newest then is done, whatever was done before and has come since; that it is too long is told
//! once, and once that it is over.

use std::time::Duration;

use tokio::time::Instant;

/// Things by their numbers, which are done in their order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// What was the newest when it was first seen that something waits, and when that was.
    since: Option<(u64, Instant)>,
}

impl Waiting {
    /// How long the oldest has waited, where all up to `reached` is done and `newest` is the last there is; zero where
    /// nothing waits.
    pub(super) fn look(&mut self, reached: u64, newest: u64, now: Instant) -> Duration {
        self.since = match self.since {
            _ if reached >= newest => None,
            Some((seen, since)) if reached < seen => Some((seen, since)),
            // What was seen is done, and something newer is not.
            _ => Some((newest, now)),
        };
        self.since.map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since))
    }
}

/// Whether it was told that something waits too long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told(bool);

impl Told {
    /// Whether it is `late`: `Some` where that has just changed.
    pub(super) fn turns(&mut self, late: bool) -> Option<bool> {
        let turned = (late != self.0).then_some(late);
        self.0 = late;
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_waiting_ends_when_what_was_the_newest_at_its_begin_is_done() {
        let (mut waiting, begun) = (Waiting::default(), Instant::now());
        let mut look = |reached, newest, seconds| {
            waiting.look(reached, newest, begun + Duration::from_secs(seconds)).as_secs()
        };
        assert_eq!(look(3, 3, 0), 0);
        assert_eq!(look(3, 8, 40), 0, "nothing waited before");
        assert_eq!(look(3, 8, 60), 20);
        assert_eq!(look(7, 12, 69), 29, "what was the newest waits on, whatever was done before it");
        assert_eq!(look(8, 12, 70), 0, "that is done; what has come since was first seen later");
        assert_eq!(look(11, 30, 75), 5);
        assert_eq!(look(30, 30, 76), 0);
        assert_eq!(look(30, 31, 90), 0);
    }

    #[test]
    fn what_waits_too_long_is_told_once_each_way() {
        let mut told = Told::default();
        let turned = [false, true, true, false, false, true].map(|late| told.turns(late));
        assert_eq!(turned, [None, Some(true), None, Some(false), None, Some(true)]);
    }
}
