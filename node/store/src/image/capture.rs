//! Taking an image: one pass over everything, rounds over what changed meanwhile, and the last changes while writes
//! wait.
//!
//! What must hold: each record is read after every write that was noted before it, so that the last record of a row
//! is how the row stands when writes are held. Memory is bounded: by a page, and by what may be left for the pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::ImageError;
use super::format::{Content, Record, Section};
use super::observed::{HeldWrites, Observed};
use crate::partition::{MAX_SCAN_ROWS, Partition, Versioned};
use crate::row::{RowKey, Space};

/// For how long writes may wait.
pub struct Pause;

impl Pause {
    /// A hold that has copied nothing final by then is given up, and tried again after another round.
    pub const LIMIT: Duration = Duration::from_millis(250);
}

/// Rows read at once outside the pass: a value has up to 1 MiB.
const ROUND_ROWS: usize = 64;
/// Rows that may be left for the pause.
const LEFT_ROWS: usize = 1_024;
/// Bytes that may be left for the pause.
const LEFT_BYTES: usize = 32 << 20;
/// Rounds before the pause is tried even though more is left.
const ROUNDS: u32 = 64;
/// Holds before it is told that there is no quiet moment.
const HOLDS: u32 = 16;
/// Passes before it is told that too much is written.
const PASSES: u32 = 4;

/// Records of one section.
#[derive(Debug)]
pub struct Page {
    /// The section.
    pub section: Section,
    /// Its next records.
    pub records: Vec<Record>,
}

/// The image as it stands when writes are held.
pub struct Captured {
    /// The newest version in it, and the newest there is.
    pub newest: u64,
    /// The line of versions it is of.
    pub lineage: [u8; 16],
    /// The last changes.
    pub last: Vec<Page>,
    /// Since when writes wait.
    pub since: Instant,
    /// Lets writes go on when dropped.
    pub held: HeldWrites,
}

/// An image that is being taken. Dropped, it leaves nothing behind.
pub struct Capture {
    observed: Arc<Observed>,
    partition: Arc<dyn Partition>,
    lineage: [u8; 16],
    /// Rows of this version and before are the base's.
    base: u64,
    work: Work,
    section: Section,
    rounds: u32,
    passes: u32,
    holds: u32,
}

enum Work {
    Pass { spaces: std::slice::Iter<'static, Space>, space: Option<Space>, after: Option<RowKey> },
    Round(std::vec::IntoIter<RowKey>),
}

impl Work {
    fn pass() -> Self {
        let mut spaces = Space::ALL.iter();
        let space = spaces.next().copied();
        Self::Pass { spaces, space, after: None }
    }
}

impl Capture {
    /// Begins. Of rows of version `base.1` and before only names are read, where the line of versions is `base.0`:
    /// [`ImageError::OtherLineage`] where it is not.
    pub async fn begin(observed: &Arc<Observed>, base: Option<([u8; 16], u64)>) -> Result<Self, ImageError> {
        let lineage = observed.lineage().await?;
        if base.is_some_and(|(of, _)| of != lineage) {
            return Err(ImageError::OtherLineage);
        }
        observed.begin_noting()?;
        let capture = Self {
            observed: observed.clone(),
            partition: observed.partition(),
            lineage,
            base: base.map_or(0, |(_, newest)| newest),
            work: Work::pass(),
            section: Section::Complete(0),
            rounds: 0,
            passes: 1,
            holds: 0,
        };
        // What was queued before it was noted is there now.
        capture.observed.point().await?;
        Ok(capture)
    }

