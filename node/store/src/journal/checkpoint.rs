//! How far the logs are derived from the journal: replaced whole, durably, before anything that was derived is removed.
//!
//! ```text
//! "CHUKEIJC" | format u32 | first segment that is not derived u64 | partitions u32
//! | per partition: name, first number kept u64, why those before are not u8, last number derived u64,
//!   newest file's first number u64 (0: none), its length u64
//! | CRC-32 of all before u32
//! ```
//!
//! What it says is so: bytes of a log behind its length are none of the log's, whatever they are.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::error::JournalError;
use super::fields::{put_name, seal, take, take_format, take_name, take_u32, take_u64, unseal};
use super::segment::{FIRST, Medium};

const MAGIC: &[u8; 8] = b"CHUKEIJC";
const FORMAT: u32 = 1;
const NAME: &str = "checkpoint";

/// Why a log does not begin with number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Their time was over.
    Retention,
    /// The body was erased.
    Erased,
    /// They were not in the backup that the log was restored from.
    NotRestored,
}

impl GivenUp {
    const ALL: [(u8, Self); 3] = [(1, Self::Retention), (2, Self::Erased), (3, Self::NotRestored)];

    pub(super) fn code(self) -> u8 {
        Self::ALL.iter().find(|(_, reason)| *reason == self).map_or(0, |(code, _)| *code)
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == code).map(|(_, reason)| *reason)
    }
}

/// How far the log of one partition has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogEnd {
    /// The first number that is kept.
    pub(super) kept_from: u64,
    /// Why those before it are not.
    pub(super) given_up: Option<GivenUp>,
    /// The last number that is in the log's files, or was given up.
    pub(super) derived: u64,
    /// The newest file, if there is one.
    pub(super) file: Option<LogTail>,
}

/// The file of a log that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogTail {
    /// Number of its first entry, which names it.
    pub(super) first: u64,
    /// Bytes of it that are durable.
    pub(super) len: u64,
}

impl Default for LogEnd {
    fn default() -> Self {
        Self { kept_from: 1, given_up: None, derived: 0, file: None }
    }
}

/// How far all logs have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// The first segment that is not derived: those before it are not needed.
    pub(super) journal_from: u64,
    pub(super) logs: BTreeMap<String, LogEnd>,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { journal_from: FIRST, logs: BTreeMap::new() }
    }
}

impl Checkpoint {
    /// Reads the one in `dir`; where there is none, nothing was derived.
    pub(super) fn load(dir: &Path) -> Result<Self, JournalError> {
        let bytes = match std::fs::read(dir.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes?,
        };
        let mut text = unseal(&bytes).ok_or(JournalError::BadCheckpoint)?;
        match take_format(&mut text, MAGIC) {
            Some(FORMAT) => Self::from_text(text).ok_or(JournalError::BadCheckpoint),
            Some(newer) if newer > FORMAT => Err(JournalError::NewerFormat),
            _ => Err(JournalError::BadCheckpoint),
        }
    }

    /// Replaces the one in `dir`, durably.
    pub(super) fn store(&self, dir: &Path, medium: &dyn Medium) -> io::Result<()> {
        medium.replace(&dir.join(NAME), &self.to_bytes())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&self.journal_from.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.logs.len()).unwrap_or(u32::MAX).to_be_bytes());
        for (name, log) in &self.logs {
            put_name(&mut out, name);
            out.extend_from_slice(&log.kept_from.to_be_bytes());
            out.push(log.given_up.map_or(0, GivenUp::code));
            let LogTail { first, len } = log.file.unwrap_or(LogTail { first: 0, len: 0 });
            for number in [log.derived, first, len] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        seal(&mut out);
        out
    }

    /// Behind the format.
    pub(super) fn from_text(mut text: &[u8]) -> Option<Self> {
        let text = &mut text;
        let mut checkpoint = Self { journal_from: take_u64(text)?, logs: BTreeMap::new() };
        for _ in 0..take_u32(text)? {
            let name = take_name(text)?;
            let kept_from = take_u64(text)?;
            let [code] = take::<1>(text)?;
            let given_up = GivenUp::of_code(code);
            let derived = take_u64(text)?;
            let tail = LogTail { first: take_u64(text)?, len: take_u64(text)? };
            let file = (tail.first > 0).then_some(tail);
            checkpoint.logs.insert(name, LogEnd { kept_from, given_up, derived, file });
        }
        text.is_empty().then_some(checkpoint)
    }
}
