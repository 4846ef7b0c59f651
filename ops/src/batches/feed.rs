//! Cuts a file into batches.
//!
//! A person's rows that stand together go together where a batch has room for them, so that whoever reads meanwhile
//! sees all of them as they were or all as they become (R31).
//!
//! Rows that are not sent travel inside their batch, so that the result file keeps the order of the file. A row
//! whose id is on its way in an earlier batch waits; repeats within one batch are the node's to find.

use std::io::{self, BufRead};

use chukei_wire::codec::CodecError;
use chukei_wire::message::staff::RowOutcome;
use chukei_wire::result::ResultName;

use super::repeats::{IdKey, Repeats, Standing};
use super::rows::{Row, Rows};
use super::{Sendable, Task};

/// Bytes of fields after which a batch is full: with one more record it still fits one message.
const BATCH_BYTES: usize = 640 * 1024;

/// A row of a batch and what is to become of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Physical line.
    pub(super) line: u64,
    /// As the result file shows it.
    pub(super) id: String,
    /// What the row waits for.
    pub(super) fate: Fate,
}

/// What a row waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: it was not sent.
    Decided(ResultName),
    /// The node's answer, which says whether a row with this id was accepted.
    Tracked(IdKey),
    /// The node's answer.
    Sent,
}

/// A batch.
#[derive(Debug)]
pub(super) struct Batch {
    /// Its rows in the order of the file.
    pub(super) entries: Vec<Entry>,
    /// The message for the node; absent where no row is sent.
    pub(super) message: Option<Vec<u8>>,
    /// Bytes of the file read when it was cut.
    pub(super) consumed: u64,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A batch.
    Batch(Batch),
    /// Nothing before an answer comes.
    Wait,
    /// The file is over.
    End,
}

/// Why no batch could be cut.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    /// The file cannot be read any more.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A batch could not be encoded.
    #[error("a batch cannot be encoded: {0}")]
    Codec(#[from] CodecError),
}

/// Cuts one file.
pub(super) struct Feed<R> {
    task: Task,
    rows: Rows<R>,
    held: Option<Row>,
    repeats: Repeats,
}

impl<R: BufRead> Feed<R> {
    pub(super) fn new(task: Task, rows: Rows<R>) -> Self {
        Self { task, rows, held: None, repeats: Repeats::default() }
    }

    /// Cuts the next batch.
    pub(super) fn next(&mut self) -> Result<Next, FeedError> {
        let mut entries = Vec::new();
        let mut sendable = Vec::new();
        let mut bytes = 0_usize;
        let mut blocked = false;
        let mut person = None;
        while entries.len() < self.task.batch_rows() && bytes < BATCH_BYTES {
            let Some(row) = self.take_row()? else { break };
            let next = match &row.fields {
                Ok(fields) => self.task.person_of(fields).map(str::to_owned),
                // A row that is not sent parts nobody's rows.
                Err(_) => person.clone(),
            };
            if self.is_nearly_full(entries.len(), bytes) && next != person {
                self.held = Some(row);
                break;
            }
            person = next;
            let (entry, sent) = match self.place(row) {
                Ok(placed) => placed,
                Err(waiting) => {
                    self.held = Some(waiting);
                    blocked = true;
                    break;
                }
            };
            bytes += sent.iter().flat_map(|row| &row.fields).map(String::len).sum::<usize>();
            entries.push(entry);
            sendable.extend(sent);
        }
        if entries.is_empty() {
            return Ok(if blocked { Next::Wait } else { Next::End });
        }
        self.repeats.sent(entries.iter().filter_map(|entry| match entry.fate {
            Fate::Tracked(id) => Some(id),
            _ => None,
        }));
        let message = if sendable.is_empty() { None } else { Some(self.task.encode(sendable)?) };
        Ok(Next::Batch(Batch { entries, message, consumed: self.rows.consumed() }))
    }

    /// Whether a batch ends where the next person's rows begin.
    fn is_nearly_full(&self, rows: usize, bytes: usize) -> bool {
        rows >= self.task.batch_rows() / 8 * 7 || bytes >= BATCH_BYTES / 8 * 7
    }

    /// Remembers what the node said of a row.
    pub(super) fn answered(&mut self, fate: Fate, outcome: RowOutcome) {
        if let Fate::Tracked(id) = fate {
            self.repeats.answered(id, !matches!(outcome, RowOutcome::Rejected(_)));
        }
    }

    fn take_row(&mut self) -> io::Result<Option<Row>> {
        match self.held.take() {
            Some(row) => Ok(Some(row)),
            None => self.rows.next(),
        }
    }

    /// Where a row goes, or the row itself where that cannot be known yet.
    fn place(&self, row: Row) -> Result<(Entry, Option<Sendable>), Row> {
        let (line, id) = (row.line, row.id.clone());
        if let Err(result) = row.fields {
            return Ok((Entry { line, id, fate: Fate::Decided(result) }, None));
        }
        let standing = if self.task.ids_stand_once() {
            let key = IdKey::of(&row.id);
            Some((key, self.repeats.standing(key)))
        } else {
            None
        };
        let (fate, repeated) = match standing {
            Some((_, Standing::Undecided)) => return Err(row),
            Some((_, Standing::Repeated)) => (Fate::Sent, true),
            Some((key, Standing::New)) => (Fate::Tracked(key), false),
            None => (Fate::Sent, false),
        };
        let sent = row.fields.ok().map(|fields| Sendable { fields, repeated });
        Ok((Entry { line, id, fate }, sent))
    }
}
