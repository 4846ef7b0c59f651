//! The first reading of a file: its encoding, its header and how much there is, before a row of it is used.

use std::io::{self, BufRead};

use super::columns::{Column, Columns, HeaderFault};
use super::encoding::{Encoding, EncodingChoice};
use super::lines::{Line, Lines};
use super::records::{Records, single_line};

/// Lines a file may have behind its header.
pub(crate) const LINES_MAX: u64 = 5_000_000;
/// Columns a header is read to, so that the message can name one too many.
const HEADER_COLUMNS_MAX: usize = 64;
const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF16_MARKS: [&[u8]; 2] = [&[0xFF, 0xFE], &[0xFE, 0xFF]];

/// Why a file was refused as a whole. The texts are for staff; they never repeat what stands in rows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// The file system refused.
    #[error("ファイルを読み込めません: {0}")]
    Io(#[from] io::Error),
    /// Nothing in it.
    #[error("ファイルが空です")]
    Empty,
    /// UTF-16.
    #[error("UTF-16で保存されています。UTF-8またはWindows-31J(Shift_JIS)で保存し直してください")]
    Utf16,
    /// The first line is no header.
    #[error("1行目を列名として読み取れません。文字コードと引用符を確認してください")]
    Header,
    /// The columns are not those of this kind of file.
    #[error("{0}。列名を確認してください")]
    Columns(#[from] HeaderFault),
    /// Too many lines.
    #[error("1ファイルの上限({LINES_MAX}行)を超えています。分割して実行してください")]
    TooManyLines,
}

/// What the first reading found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    /// How to decode the rows.
    pub(crate) encoding: Encoding,
    /// Where the columns are.
    pub(crate) columns: Columns,
    /// Bytes in all.
    pub(crate) bytes: u64,
}

impl Survey {
    /// Reads all of `input`, which must have the columns `known`.
    pub(crate) fn of<R: BufRead>(
        input: R,
        choice: EncodingChoice,
        known: &[Column],
    ) -> Result<Self, TableError> {
        let mut lines = Lines::new(input);
        let header = match lines.next()? {
            None => return Err(TableError::Empty),
            Some(Line::TooLong) => return Err(TableError::Header),
            Some(Line::Text(text, _)) => text,
        };
        if UTF16_MARKS.iter().any(|mark| header.starts_with(mark)) {
            return Err(TableError::Utf16);
        }
        let (header, marked) = match header.strip_prefix(UTF8_MARK) {
            Some(rest) if choice != EncodingChoice::Windows31J => (rest, true),
            _ => (header.as_slice(), false),
        };
        let stated = if marked { Some(Encoding::Utf8) } else { choice.named() };
        let faults = count_faults(&mut lines, stated.is_none())?;
        let (encoding, columns) = match stated {
            Some(encoding) => (encoding, read_header(header, encoding, known)?),
            None => decide(header, faults, known)?,
        };
        Ok(Self { encoding, columns, bytes: lines.consumed() })
    }

    /// The records of the same file, read again from its start.
    pub(crate) fn records<R: BufRead>(&self, input: R) -> io::Result<Records<R>> {
        let mut lines = Lines::new(input);
        lines.next()?;
        Ok(Records::new(lines, 1, self.columns.width()))
    }
}

/// Lines that do not decode.
#[derive(Clone, Copy, Default)]
struct Faults {
    utf8: u64,
    windows_31j: u64,
}

fn count_faults<R: BufRead>(lines: &mut Lines<R>, look: bool) -> Result<Faults, TableError> {
    let mut faults = Faults::default();
    let mut count = 0_u64;
    while let Some(line) = lines.next()? {
        count += 1;
        if count > LINES_MAX {
            return Err(TableError::TooManyLines);
        }
        match line {
            Line::Text(text, _) if look && !text.is_ascii() => {
                faults.utf8 += u64::from(std::str::from_utf8(&text).is_err());
                faults.windows_31j += u64::from(Encoding::Windows31J.decode(&text).is_none());
            }
            _ => {}
        }
    }
    Ok(faults)
}

/// The encoding that reads the header; where both do, the one that leaves fewer lines unread, then UTF-8.
fn decide(header: &[u8], faults: Faults, known: &[Column]) -> Result<(Encoding, Columns), TableError> {
    let utf8 = read_header(header, Encoding::Utf8, known);
    let windows_31j = read_header(header, Encoding::Windows31J, known);
    match (utf8, windows_31j) {
        (Ok(_), Ok(columns)) if faults.windows_31j < faults.utf8 => Ok((Encoding::Windows31J, columns)),
        (Ok(columns), _) => Ok((Encoding::Utf8, columns)),
        (Err(_), Ok(columns)) => Ok((Encoding::Windows31J, columns)),
        // Of two faults the one about columns says more than the one about bytes.
        (Err(TableError::Header), Err(other)) => Err(other),
        (Err(utf8), Err(_)) => Err(utf8),
    }
}

fn read_header(header: &[u8], encoding: Encoding, known: &[Column]) -> Result<Columns, TableError> {
    let fields = single_line(header, HEADER_COLUMNS_MAX).ok_or(TableError::Header)?;
    let names: Option<Vec<String>> = fields.iter().map(|field| encoding.decode(field)).collect();
    Ok(Columns::find(&names.ok_or(TableError::Header)?, known)?)
}
