//! Events of a log that fit a question, a page at a time, from either end.
//!
//! What must hold: one page reads a bounded number of records, and says where the next goes on, whether or not it found
//! any; nothing is opened that its request already rules out. The time that an entry says stands outside of its seal: no record
//! is passed over, and no page ends, for one that was not opened. Deliberately absent: who may ask.

use chukei_domain::event::{Record, Target};
use chukei_store::journal::JournalEntry;

use crate::audit::log::AuditLog;
use crate::audit::sealed_log::BadRecord;
use crate::hosted::persons::PersonId;

/// Records that one page reads at most.
const READ: u64 = 65_536;
/// Records read at a time where the newest are wanted first.
const WINDOW: u64 = 8_192;
/// Times of records are in the order of their numbers but for this: clocks of roles that differ by more are an alarm.
pub(super) const SLACK_MS: u64 = 3_600_000;

/// What is wanted. Whatever is absent fits everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    /// An identity, or what its name ends with behind a `/`.
    pub(crate) actor: Option<String>,
    /// What was called.
    pub(crate) action: Option<String>,
    /// About whom.
    pub(crate) person: Option<PersonId>,
    /// From then on, Unix milliseconds.
    pub(crate) from_ms: Option<u64>,
    /// Before then, Unix milliseconds.
    pub(crate) until_ms: Option<u64>,
    /// Result name.
    pub(crate) result: Option<String>,
    /// Everything of one request.
    pub(crate) request: Option<[u8; 16]>,
}

/// Which records of it, in which order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Behind this number, in the direction of the page.
    pub(crate) after: Option<u64>,
    /// From the end of the log backwards.
    pub(crate) newest_first: bool,
    /// Records at most.
    pub(crate) limit: usize,
}

/// Records that fit.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the direction of the page.
    pub(crate) records: Vec<Record>,
    /// Behind which number the next page goes on; absent where there is none.
    pub(crate) next: Option<u64>,
}

impl Question {
    /// What the entry says of itself without a key shows that it is of another request.
    fn is_of_another(&self, entry: &JournalEntry) -> bool {
        self.request.is_some_and(|wanted| entry.replay.is_some_and(|marked| marked != wanted))
    }

    fn fits(&self, record: &Record) -> bool {
        let late = self.from_ms.is_none_or(|from| record.at_ms >= from);
        let early = self.until_ms.is_none_or(|until| record.at_ms < until);
        let actor = self.actor.as_ref().is_none_or(|wanted| is_of(&record.actor, wanted));
        let action = self.action.as_ref().is_none_or(|wanted| record.action == *wanted);
        let result = self.result.as_ref().is_none_or(|wanted| record.result == *wanted);
        let person = self.person.is_none_or(|wanted| record.target == Some(Target::Person(wanted)));
        let request = self
            .request
            .is_none_or(|wanted| record.event.request() == Some(wanted) || record.call == Some(wanted));
        late && early && actor && action && result && person && request
    }

    /// Whether nothing behind a record of this time fits, in this direction.
    fn is_past(&self, at_ms: u64, newest_first: bool) -> bool {
        match newest_first {
            true => self.from_ms.is_some_and(|from| at_ms.saturating_add(SLACK_MS) < from),
            false => self.until_ms.is_some_and(|until| at_ms >= until.saturating_add(SLACK_MS)),
        }
    }
}

/// Whether an actor is the one who is meant: their identity, or the last parts of it.
fn is_of(actor: &str, wanted: &str) -> bool {
    actor == wanted || actor.strip_suffix(wanted).is_some_and(|before| before.ends_with('/'))
}

impl AuditLog {
    /// A page of the records that fit. Blocking file I/O.
    pub(crate) fn search(&self, question: &Question, page: Page) -> Result<Found, BadRecord> {
        let (first, last) = (self.records.first_number(), self.last_number());
        if page.newest_first {
            self.backward(question, page, first, last)
        } else {
            self.forward(question, page, first, last)
        }
    }

    fn forward(&self, question: &Question, page: Page, first: u64, last: u64) -> Result<Found, BadRecord> {
        let from = match (page.after, question.from_ms) {
            (Some(after), _) => after.saturating_add(1).max(first),
            (None, Some(from_ms)) => self.near(from_ms.saturating_sub(SLACK_MS), first, last)?,
            (None, None) => first,
        };
        let (mut found, mut read) = (Found::default(), 0);
        for entry in self.entries(from) {
            let entry = entry.map_err(|_| BadRecord)?;
            let number = entry.seq;
            if number > last {
                return Ok(found);
            }
            if question.is_past(entry.at_ms, false) {
                self.records.time_of(entry)?;
                return Ok(found);
            }
            found.records.extend(self.fitting(question, entry)?);
            read += 1;
            if found.records.len() >= page.limit || read >= READ {
                found.next = Some(number).filter(|number| *number < last);
                return Ok(found);
            }
        }
        Ok(found)
    }

    fn backward(&self, question: &Question, page: Page, first: u64, last: u64) -> Result<Found, BadRecord> {
        let mut until = match (page.after, question.until_ms) {
            (Some(after), _) => after.min(last.saturating_add(1)),
            (None, Some(until_ms)) => {
                let near = self.near(until_ms.saturating_add(SLACK_MS), first, last)?;
                near.saturating_add(WINDOW).min(last.saturating_add(1))
            }
            (None, None) => last.saturating_add(1),
        };
        let (mut found, mut read) = (Found::default(), 0);
        while until > first {
            let from = until.saturating_sub(WINDOW).max(first);
            let window = self.between(from, until)?;
            let first_of_it = window.first().filter(|entry| question.is_past(entry.at_ms, true));
            let over = first_of_it.is_some();
            first_of_it.map(|entry| self.records.time_of(entry.clone())).transpose()?;
            for entry in window.into_iter().rev() {
                let number = entry.seq;
                found.records.extend(self.fitting(question, entry)?);
                if found.records.len() >= page.limit {
                    found.next = Some(number).filter(|number| *number > first);
                    return Ok(found);
                }
            }
            if over {
                return Ok(found);
            }
            (until, read) = (from, read + WINDOW);
            if read >= READ {
                found.next = Some(until).filter(|number| *number > first);
                return Ok(found);
            }
        }
        Ok(found)
    }

    fn fitting(&self, question: &Question, entry: JournalEntry) -> Result<Option<Record>, BadRecord> {
        if question.is_of_another(&entry) {
            return Ok(None);
        }
        let record = self.records.look(entry)?;
        Ok(record.filter(|record| question.fits(record)))
    }

    /// A number at or before the first record of a time, where times are in order: by halves.
    fn near(&self, at_ms: u64, first: u64, last: u64) -> Result<u64, BadRecord> {
        let (mut low, mut high) = (first, last.saturating_add(1));
        while high.saturating_sub(low) > WINDOW {
            let middle = low + (high - low) / 2;
            let entry = self.entries(middle).next().ok_or(BadRecord)?.map_err(|_| BadRecord)?;
            let made_ms = entry.at_ms;
            self.records.time_of(entry)?;
            if made_ms < at_ms {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests;
