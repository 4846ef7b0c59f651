//! Records with the physical line they begin at.
//!
//! A record that turns out malformed costs its first line only: reading resumes at the second, so that a
//! half-written line with an open quotation does not take the good rows behind it. Every line is looked at as a
//! first line at most once, and as a continuation by a bounded number of records.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::fields::{Fields, Progress};
use super::lines::{Ending, Line, Lines};

/// Longest record, bytes of all its lines.
pub(crate) const RECORD_MAX: usize = 64 * 1024;

/// What begins at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A record with the right number of fields.
    Fields(Vec<Vec<u8>>),
    /// No record; the line's bytes, empty where it was too long to keep.
    Malformed(Vec<u8>),
}

/// A record or a line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Physical line, the first of the file being 1.
    pub(crate) line: u64,
    /// What stands there.
    pub(crate) content: Content,
}

/// Reads the records of a file whose header has `width` columns.
#[derive(Debug)]
pub(crate) struct Records<R> {
    lines: Lines<R>,
    ahead: VecDeque<Line>,
    fields: Fields,
    width: usize,
    /// Physical lines taken, those in `ahead` excluded.
    taken: u64,
}

impl<R: BufRead> Records<R> {
    /// Reads records of `width` fields; `taken` lines of the file have been taken from `lines` before.
    pub(crate) fn new(lines: Lines<R>, taken: u64, width: usize) -> Self {
        Self { lines, ahead: VecDeque::new(), fields: Fields::default(), width, taken }
    }

    /// Bytes taken from the input so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.lines.consumed()
    }

    /// The next record; empty lines are none. `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        while self.look(0)? {
            let line = self.taken.saturating_add(1);
            let blank = matches!(self.ahead.front(), Some(Line::Text(text, _)) if text.is_empty());
            let complete = if blank { None } else { self.assemble()? };
            if let Some(lines) = complete {
                self.drop_lines(lines);
                let content = Content::Fields(self.fields.iter().map(<[u8]>::to_vec).collect());
                return Ok(Some(Record { line, content }));
            }
            let first = self.ahead.pop_front();
            self.taken = line;
            if blank {
                continue;
            }
            let bytes = match first {
                Some(Line::Text(text, _)) => text,
                _ => Vec::new(),
            };
            return Ok(Some(Record { line, content: Content::Malformed(bytes) }));
        }
        Ok(None)
    }

    /// How many lines from the front of `ahead` on make a record, if they make one.
    fn assemble(&mut self) -> io::Result<Option<usize>> {
        self.fields.clear();
        let mut bytes = 0_usize;
        let mut lines = 0;
        while self.look(lines)? {
            let Some(Line::Text(text, ending)) = self.ahead.get(lines) else { return Ok(None) };
            bytes = bytes.saturating_add(text.len());
            if bytes > RECORD_MAX {
                return Ok(None);
            }
            bytes = bytes.saturating_add(ending.bytes().len());
            lines += 1;
            match self.fields.push(text, *ending, self.width) {
                Progress::Complete => return Ok((self.fields.len() == self.width).then_some(lines)),
                Progress::Malformed => return Ok(None),
                Progress::Open => {}
            }
        }
        Ok(None)
    }

    /// Whether there is a line at `index` behind those taken.
    fn look(&mut self, index: usize) -> io::Result<bool> {
        while self.ahead.len() <= index {
            match self.lines.next()? {
                Some(line) => self.ahead.push_back(line),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn drop_lines(&mut self, count: usize) {
        self.ahead.drain(..count.min(self.ahead.len()));
        self.taken = self.taken.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// The fields of one line that stands alone, at most `max`: a header.
pub(crate) fn single_line(text: &[u8], max: usize) -> Option<Vec<Vec<u8>>> {
    let mut fields = Fields::default();
    match fields.push(text, Ending::File, max) {
        Progress::Complete => Some(fields.iter().map(<[u8]>::to_vec).collect()),
        Progress::Open | Progress::Malformed => None,
    }
}
