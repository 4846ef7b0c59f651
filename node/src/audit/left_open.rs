//! Requests that were authorised and have no outcome, because the node stopped before it knew: found at the next start.
//!
//! What must hold: the log is read back by time, however much was written meanwhile, and by time in which it was written: what
//! lies between two records counts for little, so that a log which could not be written for hours, and a clock that was set on,
//! hide nothing. Each record is read once, and no person's record is opened but those of the requests that are found.

use std::collections::{HashMap, HashSet};

use chukei_domain::event::{Outcome, Target};
use chukei_store::journal::{JournalEntry, JournalError};
use chukei_wire::id::RequestId;

use crate::audit::log::{AuditLog, EntryKind};

/// Records read at a time, from the end on: as many are always looked at.
const WINDOW: u64 = 16_384;
/// For how long the log is read back. A request is open for as long as its sender waits and the portal may take to prove that
/// it opened the answer, little over a minute; an outcome that was refused waits longer, while others are written.
const READ_BACK_MS: u64 = 10 * 60_000;
/// What the time between two records counts for at most: a log that is in use has one more often.
const BETWEEN_MS: u64 = 10_000;

impl AuditLog {
    /// Closes as unknown what was authorised and has no outcome. How many that were. Blocking file I/O, or on
    /// the server that has the log: where that cannot be reached nothing is queued. A log that is damaged is read as far back
    /// as that goes.
    pub fn close_open_requests(&self, actor: &str, now_ms: u64) -> Result<usize, JournalError> {
        let mut open: Vec<(RequestId, Option<Target>)> = Vec::new();
        for (request, number) in self.left_open()? {
            let entry = self.records.entries(number).next().transpose()?;
            let record = entry.and_then(|entry| self.records.open(entry).ok());
            open.push((request, record.and_then(|record| record.target)));
        }
        let count = open.len();
        for (request, target) in open {
            self.outcome(actor, request, target, Outcome::Unknown, now_ms);
        }
        Ok(count)
    }

    /// Requests without an outcome, each with the number of the record that authorised it, in order of these.
    fn left_open(&self) -> Result<Vec<(RequestId, u64)>, JournalError> {
        let (first, mut until) = (self.first_number(), self.last_number().saturating_add(1));
        let mut back = Back::default();
        while until > first && back.passed_ms < READ_BACK_MS {
            let from = until.saturating_sub(WINDOW).max(first);
            match back.window(self.entries(from), until) {
                Ok(()) => until = from,
                Err(error @ JournalError::Unreachable) => return Err(error),
                Err(error) => {
                    tracing::error!(
                        code = error.code(),
                        "a log cannot be read for requests that a stop left open"
                    );
                    // Outcomes may stand among what was not read.
                    back.open.retain(|_, number| *number >= until);
                    break;
                }
            }
        }
        let mut open: Vec<_> = back.open.into_iter().collect();
        open.sort_unstable_by_key(|(_, number)| *number);
        Ok(open)
    }
}

/// What is known of the requests of a log that is read back.
#[derive(Default)]
struct Back {
    /// Authorised, and without an outcome in all that follows.
    open: HashMap<RequestId, u64>,
    /// With an outcome, and authorised before what was read.
    ended: HashSet<RequestId>,
    /// Time of the first record that was read, and how long the log was in use from there on.
    first_ms: Option<u64>,
    passed_ms: u64,
}

impl Back {
    /// Reads what stands before what was read, up to record `until`.
    fn window(
        &mut self,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
        until: u64,
    ) -> Result<(), JournalError> {
        let (behind, mut last) = (self.first_ms.take(), None);
        for entry in entries {
            let entry = entry?;
            if entry.seq >= until {
                break;
            }
            self.first_ms.get_or_insert(entry.at_ms);
            self.pass(last.replace(entry.at_ms), Some(entry.at_ms));
            self.entry(&entry);
        }
        self.pass(last, behind);
        Ok(())
    }

    /// Time between two records that follow each other.
    fn pass(&mut self, from: Option<u64>, to: Option<u64>) {
        let (Some(from), Some(to)) = (from, to) else { return };
        self.passed_ms = self.passed_ms.saturating_add(to.saturating_sub(from).min(BETWEEN_MS));
    }

    fn entry(&mut self, entry: &JournalEntry) {
        let Some(request) = entry.replay.map(RequestId) else { return };
        if entry.kind == EntryKind::Authorised as u8 {
            if !self.ended.remove(&request) {
                self.open.insert(request, entry.seq);
            }
        } else if entry.kind == EntryKind::Outcome as u8 && self.open.remove(&request).is_none() {
            self.ended.insert(request);
        }
    }
}
