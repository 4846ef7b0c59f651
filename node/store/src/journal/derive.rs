//! Deriving the logs: entries go from segments that take no more blocks into the logs of their partitions, and the
//! segments go once that is durable.
//!
//! The order is: logs durable, checkpoint durable, index, segments removed. A stop before the checkpoint leaves bytes
//! behind the lengths that it names, which are written over; a stop behind it leaves segments that it no longer needs. Where
//! storing it failed, either may lie there: the old one is stored again before anything else.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::atomic::Ordering;

use super::blocks::Blocks;
use super::checkpoint::{Checkpoint, GivenUp, LogEnd};
use super::entry::EntryRef;
use super::error::JournalError;
use super::index::Segment;
use super::log_file::{self, Appender};
use super::segment;
use super::summary::Summary;
use super::unsynced::Unsynced;
use super::{Shared, hold, recover, summary};
use crate::durable_file::ensure_dir;

impl Shared {
    /// Derives the oldest segments that take no more blocks; how many that were. Blocking file I/O.
    pub(super) fn derive(&self) -> Result<usize, JournalError> {
        let mut logs = hold(&self.logs);
        self.settle(&logs)?;
        let closed = at_a_time(hold(&self.index).closed(), self.options.derive_bytes);
        let Some(last) = closed.last() else { return Ok(0) };
        let mut next = logs.clone();
        next.journal_from = last.number + 1;
        ensure_dir(&log_file::root(&self.dir))?;
        let mut unsynced = Unsynced::new(&*self.medium);
        for (partition, entries) in self.gather(&closed)? {
            let end = next.logs.entry(partition.clone()).or_default();
            let (grown, file) = self.append(&partition, end.clone(), &entries)?;
            *end = grown;
            if let Some(file) = file {
                unsynced.push(file, entries.len() as u64)?;
            }
        }
        unsynced.sync()?;
        let mut past = Vec::new();
        for segment in &closed {
            past.extend(self.keep_replays(*segment)?);
        }
        self.store(&mut logs, next)?;
        hold(&self.index).derived(&logs, past.into_iter());
        for segment in &closed {
            self.medium.remove(&segment::path(&self.dir, segment.number))?;
        }
        Ok(closed.len())
    }

    /// Stores `next` in the place of `logs`. Where that fails, it may lie there all the same.
    pub(super) fn store(&self, logs: &mut Checkpoint, next: Checkpoint) -> Result<(), JournalError> {
        match next.store(&self.dir, &*self.medium) {
            Ok(()) => {
                *logs = next;
                Ok(())
            }
            Err(error) => {
                // Where the old one still lies there, nothing has happened.
                if Checkpoint::load(&self.dir).ok().as_ref() != Some(logs) {
                    self.unsettled.store(true, Ordering::Release);
                    self.keeper.wake();
                }
                Err(error.into())
            }
        }
    }

