//! Putting the entries of one partition back, from a backup or from another node, where there are none.

use super::checkpoint::{GivenUp, LogEnd};
use super::entry::{EntryRef, Head, JournalEntry, MAX_SEALED_BYTES};
use super::error::JournalError;
use super::log_file::{self, Appender};
use super::{Shared, hold};
use crate::durable_file::ensure_dir;

impl Shared {
    /// Puts `entries` into the log of `partition`; the number of the last of them.
    pub(super) fn restore(
        &self,
        partition: &str,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
        missing: GivenUp,
    ) -> Result<u64, JournalError> {
        let mut logs = hold(&self.logs);
        self.settle(&logs)?;
        if logs.logs.contains_key(partition) || hold(&self.given).contains_key(partition) {
            return Err(JournalError::NotEmpty);
        }
        let end = self.write_restored(partition, entries, missing)?;
        let last = end.derived;
        if last == 0 {
            return Ok(0);
        }
        let mut next = logs.clone();
        next.logs.insert(partition.to_owned(), end.clone());
        // Held over the checkpoint: an entry that is appended meanwhile would have number 1.
        let mut given = hold(&self.given);
        if given.contains_key(partition) {
            return Err(JournalError::NotEmpty);
        }
        self.store(&mut logs, next)?;
        hold(&self.index).set_log(partition, end);
        given.insert(partition.to_owned(), last);
        Ok(last)
    }

    fn write_restored(
        &self,
        partition: &str,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
        missing: GivenUp,
    ) -> Result<LogEnd, JournalError> {
        let folder = log_file::folder(&self.dir, partition);
        ensure_dir(&log_file::root(&self.dir))?;
        // What an earlier attempt left behind.
        log_file::sweep(&folder, &LogEnd::default(), &*self.medium)?;
        let mut entries = entries.peekable();
        let first = match entries.peek() {
            None => return Ok(LogEnd::default()),
            Some(Ok(entry)) => entry.seq,
            Some(Err(_)) => 1,
        };
        let derived = first.checked_sub(1).ok_or(JournalError::NotInSequence)?;
        let given_up = (derived > 0).then_some(missing);
        let end = LogEnd { kept_from: first, given_up, derived, file: None };
        let mut appender = Appender::new(folder, end, self.options.log_bytes, &*self.medium)?;
        let mut bytes = Vec::new();
        for entry in entries {
            encode(partition, &entry?, &mut bytes)?;
            let entry = EntryRef::take(&mut bytes.as_slice()).ok_or(JournalError::NotInSequence)?;
            appender.push(&entry)?;
        }
        appender.finish()
    }
}

fn encode(partition: &str, entry: &JournalEntry, bytes: &mut Vec<u8>) -> Result<(), JournalError> {
    let JournalEntry { seq, at_ms, kind, replay, ref sealed } = *entry;
    if sealed.len() > MAX_SEALED_BYTES {
        return Err(JournalError::TooLarge);
    }
    bytes.clear();
    Head { partition: partition.to_owned(), kind, at_ms, replay }.encode(seq, sealed, bytes);
    Ok(())
}
