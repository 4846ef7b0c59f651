//! How long what is to be shown to another broker has waited for it: as long as it waits, a fork between the two would not be
//! found.
//!
//! What must hold: the oldest that waits is what counts, however much is answered before it (`broker/waiting.rs`).

use std::time::Duration;

use tokio::time::Instant;

use crate::broker::waiting::{Told, Waiting};

/// Heads that wait for longer are an alarm.
const TOO_LONG: Duration = Duration::from_secs(30);

/// How it stands with one other broker.
#[derive(Debug, Default)]
pub(super) struct Standing {
    waiting: Waiting,
    told: Told,
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stood {
    /// How long the oldest has waited.
    pub(super) lag: Duration,
    /// Whether that is too long: `Some` when it has just changed.
    pub(super) alarm: Option<bool>,
}

impl Standing {
    /// All is answered up to this turn; the newest turn that may be told.
    pub(super) fn look(&mut self, up_to: u64, newest: u64, now: Instant) -> Stood {
        let lag = self.waiting.look(up_to, newest, now);
        Stood { lag, alarm: self.told.turns(lag > TOO_LONG) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_heads_that_wait_for_too_long_are_told_once_each_way_however_slowly_they_are_answered() {
        let (mut standing, begun) = (Standing::default(), Instant::now());
        let mut look = |up_to, newest, seconds| {
            let Stood { lag, alarm } = standing.look(up_to, newest, begun + Duration::from_secs(seconds));
            (lag.as_secs(), alarm)
        };
        assert_eq!(look(3, 3, 0), (0, None));
        assert_eq!(look(3, 90, 40), (0, None), "nothing waited before");
        assert_eq!(look(13, 100, 60), (20, None));
        assert_eq!(look(23, 110, 70), (30, None));
        assert_eq!(look(24, 111, 71), (31, Some(true)), "one after the other is answered, and too slowly");
        assert_eq!(look(89, 180, 170), (130, None));
        assert_eq!(look(90, 180, 171), (0, Some(false)));
        assert_eq!(look(180, 180, 172), (0, None));
    }
}
