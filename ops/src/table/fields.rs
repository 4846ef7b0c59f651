//! A record taken apart into fields, line by line (RFC 4180, stricter where a half-written line could hide).
//!
//! A quotation mark that is not the first byte of its field is text, as spreadsheets have it; but not in a
//! record of several lines, because there it is the mark of a row that an open quotation has swallowed.

use super::lines::Ending;

/// Where the record stands after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The record ended with the line.
    Complete,
    /// A quoted field is open: the next line belongs to it.
    Open,
    /// No record begins like this.
    Malformed,
}

/// Takes one record apart. Reused for all records of a file.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    lines: usize,
    stray_quote: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Bare,
    Quoted,
    Closed,
}

impl Fields {
    /// Begins a new record.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.lines = 0;
        self.stray_quote = false;
    }

    /// Takes the next line of the record; more than `max` fields are malformed.
    pub(crate) fn push(&mut self, line: &[u8], ending: Ending, max: usize) -> Progress {
        let mut state = if self.lines == 0 { State::Start } else { State::Quoted };
        self.lines = self.lines.saturating_add(1);
        for &byte in line {
            state = match self.step(state, byte, max) {
                Some(next) => next,
                None => return Progress::Malformed,
            };
        }
        if state == State::Quoted {
            self.bytes.extend_from_slice(ending.bytes());
            return if ending == Ending::File { Progress::Malformed } else { Progress::Open };
        }
        let hidden_row = self.lines > 1 && self.stray_quote;
        if hidden_row || !self.end_field(max) { Progress::Malformed } else { Progress::Complete }
    }

    /// The fields of a complete record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }

    /// How many fields a complete record has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn step(&mut self, state: State, byte: u8, max: usize) -> Option<State> {
        Some(match (state, byte) {
            (State::Start | State::Bare | State::Closed, b',') => {
                if !self.end_field(max) {
                    return None;
                }
                State::Start
            }
            (State::Start, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Closed,
            (State::Closed, b'"') => {
                self.bytes.push(b'"');
                State::Quoted
            }
            (State::Closed, _) => return None,
            (State::Quoted, _) => {
                self.bytes.push(byte);
                State::Quoted
            }
            (State::Start | State::Bare, _) => {
                self.stray_quote |= byte == b'"';
                self.bytes.push(byte);
                State::Bare
            }
        })
    }

    fn end_field(&mut self, max: usize) -> bool {
        self.ends.push(self.bytes.len());
        self.ends.len() <= max
    }
}