    /// Stores `logs` again where it is not known whether another checkpoint lies there: before that, nothing may be
    /// touched of which that one speaks.
    pub(super) fn settle(&self, logs: &Checkpoint) -> Result<(), JournalError> {
        if self.unsettled.load(Ordering::Acquire) {
            logs.store(&self.dir, &*self.medium)?;
            self.unsettled.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// The entries of these segments by partition, in order, as they lie in blocks.
    fn gather(&self, segments: &[Segment]) -> Result<BTreeMap<String, Vec<u8>>, JournalError> {
        let mut gathered = HashMap::<String, Vec<u8>>::new();
        for segment in segments {
            let mut blocks = Blocks::of_segment(&self.dir, *segment);
            while blocks.next(|_, entry| match gathered.get_mut(entry.partition) {
                Some(entries) => entries.extend_from_slice(entry.raw),
                None => drop(gathered.insert(entry.partition.to_owned(), entry.raw.to_vec())),
            })? {}
        }
        // In an order that is the same every time.
        Ok(gathered.into_iter().collect())
    }

    /// Where the log ends now, and its file, where that is not durable yet.
    fn append(
        &self,
        partition: &str,
        end: LogEnd,
        mut entries: &[u8],
    ) -> Result<(LogEnd, Option<File>), JournalError> {
        let folder = log_file::folder(&self.dir, partition);
        let mut appender = Appender::new(folder, end, self.options.log_bytes, &*self.medium)?;
        while !entries.is_empty() {
            let entry = EntryRef::take(&mut entries).ok_or(JournalError::NotInSequence)?;
            appender.push(&entry)?;
        }
        appender.written()
    }

    /// Sees to it that the replay ids of a segment outlive it; its number and the time of its latest entry, if it has
    /// any.
    fn keep_replays(&self, segment: Segment) -> Result<Option<(u64, u64)>, JournalError> {
        let number = segment.number;
        let stored = Summary::load(&self.dir, number)?;
        let there = stored.is_some();
        let summary = stored.map_or_else(|| recover::summarise(&self.dir, segment), Ok)?;
        if summary.replays.is_empty() {
            self.medium.remove(&summary::path(&self.dir, number))?;
            return Ok(None);
        }
        if !there {
            summary.store(&self.dir, &*self.medium)?;
        }
        Ok(Some((number, summary.latest_ms)))
    }

    /// Removes what a stop left in the folders of logs. Nothing is derived before.
    pub(super) fn sweep_logs(&self) -> Result<(), JournalError> {
        let logs = hold(&self.logs);
        for (partition, end) in &logs.logs {
            log_file::sweep(&log_file::folder(&self.dir, partition), end, &*self.medium)?;
        }
        Ok(())
    }

    /// Gives up the entries before `number`, durably.
    pub(super) fn forget(&self, partition: &str, number: u64, why: GivenUp) -> Result<(), JournalError> {
        let mut logs = hold(&self.logs);
        self.settle(&logs)?;
        let last = hold(&self.index).last_number(partition);
        let mut next = logs.clone();
        let end = next.logs.entry(partition.to_owned()).or_default();
        let number = number.min(last + 1);
        if number <= end.kept_from {
            return Ok(());
        }
        (end.kept_from, end.given_up) = (number, Some(why));
        if end.derived < number {
            end.file = None;
        }
        let end = end.clone();
        self.store(&mut logs, next)?;
        hold(&self.index).set_log(partition, end.clone());
        Ok(log_file::sweep(&log_file::folder(&self.dir, partition), &end, &*self.medium)?)
    }

    /// Gives up the summaries of derived segments without an entry made at or after `before_ms`.
    pub(super) fn forget_replays(&self, before_ms: u64) -> Result<(), JournalError> {
        let _alone = hold(&self.logs);
        let past = hold(&self.index).past();
        for (number, _) in past.into_iter().filter(|(_, latest_ms)| *latest_ms < before_ms) {
            hold(&self.index).drop_past(number);
            self.medium.remove(&summary::path(&self.dir, number))?;
        }
        Ok(())
    }
}

/// The first of these, as many as come to `most` bytes, at least one.
fn at_a_time(closed: impl Iterator<Item = Segment>, most: u64) -> Vec<Segment> {
    let mut bytes = 0u64;
    let fits = |segment: &Segment| {
        let first = bytes == 0;
        bytes = bytes.saturating_add(segment.end);
        first || bytes <= most
    };
    closed.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_derived_together_as_far_as_memory_for_them_goes_and_never_none() {
        let of = |ends: &[u64]| {
            let segment =
                |(number, &end): (usize, &u64)| Segment { number: number as u64, end, latest_ms: 0 };
            at_a_time(ends.iter().enumerate().map(segment), 128 << 20).len()
        };
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[1, 1, 1]), 3);
        assert_eq!(of(&[16 << 20; 20]), 8);
        assert_eq!(of(&[u64::MAX, u64::MAX]), 1);
    }
}
