//! Reading the log back: each record opened, numbered without a gap.

use chukei_domain::event::Record;
use chukei_store::journal::{JournalEntry, JournalError, JournalReader};

use crate::audit::log::AuditLog;
use crate::audit::sealed_log::{BadRecord, SealedLog};

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

    /// Entries from number `from` on, up to the one before `until`, as they are: as many as the caller holds at a time. Blocking
    /// file I/O.
    pub(super) fn between(&self, from: u64, until: u64) -> Result<Vec<JournalEntry>, BadRecord> {
        let mut entries = Vec::new();
        for entry in self.entries(from) {
            let entry = entry.map_err(|_| BadRecord)?;
            if entry.seq >= until {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
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
}
