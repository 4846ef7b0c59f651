//! How long what is to be shown to another broker has stood where it is: as long as it stands, a fork between the two would
//! not be found.
//!
//! What must hold: it is counted from the first look at which something waited behind the same turn, by a clock that does not
//! jump; it is told once when it is too long, and once when it is over.

use std::time::Duration;

use tokio::time::Instant;

/// Heads that wait for longer are an alarm.
const TOO_LONG: Duration = Duration::from_secs(30);

/// How it stands with one other broker.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Up to this turn all was answered, and since when that has been so while something waited.
    waiting: Option<(u64, Instant)>,
    told: bool,
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stood {
    /// How long something has waited.
    pub(super) lag: Duration,
    /// Whether that is too long: `Some` when it has just changed.
    pub(super) alarm: Option<bool>,
}

impl Standing {
    /// All is answered up to this turn; `waits` whether there is something behind it.
    pub(super) fn look(&mut self, up_to: u64, waits: bool, now: Instant) -> Stood {
        self.waiting = match self.waiting {
            _ if !waits => None,
            Some((at, since)) if at == up_to => Some((at, since)),
            _ => Some((up_to, now)),
        };
        let lag = self.waiting.map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since));
        let late = lag > TOO_LONG;
        let alarm = (late != self.told).then_some(late);
        self.told = late;
        Stood { lag, alarm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_heads_that_wait_behind_the_same_turn_for_too_long_are_told_once_each_way() {
        let (mut standing, begun) = (Standing::default(), Instant::now());
        let mut look = |up_to, waits, seconds| {
            let Stood { lag, alarm } = standing.look(up_to, waits, begun + Duration::from_secs(seconds));
            (lag.as_secs(), alarm)
        };
        assert_eq!(look(3, false, 0), (0, None));
        assert_eq!(look(3, true, 40), (0, None), "nothing waited before");
        assert_eq!(look(3, true, 60), (20, None));
        assert_eq!(look(4, true, 69), (0, None), "something was answered");
        assert_eq!(look(4, true, 99), (30, None));
        assert_eq!(look(4, true, 100), (31, Some(true)));
        assert_eq!(look(4, true, 200), (131, None));
        assert_eq!(look(5, false, 201), (0, Some(false)));
    }
}
