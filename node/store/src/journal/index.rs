//! What is durable, in brief: how far each segment, each partition and each log has come, and where to begin reading.
//!
//! One place per partition and segment it occurs in; the entries themselves are only on the disk.

use std::collections::{HashMap, VecDeque};

use super::block::Place;
use super::checkpoint::{Checkpoint, GivenUp, LogEnd};
use super::summary::Summary;

#[derive(Default)]
pub(super) struct Index {
    /// Those that are not derived, and the one that grows.
    segments: VecDeque<Segment>,
    partitions: HashMap<String, Numbers>,
    /// Derived segments whose summaries are kept for their replay ids, each with the time of its latest entry.
    past: Vec<(u64, u64)>,
}

/// How far a segment is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Behind its last durable block.
    pub(super) end: u64,
    pub(super) latest_ms: u64,
}

#[derive(Default)]
struct Numbers {
    last: u64,
    log: LogEnd,
    /// The first number in each segment and the block it lies in, in order.
    starts: VecDeque<(u64, Place)>,
}

/// Where entries are to be read.
pub(super) enum Route {
    /// In the journal: from this block on, in these segments.
    Journal { start: Place, segments: Vec<Segment> },
    /// In the partition's log, which ends so.
    Log(LogEnd),
}

impl Index {
    /// The logs as they were derived; what segments hold is added to it.
    pub(super) fn of_logs(checkpoint: &Checkpoint) -> Self {
        let numbers = |log: &LogEnd| Numbers { last: log.derived, log: log.clone(), ..Numbers::default() };
        let partitions = checkpoint.logs.iter().map(|(name, log)| (name.clone(), numbers(log))).collect();
        Self { partitions, ..Self::default() }
    }

    /// A segment that holds nothing yet, its first block to begin at `end`.
    pub(super) fn add_segment(&mut self, number: u64, end: u64) {
        self.segments.push_back(Segment { number, end, latest_ms: 0 });
    }

    /// A segment as it was found; `false` if its numbers are not the next ones of their partitions.
    pub(super) fn add_summary(&mut self, summary: &Summary) -> bool {
        let Summary { segment, end, latest_ms, .. } = *summary;
        self.segments.push_back(Segment { number: segment, end, latest_ms });
        summary.partitions.iter().all(|(name, span)| {
            let next = self.add(name, span.first, latest_ms, Place { segment, offset: span.offset });
            if let Some(numbers) = self.partitions.get_mut(name) {
                numbers.last = span.last;
            }
            next
        })
    }

    /// An entry in the newest segment; `false` if its number is not the next one of its partition.
    pub(super) fn add(&mut self, partition: &str, number: u64, at_ms: u64, place: Place) -> bool {
        if let Some(segment) = self.segments.back_mut() {
            segment.latest_ms = segment.latest_ms.max(at_ms);
        }
        let numbers = match self.partitions.get_mut(partition) {
            Some(numbers) => numbers,
            None => self.partitions.entry(partition.to_owned()).or_default(),
        };
        let next = numbers.last + 1 == number;
        numbers.last = number;
        if numbers.starts.back().is_none_or(|(_, start)| start.segment != place.segment) {
            numbers.starts.push_back((number, place));
        }
        next
    }

    /// The newest segment is durable up to `end`.
    pub(super) fn extend(&mut self, end: u64) {
        if let Some(segment) = self.segments.back_mut() {
            segment.end = end;
        }
    }

    /// The log of one partition ends so now; it may hold entries that never were in a segment.
    pub(super) fn set_log(&mut self, partition: &str, log: LogEnd) {
        let numbers = self.partitions.entry(partition.to_owned()).or_default();
        numbers.last = numbers.last.max(log.derived);
        numbers.log = log;
    }

    /// The logs hold everything before the segment that `checkpoint` names.
    pub(super) fn derived(&mut self, checkpoint: &Checkpoint, past: impl Iterator<Item = (u64, u64)>) {
        self.past.extend(past);
        self.segments.retain(|segment| segment.number >= checkpoint.journal_from);
        for (name, log) in &checkpoint.logs {
            self.set_log(name, log.clone());
        }
        for numbers in self.partitions.values_mut() {
            while numbers.starts.front().is_some_and(|(_, start)| start.segment < checkpoint.journal_from) {
                numbers.starts.pop_front();
            }
        }
    }

    /// The segments that take no more blocks, in order.
    pub(super) fn closed(&self) -> impl Iterator<Item = Segment> {
        self.segments.iter().take(self.segments.len().saturating_sub(1)).copied()
    }

    /// All segments there are, in order.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.segments.iter().copied()
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.segments.back().map(|segment| segment.number)
    }

    /// Derived segments whose summaries are kept.
    pub(super) fn past(&self) -> Vec<(u64, u64)> {
        self.past.clone()
    }

    /// A derived segment whose summary is kept.
    pub(super) fn add_past(&mut self, segment: u64, latest_ms: u64) {
        self.past.push((segment, latest_ms));
    }

    /// The summary of this one is gone.
    pub(super) fn drop_past(&mut self, segment: u64) {
        self.past.retain(|(number, _)| *number != segment);
    }

    /// Whether a partition has or had entries here.
    pub(super) fn knows(&self, partition: &str) -> bool {
        self.partitions.contains_key(partition)
    }

    /// The partition is not in the journal any more, nor in any segment.
    pub(super) fn forget(&mut self, partition: &str) {
        self.partitions.remove(partition);
    }

    pub(super) fn last_number(&self, partition: &str) -> u64 {
        self.partitions.get(partition).map_or(0, |numbers| numbers.last)
    }

    /// The first number that is kept, and why those before it are not.
    pub(super) fn first_number(&self, partition: &str) -> (u64, Option<GivenUp>) {
        self.partitions.get(partition).map_or((1, None), |found| (found.log.kept_from, found.log.given_up))
    }

    pub(super) fn last_numbers(&self) -> HashMap<String, u64> {
        self.partitions.iter().map(|(name, numbers)| (name.clone(), numbers.last)).collect()
    }

    /// Entries that are kept, of all partitions.
    pub(super) fn entries(&self) -> u64 {
        self.partitions.values().map(|numbers| (numbers.last + 1).saturating_sub(numbers.log.kept_from)).sum()
    }

    /// Where a partition's entry `from` lies; `None` if there is no such entry.
    pub(super) fn route(&self, partition: &str, from: u64) -> Option<Route> {
        let numbers = self.partitions.get(partition)?;
        if from > numbers.last || from < numbers.log.kept_from {
            return None;
        }
        if from <= numbers.log.derived {
            return Some(Route::Log(numbers.log.clone()));
        }
        let before = numbers.starts.partition_point(|(first, _)| *first <= from);
        let (_, start) = *numbers.starts.get(before.checked_sub(1)?)?;
        let segments =
            self.segments.iter().filter(|segment| segment.number >= start.segment).copied().collect();
        Some(Route::Journal { start, segments })
    }
}
