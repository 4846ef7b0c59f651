//! Places whose records are not there any more, held against what the log itself tells of their end.
//!
//! What must hold: whoever can write the files and has no key cannot make a record one that is over. What an entry says
//! outside of its seal is not believed: nothing is over without a sealed record that tells of it, or between records that
//! are younger. An erased body's log tells nothing of its own end. Deliberately absent: leaves, which stay.

use std::collections::{BTreeMap, BTreeSet};

use chukei_wire::message::audit::LogFault;

use crate::audit::examine::{Over, Tells};
use crate::audit::sealed_log::SET_BACK_MS;

/// What is gone, and what is told of it.
pub(super) struct Gone {
    /// Number of the first record that is kept.
    first: u64,
    /// The first record that is kept, as the newest record that gives up others says.
    given_up_to: u64,
    /// Days whose keys are destroyed, as the log tells.
    ended: BTreeSet<u32>,
    /// Days that entries name before the first that opens, each with the first number.
    named: BTreeMap<u32, u64>,
    /// The time of the newest record that opened.
    newest_ms: Option<u64>,
    /// Whether the log was put back from a backup: the end of a day may have been told behind it.
    restored: bool,
}

impl Gone {
    pub(super) fn new(first: u64) -> Self {
        let (named, ended) = (BTreeMap::new(), BTreeSet::new());
        Self { first, given_up_to: 1, ended, named, newest_ms: None, restored: false }
    }

    /// A record that opened, made at this moment.
    pub(super) fn opened(&mut self, at_ms: u64, tells: Tells) {
        self.newest_ms = self.newest_ms.max(Some(at_ms));
        match tells {
            Tells::DayEnded(day) => drop(self.ended.insert(day)),
            Tells::GivenUp(first) => self.given_up_to = self.given_up_to.max(first),
            Tells::Restored => self.restored = true,
            Tells::Nothing => {}
        }
    }

    /// Whether the entry of this number may be over, as it says.
    pub(super) fn may_be(&mut self, number: u64, over: Over) -> bool {
        match self.newest_ms {
            Some(newest_ms) => over.at_ms.saturating_add(SET_BACK_MS) >= newest_ms,
            None => {
                self.named.entry(over.day).or_insert(number);
                true
            }
        }
    }

    /// Whether anything is gone that a record has to tell of.
    pub(super) fn asks(&self) -> bool {
        self.first > 1 || !self.named.is_empty()
    }

    /// The first place whose end nothing tells of, once the whole log was read.
    pub(super) fn untold(&self) -> Option<(u64, LogFault)> {
        if self.given_up_to < self.first {
            return Some((self.given_up_to, LogFault::Missing));
        }
        let untold = self.named.iter().filter(|(day, _)| !self.restored && !self.ended.contains(day));
        untold.map(|(_, number)| (*number, LogFault::Altered)).min_by_key(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn over(at_ms: u64, day: u32) -> Over {
        Over { at_ms, day }
    }

    #[test]
    fn r43_what_is_over_at_the_beginning_is_told_of() {
        let mut gone = Gone::new(5);
        assert_eq!(gone.untold(), Some((1, LogFault::Missing)), "nobody has given up anything");
        assert!(gone.may_be(5, over(DAY_MS, 30)) && gone.may_be(6, over(DAY_MS, 31)));
        gone.opened(400 * DAY_MS, Tells::GivenUp(4));
        assert_eq!(gone.untold(), Some((4, LogFault::Missing)), "one more than was given up");
        gone.opened(400 * DAY_MS, Tells::GivenUp(5));
        gone.opened(400 * DAY_MS, Tells::DayEnded(30));
        assert_eq!(gone.untold(), Some((6, LogFault::Altered)), "no key of this day has ended");
        gone.opened(400 * DAY_MS, Tells::DayEnded(31));
        assert_eq!(gone.untold(), None);
    }

    #[test]
    fn r43_what_is_over_behind_a_record_is_not_older_than_it() {
        let mut gone = Gone::new(1);
        gone.opened(400 * DAY_MS, Tells::Nothing);
        gone.opened(390 * DAY_MS, Tells::Nothing);
        assert!(gone.may_be(3, over(399 * DAY_MS, 500)), "a clock may have been set back by a day");
        assert!(!gone.may_be(3, over(399 * DAY_MS - 1, 500)));
        assert_eq!(gone.untold(), None);
    }

    #[test]
    fn a_log_that_was_put_back_need_not_tell_of_days_that_ended_behind_its_backup() {
        let mut gone = Gone::new(1);
        assert!(gone.may_be(1, over(DAY_MS, 30)));
        gone.opened(400 * DAY_MS, Tells::Restored);
        assert_eq!(gone.untold(), None);
    }
}
