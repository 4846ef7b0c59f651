//! Reading the log back: each record opened, numbered without a gap.

use std::collections::HashMap;

use chukei_domain::event::{Outcome, Record};
use chukei_store::journal::{JournalEntry, JournalError, JournalReader};
use chukei_wire::id::RequestId;

use crate::audit::log::{AuditLog, EntryKind};
use crate::audit::sealed_log::{BadRecord, SealedLog};

/// Entries looked at for requests that a stop left open: far more than can be in work at once.
const OPEN_TAIL: u64 = 16_384;

/// Records of a log in order, from some number on, but those that have expired. Blocking file I/O.
pub struct Walk {
    records: SealedLog,
    entries: JournalReader,
}

impl Iterator for Walk {
    /// A record, or the failure to read or open the next one.
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.entries.next()? {
                Ok(entry) if self.records.has_expired(&entry) => {}
                Ok(entry) => return Some(self.records.open(entry)),
                Err(_) => return Some(Err(BadRecord)),
            }
        }
    }
}

impl AuditLog {
    /// Walks the records from number `from` on (the first is 1).
    pub fn walk(&self, from: u64) -> Walk {
        Walk { records: self.records.clone(), entries: self.records.entries(from) }
    }

    /// Walks every record that is kept.
    pub fn walk_kept(&self) -> Walk {
        self.walk(self.records.first_number())
    }

    /// Entries from number `from` on, as they are. Blocking file I/O.
    pub(crate) fn entries(&self, from: u64) -> JournalReader {
        self.records.entries(from)
    }

    /// Number of the first record that was made then or later, Unix milliseconds. Blocking file I/O.
    pub(crate) fn first_since(&self, since_ms: u64) -> Result<u64, JournalError> {
        self.records.first_since(since_ms)
    }

    /// Number of the first record that is kept.
    pub(crate) fn first_number(&self) -> u64 {
        self.records.first_number()
    }

    /// Number of the last durable record; 0 before the first.
    pub(crate) fn last_number(&self) -> u64 {
        self.records.last_number()
    }

    /// Closes requests that were authorised and have no outcome: the node stopped before it knew.
    pub fn close_open_requests(&self, actor: &str, now_ms: u64) -> usize {
        let open = self.open_requests();
        let count = open.len();
        for (request, authorised) in open {
            let target = self.records.open(authorised).ok().and_then(|record| record.target);
            self.outcome(actor, request, target, Outcome::Unknown, now_ms);
        }
        count
    }

    /// Requests without an outcome, each with the entry that authorised it.
    fn open_requests(&self) -> HashMap<RequestId, JournalEntry> {
        let from = self.records.last_number().saturating_sub(OPEN_TAIL).max(1);
        let mut open = HashMap::new();
        for entry in self.records.entries(from).map_while(Result::ok) {
            let Some(request) = entry.replay.map(RequestId) else { continue };
            if entry.kind == EntryKind::Authorised as u8 {
                open.insert(request, entry);
            } else if entry.kind == EntryKind::Outcome as u8 {
                open.remove(&request);
            }
        }
        open
    }
}
