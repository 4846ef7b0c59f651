//! Putting the entries of one partition into its log, from a backup, a server or another node, where there are none.
//!
//! What must hold: nothing of it counts before the checkpoint names it; until then a stop leaves files that the next
//! attempt removes. Replay ids of the last day come with them (R22): they lie in a summary of no segment.

use super::Shared;
use super::checkpoint::{GivenUp, LogEnd};
use super::entry::{EntryRef, Head, JournalEntry, MAX_SEALED_BYTES};
use super::error::JournalError;
use super::log_file::{self, Appender};
use super::slack::Slack;
use super::summary::Summary;
use crate::durable_file::ensure_dir;
use crate::hold::hold;

/// The summary of replay ids that came with entries: no segment has this number.
const CAME: u64 = 0;
/// Replay ids that are so much older than the newest entry are asked for no more, milliseconds.
const ASKED_FOR_MS: u64 = 24 * 3_600_000;
/// Replay ids after which the old ones among them are dropped.
const REPLAYS: usize = 65_536;

/// Entries on their way into a log.
pub(super) struct Restoring {
    partition: String,
    end: LogEnd,
    replays: Vec<([u8; 16], u64)>,
    newest_ms: u64,
}

impl Restoring {
    fn drop_old_replays(&mut self) {
        let since = self.newest_ms.saturating_sub(ASKED_FOR_MS);
        self.replays.retain(|(_, at_ms)| *at_ms >= since);
    }
}

impl Shared {
    /// Puts `entries` into the log of `partition`; the number of the last of them.
    pub(super) fn restore(
        &self,
        partition: &str,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
        missing: GivenUp,
    ) -> Result<u64, JournalError> {
        let mut entries = entries.peekable();
        let first = match entries.peek() {
            Some(Ok(entry)) => entry.seq,
            Some(Err(_)) | None => 1,
        };
        let mut restoring = self.begin_restore(partition, first, (first > 1).then_some(missing))?;
        self.put_entries(&mut restoring, entries)?;
        self.complete_restore(&restoring)
    }

    /// Begins a log whose first entry has the number `first`.
    pub(super) fn begin_restore(
        &self,
        partition: &str,
        first: u64,
        given_up: Option<GivenUp>,
    ) -> Result<Restoring, JournalError> {
        let logs = hold(&self.logs);
        self.settle(&logs)?;
        if logs.logs.contains_key(partition) || self.given.alone().last(partition).is_some() {
            return Err(JournalError::NotEmpty);
        }
        ensure_dir(&log_file::root(&self.dir))?;
        // What an earlier attempt left behind.
        log_file::sweep(&log_file::folder(&self.dir, partition), &LogEnd::default(), &*self.medium)?;
        let derived = first.checked_sub(1).ok_or(JournalError::NotInSequence)?;
        let end = LogEnd { kept_from: first, given_up, derived, file: None };
        Ok(Restoring { partition: partition.to_owned(), end, replays: Vec::new(), newest_ms: 0 })
    }

    /// Writes entries behind those before them, durably.
    pub(super) fn put_entries(
        &self,
        restoring: &mut Restoring,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
    ) -> Result<(), JournalError> {
        let folder = log_file::folder(&self.dir, &restoring.partition);
        let (end, log_bytes) = (restoring.end.clone(), self.options.log_bytes);
        let mut appender = Appender::new(folder, end, log_bytes, &*self.medium)?;
        let mut bytes = Vec::new();
        for entry in entries {
            let entry = entry?;
            encode(&restoring.partition, &entry, &mut bytes)?;
            restoring.newest_ms = restoring.newest_ms.max(entry.at_ms);
            restoring.replays.extend(entry.replay.map(|id| (id, entry.at_ms)));
            if restoring.replays.len() % REPLAYS == REPLAYS - 1 {
                restoring.drop_old_replays();
            }
            let entry = EntryRef::take(&mut bytes.as_slice()).ok_or(JournalError::NotInSequence)?;
            appender.push(&entry)?;
        }
        restoring.end = appender.finish()?;
        restoring.drop_old_replays();
        Ok(())
    }

    /// What was put in is the log from now on, durably; its last number. May be repeated after more was put in.
    pub(super) fn complete_restore(&self, restoring: &Restoring) -> Result<u64, JournalError> {
        let Restoring { partition, end, .. } = restoring;
        let last = end.derived;
        if last == 0 {
            return Ok(0);
        }
        let mut logs = hold(&self.logs);
        self.settle(&logs)?;
        self.note_replays(restoring)?;
        let mut next = logs.clone();
        let before = next.logs.insert(partition.clone(), end.clone()).map_or(0, |before| before.derived);
        // Held over the checkpoint: an entry that is appended meanwhile would have number 1.
        let mut given = self.given.alone();
        if given.last(partition).unwrap_or(0) != before {
            return Err(JournalError::NotEmpty);
        }
        self.store(&mut logs, next)?;
        hold(&self.index).set_log(partition, end.clone());
        given.set(partition, last);
        Ok(last)
    }

    fn note_replays(&self, restoring: &Restoring) -> Result<(), JournalError> {
        if restoring.replays.is_empty() {
            return Ok(());
        }
        let mut summary = Summary::load(&self.dir, CAME)?.unwrap_or_else(|| Summary::new(CAME));
        let since = restoring.newest_ms.saturating_sub(ASKED_FOR_MS);
        summary.replays.retain(|(_, at_ms)| *at_ms >= since);
        summary.replays.extend(&restoring.replays);
        summary.replays.sort_unstable();
        summary.replays.dedup();
        summary.latest_ms = summary.replays.iter().map(|(_, at_ms)| *at_ms).max().unwrap_or(0);
        summary.store(&self.dir, &*self.medium)?;
        let mut index = hold(&self.index);
        index.drop_past(CAME);
        index.add_past(CAME, summary.latest_ms);
        Ok(())
    }
}

fn encode(partition: &str, entry: &JournalEntry, bytes: &mut Vec<u8>) -> Result<(), JournalError> {
    let JournalEntry { seq, at_ms, kind, replay, ref sealed } = *entry;
    if sealed.len() > MAX_SEALED_BYTES {
        return Err(JournalError::TooLarge);
    }
    bytes.clear();
    Head { partition: partition.to_owned(), kind, at_ms, replay, slack: Slack::NONE }
        .encode(seq, sealed, bytes);
    Ok(())
}
