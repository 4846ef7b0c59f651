//! What is durable, in brief: how far each segment and each partition has come, and where to begin reading.
//!
//! One place per partition and segment it occurs in; the entries themselves are only on the disk.

use std::collections::HashMap;

use super::block::Place;

#[derive(Default)]
pub(super) struct Index {
    segments: Vec<Segment>,
    partitions: HashMap<String, Numbers>,
}

/// How far a segment is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Behind its last durable block.
    pub(super) end: u64,
    latest_ms: u64,
}

struct Numbers {
    last: u64,
    /// The first number in each segment and the block it lies in, in order.
    starts: Vec<(u64, Place)>,
}

/// What a reader needs to know.
pub(super) struct Route {
    pub(super) partition: String,
    pub(super) from: u64,
    pub(super) last: u64,
    /// The block to begin at.
    pub(super) start: Place,
    /// The segments from there on.
    pub(super) segments: Vec<Segment>,
}

impl Index {
    /// A segment that holds nothing yet, its first block to begin at `end`.
    pub(super) fn add_segment(&mut self, number: u64, end: u64) {
        self.segments.push(Segment { number, end, latest_ms: 0 });
    }

    /// An entry in the newest segment; `false` if its number is not the next one of its partition.
    pub(super) fn add(&mut self, partition: &str, number: u64, at_ms: u64, place: Place) -> bool {
        if let Some(segment) = self.segments.last_mut() {
            segment.latest_ms = segment.latest_ms.max(at_ms);
        }
        let Some(numbers) = self.partitions.get_mut(partition) else {
            self.partitions
                .insert(partition.to_owned(), Numbers { last: number, starts: vec![(number, place)] });
            return number == 1;
        };
        let next = numbers.last + 1 == number;
        numbers.last = number;
        if numbers.starts.last().is_none_or(|(_, start)| start.segment != place.segment) {
            numbers.starts.push((number, place));
        }
        next
    }

    /// The newest segment is durable up to `end`.
    pub(super) fn extend(&mut self, end: u64) {
        if let Some(segment) = self.segments.last_mut() {
            segment.end = end;
        }
    }

    pub(super) fn last_number(&self, partition: &str) -> u64 {
        self.partitions.get(partition).map_or(0, |numbers| numbers.last)
    }

    pub(super) fn last_numbers(&self) -> HashMap<String, u64> {
        self.partitions.iter().map(|(name, numbers)| (name.clone(), numbers.last)).collect()
    }

    /// The segments that hold entries made at or after `since_ms`.
    pub(super) fn segments_since(&self, since_ms: u64) -> Vec<Segment> {
        self.segments.iter().filter(|segment| segment.latest_ms >= since_ms).copied().collect()
    }

    /// The way to a partition's entry `from` and those behind it; `None` if there is no such entry.
    pub(super) fn route(&self, partition: &str, from: u64) -> Option<Route> {
        let numbers = self.partitions.get(partition)?;
        let from = from.max(1);
        let before = numbers.starts.partition_point(|(first, _)| *first <= from);
        let (_, start) = *numbers.starts.get(before.checked_sub(1)?)?;
        if from > numbers.last {
            return None;
        }
        let segments =
            self.segments.iter().filter(|segment| segment.number >= start.segment).copied().collect();
        Some(Route { partition: partition.to_owned(), from, last: numbers.last, start, segments })
    }
}
