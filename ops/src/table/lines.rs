//! Physical lines: what stands between two line feeds, whatever it is.
//!
//! In UTF-8 and in Windows-31J alike no byte of a longer character is a line feed, a comma or a quotation mark,
//! so files are taken apart as bytes and decoded afterwards.

use std::io::{self, BufRead, Read};

/// Longest line that is kept, bytes without its ending. A longer one is skipped up to its line feed.
pub(crate) const LINE_MAX: usize = 128 * 1024;

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Line feed.
    Lf,
    /// Carriage return and line feed.
    CrLf,
    /// The file ended.
    File,
}

impl Ending {
    /// The bytes of the ending.
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::File => b"",
        }
    }
}

/// One physical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its bytes without the ending.
    Text(Vec<u8>, Ending),
    /// Longer than [`LINE_MAX`]; its bytes are gone.
    TooLong,
}

/// Reads lines one after the other.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    consumed: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, consumed: 0 }
    }

    /// Bytes taken from the input so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The next line, or `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        // Room for the longest line and CR LF.
        let limit = LINE_MAX + 2;
        let read = Read::by_ref(&mut self.input).take(limit as u64).read_until(b'\n', &mut text)?;
        self.count(read);
        if read == 0 {
            return Ok(None);
        }
        let ending = strip_ending(&mut text);
        if ending == Ending::File && read == limit {
            let skipped = self.input.skip_until(b'\n')?;
            self.count(skipped);
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(if text.len() > LINE_MAX { Line::TooLong } else { Line::Text(text, ending) }))
    }

    fn count(&mut self, read: usize) {
        self.consumed = self.consumed.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

fn strip_ending(text: &mut Vec<u8>) -> Ending {
    if text.last() != Some(&b'\n') {
        return Ending::File;
    }
    text.pop();
    if text.last() != Some(&b'\r') {
        return Ending::Lf;
    }
    text.pop();
    Ending::CrLf
}
