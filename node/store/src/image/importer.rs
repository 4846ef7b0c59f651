//! Putting an image back: section after section into a partition that nobody uses.
//!
//! What must hold: from the first record until the last the partition says that it is not whole; a row that a complete
//! section does not name is gone after it, and one that it keeps must be there. An import that broke off is begun again
//! from the start, over what it left.

use std::collections::VecDeque;
use std::sync::Arc;

use super::error::ImageError;
use super::format::{Content, Record, Section};
use super::own_rows::{self, Restored, filling_row, restored_row};
use crate::batch::Batch;
use crate::partition::{MAX_SCAN_ROWS, Partition};
use crate::row::{RowKey, Space};

/// Steps and bytes after which a batch is written.
const BATCH_STEPS: usize = 4_096;
const BATCH_BYTES: usize = 4 << 20;

/// Fills a partition.
pub struct Importer {
    target: Arc<dyn Partition>,
    batch: Batch,
    section: Option<Section>,
    /// The last record of the section.
    last: Option<RowKey>,
    /// Rows of the target that the section has not come to.
    ahead: VecDeque<RowKey>,
    /// The last of them that was read.
    read_to: Option<RowKey>,
    at_end: bool,
    records: u64,
    /// The image that is wholly in, while nothing of the next one is.
    whole: Option<[u8; 32]>,
}

impl Importer {
    /// Begins. The partition is empty, or an import into it broke off: [`ImageError::NotEmpty`] otherwise.
    pub async fn begin(target: Arc<dyn Partition>) -> Result<Self, ImageError> {
        let filling = own_rows::read(&*target, filling_row()).await?;
        if filling.is_none() {
            for space in Space::ALL {
                if !target.scan(&RowKey::new(*space), None, 1).await?.rows.is_empty() {
                    return Err(ImageError::NotEmpty);
                }
            }
            own_rows::check_whole(&*target).await?;
            target.apply(Batch::new().put(filling_row(), Vec::new())).await?;
        }
        Ok(Self {
            target,
            batch: Batch::new(),
            section: None,
            last: None,
            ahead: VecDeque::new(),
            read_to: None,
            at_end: false,
            records: 0,
            whole: filling.and_then(|filling| filling.value.try_into().ok()),
        })
    }

    /// Takes records of `section` in.
    pub async fn take(&mut self, section: Section, records: Vec<Record>) -> Result<(), ImageError> {
        if self.whole.take().is_some() {
            self.batch = std::mem::take(&mut self.batch).put(filling_row(), Vec::new());
        }
        if self.section != Some(section) {
            self.end_section().await?;
            self.section = Some(section);
        }
        for record in records {
            if self.last.as_ref().is_some_and(|last| *last >= record.key) {
                return Err(ImageError::Altered("the order of rows"));
            }
            match section {
                Section::Complete(_) => self.complete(record).await?,
                Section::Differences(_) => self.difference(record).await?,
            }
            self.records += 1;
        }
        Ok(())
    }

    /// Records taken in.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The image that stands there wholly, left by an earlier import: what builds on it can follow.
    pub fn whole(&self) -> Option<[u8; 32]> {
        self.whole
    }

    /// Ends an image: what follows is another one, whose base is what stands there now. With its name, later imports go
    /// on behind it.
    pub async fn end_image(&mut self, name: Option<[u8; 32]>) -> Result<(), ImageError> {
        self.end_section().await?;
        if let Some(name) = name {
            self.target.apply(Batch::new().put(filling_row(), name.to_vec())).await?;
            self.whole = Some(name);
        }
        Ok(())
    }

    /// Everything is durable, and the partition says that it is whole. Versions of the image are never to be compared
    /// with those that it has now: they are of a new line. Its epochs are above `epoch`.
    pub async fn finish(mut self, restored: Option<Restored>, epoch: u64) -> Result<(), ImageError> {
        self.end_section().await?;
        let batch = own_rows::new_line(epoch)?.delete(filling_row());
        let batch = match restored {
            Some(restored) => batch.put(restored_row(), restored.to_bytes()),
            None => batch,
        };
        Ok(self.target.apply(batch).await?)
    }

    /// Begins the new line, whose epochs are above `epoch`, and leaves it open whether the partition is whole:
    /// [`arrived`](super::arrived) says so once it is known that the rows are here.
    pub(super) async fn begin_line(&self, epoch: u64) -> Result<(), ImageError> {
        Ok(self.target.apply(own_rows::new_line(epoch)?).await?)
    }

    async fn complete(&mut self, record: Record) -> Result<(), ImageError> {
        while self.next_ahead().await?.is_some_and(|ahead| ahead < record.key) {
            if let Some(gone) = self.ahead.pop_front() {
                self.write(|batch| batch.delete(gone)).await?;
            }
        }
        let there = self.ahead.front() == Some(&record.key);
        if there {
            self.ahead.pop_front();
        }
        self.last = Some(record.key.clone());
        match record.content {
            Content::Value(value) => self.write(|batch| batch.put(record.key, value)).await,
            Content::Kept if there => Ok(()),
            Content::Kept => Err(ImageError::BrokenChain),
            Content::Deleted => Err(ImageError::Altered("a deleted row among all rows")),
        }
    }

    async fn difference(&mut self, record: Record) -> Result<(), ImageError> {
        self.last = Some(record.key.clone());
        match record.content {
            Content::Value(value) => self.write(|batch| batch.put(record.key, value)).await,
            Content::Deleted => self.write(|batch| batch.delete(record.key)).await,
            Content::Kept => {
                self.flush().await?;
                let there = own_rows::read(&*self.target, record.key).await?.is_some();
                if there { Ok(()) } else { Err(ImageError::BrokenChain) }
            }
        }
    }

    /// The first row of the target that the section has not come to.
    async fn next_ahead(&mut self) -> Result<Option<RowKey>, ImageError> {
        while self.ahead.is_empty() && !self.at_end {
            // What the section has come to is done with, although it may not be written yet.
            let from = self.read_to.clone().max(self.last.clone());
            self.read_ahead(from).await?;
        }
        Ok(self.ahead.front().cloned())
    }

    async fn read_ahead(&mut self, from: Option<RowKey>) -> Result<(), ImageError> {
        for space in Space::ALL {
            let prefix = RowKey::new(*space);
            let passed = from.as_ref().is_some_and(|from| *from > prefix && from.strip(&prefix).is_none());
            if passed {
                continue;
            }
            let page = self.target.scan(&prefix, from.as_ref(), MAX_SCAN_ROWS).await?;
            self.ahead.extend(page.rows.into_iter().map(|(key, _)| key));
            if let Some(last) = self.ahead.back() {
                self.read_to = Some(last.clone());
                return Ok(());
            }
        }
        self.at_end = true;
        Ok(())
    }

    async fn end_section(&mut self) -> Result<(), ImageError> {
        if matches!(self.section, Some(Section::Complete(_))) {
            while self.next_ahead().await?.is_some() {
                if let Some(gone) = self.ahead.pop_front() {
                    self.write(|batch| batch.delete(gone)).await?;
                }
            }
        }
        self.flush().await?;
        (self.section, self.last, self.read_to, self.at_end) = (None, None, None, false);
        self.ahead.clear();
        Ok(())
    }

    async fn write(&mut self, write: impl FnOnce(Batch) -> Batch) -> Result<(), ImageError> {
        self.batch = write(std::mem::take(&mut self.batch));
        if self.batch.steps() >= BATCH_STEPS || self.batch.bytes() >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ImageError> {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            self.target.apply(batch).await?;
        }
        Ok(())
    }
}
