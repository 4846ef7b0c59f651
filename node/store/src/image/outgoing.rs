//! An image on its way out: chunk after chunk of rows, and in the end what the manifest has to say of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::capture::{Capture, Captured, Page};
use super::error::ImageError;
use super::format::{Chunk, ChunkBuilder};
use super::manifest::{FileSums, SpaceCount, SpaceCounts};
use super::observed::{HeldWrites, Observed};

/// What is known of the rows once all are out.
pub struct Taken<T> {
    /// The newest version in it.
    pub newest: u64,
    /// The line of versions.
    pub lineage: [u8; 16],
    /// For how long writes waited.
    pub pause: Duration,
    /// The chunks that went out.
    pub rows: FileSums,
    /// Their records.
    pub spaces: Vec<SpaceCount>,
    /// What was noted while writes waited.
    pub noted: T,
    /// Writes wait on, where that was asked for.
    pub held: Option<HeldWrites>,
}

/// Rows on their way out.
pub struct Outgoing<T, F: FnOnce() -> T> {
    capture: Capture,
    /// Called while writes wait.
    note: Option<F>,
    point: Option<Point<T>>,
    builder: ChunkBuilder,
    ready: VecDeque<Chunk>,
    sums: FileSums,
    counts: SpaceCounts,
    over: bool,
    keeps_holding: bool,
}

struct Point<T> {
    newest: u64,
    lineage: [u8; 16],
    pause: Duration,
    noted: T,
    last: VecDeque<Page>,
    held: Option<HeldWrites>,
}

impl<T, F: FnOnce() -> T> Outgoing<T, F> {
    /// Begins an image of everything, or of what is newer than `base`: a line of versions and its newest one then.
    /// `note` is called once, while writes wait: it must be quick.
    pub async fn begin(
        observed: &Arc<Observed>,
        base: Option<([u8; 16], u64)>,
        note: F,
    ) -> Result<Self, ImageError> {
        Ok(Self {
            capture: Capture::begin(observed, base).await?,
            note: Some(note),
            point: None,
            builder: ChunkBuilder::default(),
            ready: VecDeque::new(),
            sums: FileSums::default(),
            counts: SpaceCounts::default(),
            over: false,
            keeps_holding: false,
        })
    }

    /// Lets writes wait until what [`Outgoing::taken`] gives is dropped: for who takes the rows away.
    #[must_use]
    pub fn keep_holding(mut self) -> Self {
        self.keeps_holding = true;
        self
    }

    /// The next chunk; `None` when all are out.
    pub async fn next(&mut self) -> Result<Option<Chunk>, ImageError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                self.sums.chunks.push(chunk.sum);
                return Ok(Some(chunk));
            }
            if self.over {
                return Ok(None);
            }
            match self.page().await? {
                Some(page) => self.fill(page),
                None => {
                    self.over = true;
                    self.ready.extend(self.builder.finish());
                }
            }
        }
    }

    /// What the manifest has to say, once all chunks are out.
    pub fn taken(self) -> Option<Taken<T>> {
        let Point { newest, lineage, pause, noted, held, .. } = self.point?;
        let spaces = self.counts.into_counts();
        Some(Taken { newest, lineage, pause, rows: self.sums, spaces, noted, held })
    }

    async fn page(&mut self) -> Result<Option<Page>, ImageError> {
        loop {
            if let Some(point) = &mut self.point {
                return Ok(point.last.pop_front());
            }
            if let Some(page) = self.capture.next().await? {
                return Ok(Some(page));
            }
            let Some(captured) = self.capture.settle().await? else { continue };
            let Captured { newest, lineage, last, since, held } = captured;
            let noted = self.note.take().map(|note| note());
            let held = self.keeps_holding.then_some(held);
            let pause = since.elapsed();
            self.point = noted.map(|noted| Point { newest, lineage, pause, noted, last: last.into(), held });
        }
    }

    fn fill(&mut self, page: Page) {
        for record in &page.records {
            self.counts.add(record);
            self.ready.extend(self.builder.record(page.section, record));
        }
    }
}
