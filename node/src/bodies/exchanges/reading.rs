//! One side of a period as it is read, in order of time, until a page has enough of it.
//!
//! What must hold: however much a side has, a page goes further than it began, and has both sides of all that it shows: it reads
//! as much before its begin and behind its end as the two sides' times of one request may differ, and a side ends nowhere
//! nearer to the page's begin. What is held at a time is bounded; a side that has more of so short a time is refused.

/// Records read of each side for a page, behind the time that its first row may take to come to the other side.
pub(super) const READ_MAX: usize = 2_048;
/// By how much the two sides' times of one request may differ: its deadline, and the clocks.
pub(super) const APART_MS: u64 = 65_000;
/// Records of one side held at a time: a thousand in a second for as long as times may differ, on both sides of a page's begin.
const HELD_MAX: usize = 131_072;

/// What one side has of a period.
pub(super) struct Side<T> {
    pub(super) records: Vec<T>,
    /// Everything before then is among them, Unix milliseconds.
    pub(super) whole_until_ms: u64,
}

/// The period that a page shows, Unix milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Period {
    /// Where the page begins.
    pub(super) from_ms: u64,
    /// Before when everything is asked for.
    pub(super) until_ms: u64,
}

/// A side has more in a short time than is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {HELD_MAX} records in a short time")]
pub(super) struct TooMany;

impl Period {
    /// From when on a side is read.
    pub(super) fn read_from_ms(&self) -> u64 {
        self.from_ms.saturating_sub(APART_MS)
    }

    /// Until when it is.
    pub(super) fn read_until_ms(&self) -> u64 {
        self.until_ms.saturating_add(APART_MS)
    }

    /// Whether a side that is whole until then lets the page get further than it began.
    pub(super) fn may_end_at(&self, at_ms: u64) -> bool {
        at_ms > self.from_ms.saturating_add(APART_MS)
    }
}

/// What was read of one side so far.
pub(super) struct Reading<T> {
    pub(super) records: Vec<T>,
    period: Period,
    /// Of these, those at which it may end.
    counted: usize,
}

impl<T> Reading<T> {
    pub(super) fn of(period: Period) -> Self {
        Self { records: Vec::new(), period, counted: 0 }
    }

    /// Takes the next record, which is of this time.
    pub(super) fn take(&mut self, at_ms: u64, record: T) -> Result<(), TooMany> {
        if self.records.len() == HELD_MAX {
            return Err(TooMany);
        }
        self.counted += usize::from(self.period.may_end_at(at_ms));
        self.records.push(record);
        Ok(())
    }

    /// Whether a page has enough of it.
    pub(super) fn is_enough(&self) -> bool {
        self.counted >= READ_MAX
    }

    /// All of the period.
    pub(super) fn whole(self) -> Side<T> {
        Side { whole_until_ms: self.period.read_until_ms(), records: self.records }
    }

    /// Everything before then.
    pub(super) fn until(self, at_ms: u64) -> Side<T> {
        Side { records: self.records, whole_until_ms: at_ms }
    }
}
