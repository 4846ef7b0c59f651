//! How far the copies of this broker's entries go, and how long what has none has waited.
//!
//! What must hold: waiting is counted from when an entry was first seen to be durable and without a copy (`broker/waiting.rs`).

use std::time::Duration;

use chukei_wire::message::copies::{CopyOf, HeldEnd};
use tokio::time::Instant;

use crate::broker::waiting::{Told, Waiting};

/// Without a copy for longer, entries are an alarm.
pub(super) const TOO_LONG: Duration = Duration::from_secs(5);

/// One kind of entries.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The last that is copied.
    copied: u64,
    /// The end of the copies that was found to be this broker's own entry.
    own: HeldEnd,
    /// What has no copy.
    waiting: Waiting,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Progress {
    ways: [Way; 3],
    told: Told,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Standing {
    /// Entries without a copy.
    pub(super) behind: u64,
    /// How long the oldest of them has waited.
    pub(super) lag: Duration,
    /// Whether they wait too long: `Some` when that has just changed.
    pub(super) alarm: Option<bool>,
}

impl Progress {
    /// So far goes what the other broker has said it holds.
    pub(super) fn copied(&mut self, of: CopyOf, last: u64) {
        if let Some(way) = self.way(of) {
            way.copied = last;
        }
    }

    /// This end of the copies is this broker's own entry.
    pub(super) fn is_own(&mut self, of: CopyOf, end: HeldEnd) {
        if let Some(way) = self.way(of) {
            way.own = end;
        }
    }

    /// Whether that is known of this one: entries do not change.
    pub(super) fn is_known(&self, of: CopyOf, end: HeldEnd) -> bool {
        let place = CopyOf::ALL.iter().position(|known| *known == of);
        place.and_then(|place| self.ways.get(place)).is_some_and(|way| way.own == end)
    }

    /// The last that is copied.
    pub(super) fn last(&self, of: CopyOf) -> u64 {
        let place = CopyOf::ALL.iter().position(|known| *known == of);
        place.and_then(|place| self.ways.get(place)).map_or(0, |way| way.copied)
    }

    /// How it stands where these are the last durable entries.
    pub(super) fn look(&mut self, durable: [u64; 3], now: Instant) -> Standing {
        let (mut behind, mut lag) = (0, Duration::ZERO);
        for (way, durable) in self.ways.iter_mut().zip(durable) {
            behind += durable.saturating_sub(way.copied);
            lag = lag.max(way.waiting.look(way.copied, durable, now));
        }
        let alarm = self.told.turns(lag > TOO_LONG);
        Standing { behind, lag, alarm }
    }

    fn way(&mut self, of: CopyOf) -> Option<&mut Way> {
        let place = CopyOf::ALL.iter().position(|known| *known == of)?;
        self.ways.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn r43_waiting_is_counted_from_the_first_look_and_an_alarm_is_told_once_each_way() {
        let (mut progress, begun) = (Progress::default(), Instant::now());
        let look = |progress: &mut Progress, records, after| progress.look([records, 0, 0], begun + after);
        assert_eq!(look(&mut progress, 0, SECOND).behind, 0);
        let first = look(&mut progress, 3, 2 * SECOND);
        assert_eq!((first.behind, first.lag, first.alarm), (3, Duration::ZERO, None));
        let more = look(&mut progress, 9, 4 * SECOND);
        assert_eq!((more.behind, more.lag), (9, 2 * SECOND), "the first has waited longest");
        assert_eq!(look(&mut progress, 9, 8 * SECOND).alarm, Some(true));
        assert_eq!(look(&mut progress, 9, 9 * SECOND).alarm, None);
        progress.copied(CopyOf::Records, 3);
        let moved = look(&mut progress, 9, 10 * SECOND);
        assert_eq!((moved.behind, moved.lag, moved.alarm), (6, Duration::ZERO, Some(false)));
        progress.copied(CopyOf::Records, 9);
        assert_eq!(
            look(&mut progress, 9, 11 * SECOND),
            Standing { behind: 0, lag: Duration::ZERO, alarm: None }
        );
    }
}