    /// The next records; `None` when little enough is left for [`Capture::settle`].
    pub async fn next(&mut self) -> Result<Option<Page>, ImageError> {
        loop {
            match &mut self.work {
                Work::Pass { spaces, space, after } => {
                    let Some(current) = *space else {
                        self.work = Work::Round(Vec::new().into_iter());
                        continue;
                    };
                    let prefix = RowKey::new(current);
                    let page = self.partition.scan(&prefix, after.as_ref(), MAX_SCAN_ROWS).await?;
                    *after = page.next();
                    if after.is_none() {
                        *space = spaces.next().copied();
                    }
                    if page.rows.is_empty() {
                        continue;
                    }
                    let records = page.rows.into_iter().map(|(key, row)| record(key, row, self.base));
                    return Ok(Some(Page { section: self.section, records: records.collect() }));
                }
                Work::Round(keys) => {
                    let some: Vec<RowKey> = keys.take(ROUND_ROWS).collect();
                    if !some.is_empty() {
                        return Ok(Some(self.read(some).await?));
                    }
                    if self.observed.noted() <= LEFT_ROWS || self.rounds >= ROUNDS {
                        return Ok(None);
                    }
                    self.next_round().await?;
                }
            }
        }
    }

    /// Holds writes and reads what is left. `None` if more is left than a pause has time for: then there is more for
    /// [`Capture::next`].
    pub async fn settle(&mut self) -> Result<Option<Captured>, ImageError> {
        self.holds += 1;
        if self.holds > HOLDS {
            return Err(ImageError::NoQuiet);
        }
        let (held, since) = (self.observed.hold(), Instant::now());
        match tokio::time::timeout(Pause::LIMIT, self.left()).await {
            Ok(Ok(Some((newest, last)))) => {
                Ok(Some(Captured { newest, lineage: self.lineage, last, since, held }))
            }
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) | Err(_) => {
                drop(held);
                self.again().await?;
                Ok(None)
            }
        }
    }

    /// The last changes, while writes wait.
    async fn left(&mut self) -> Result<Option<(u64, Vec<Page>)>, ImageError> {
        let newest = self.observed.point().await?;
        if self.observed.noted() > 2 * LEFT_ROWS {
            return Ok(None);
        }
        let Some(keys) = self.observed.take_changes() else { return Ok(None) };
        // Until they are handed out they count as changed: a hold that is given up loses none.
        self.observed.put_back(keys.clone());
        self.section = self.following();
        let (mut pages, mut bytes) = (Vec::new(), 0_usize);
        for some in keys.chunks(ROUND_ROWS) {
            let page = self.read(some.to_vec()).await?;
            bytes += page.records.iter().map(Record::length).sum::<usize>();
            if bytes > LEFT_BYTES {
                return Ok(None);
            }
            pages.push(page);
        }
        Ok(Some((newest, pages)))
    }

    /// After a hold that was given up: what was left then and what was written since is read again.
    pub async fn again(&mut self) -> Result<(), ImageError> {
        self.rounds = 0;
        self.next_round().await
    }

    async fn next_round(&mut self) -> Result<(), ImageError> {
        self.rounds += 1;
        let changed = self.observed.take_changes();
        self.observed.point().await?;
        self.work = match changed {
            Some(keys) => {
                self.section = self.following();
                Work::Round(keys.into_iter())
            }
            None if self.passes == PASSES => return Err(ImageError::NoQuiet),
            None => {
                self.passes += 1;
                tracing::warn!("more rows changed than are noted: the image begins anew");
                self.section = match self.following() {
                    Section::Complete(number) | Section::Differences(number) => Section::Complete(number),
                };
                Work::pass()
            }
        };
        Ok(())
    }

    fn following(&self) -> Section {
        match self.section {
            Section::Complete(number) | Section::Differences(number) => Section::Differences(number + 1),
        }
    }

    async fn read(&self, keys: Vec<RowKey>) -> Result<Page, ImageError> {
        let rows = self.partition.get_many(&keys).await?;
        let records = keys.into_iter().zip(rows).map(|(key, row)| match row {
            Some(row) => record(key, row, self.base),
            None => Record { key, version: 0, content: Content::Deleted },
        });
        Ok(Page { section: self.section, records: records.collect() })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.observed.end_noting();
    }
}

fn record(key: RowKey, row: Versioned, base: u64) -> Record {
    let Versioned { version, value } = row;
    let content = if version <= base { Content::Kept } else { Content::Value(value) };
    Record { key, version, content }
}
