//! The log of one partition: its entries in files of its own, in order, each file named by its first number.
//!
//! ```text
//! logs/<partition>/<first number>.log:
//! "CHUKEILG" | format u32 | first number u64 | CRC-32 of the 20 bytes before u32 | zero bytes up to 64 | blocks
//! ```
//!
//! Blocks and entries are those of the journal, with the first number in place of the segment's. What must hold: bytes
//! count only up to the length in the checkpoint, which is written once they are durable; so a file that was being
//! written when everything stopped is written over from there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::block::{self, Place};
use super::checkpoint::{LogEnd, LogTail};
use super::entry::EntryRef;
use super::error::JournalError;
use super::fields::{seal, take, take_format, take_u64};
use super::segment::{self, HEADER_BYTES, Medium};
use crate::durable_file::{ensure_dir, sync_dir};

const MAGIC: &[u8; 8] = b"CHUKEILG";
const FORMAT: u32 = 1;
/// Bytes of entries that one block of a log takes together: what a reader holds in memory.
const BLOCK_BYTES: usize = 64 << 10;

/// The folder of all logs in a journal's folder.
pub(super) fn root(dir: &Path) -> PathBuf {
    dir.join("logs")
}

/// Where the log of a partition lies.
pub(super) fn folder(dir: &Path, partition: &str) -> PathBuf {
    root(dir).join(partition)
}

pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:016x}.log"))
}

/// First numbers of the files in `folder`, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    segment::list(folder, ".log")
}

/// Opens a file for reading: where its blocks begin was checked.
pub(super) fn open(folder: &Path, first: u64) -> Result<File, JournalError> {
    let file = File::open(path(folder, first))?;
    check_header(&file, first)?;
    Ok(file)
}

/// Removes every file that `end` does not need: what was given up, and what a stop left behind.
pub(super) fn sweep(folder: &Path, end: &LogEnd, medium: &dyn Medium) -> io::Result<()> {
    let files = list(folder)?;
    for (at, &first) in files.iter().enumerate() {
        let next = files.get(at + 1).copied();
        let needed = end.file.is_some_and(|tail| {
            first <= tail.first && (first == tail.first || next.is_some_and(|next| next > end.kept_from))
        });
        if !needed {
            medium.remove(&path(folder, first))?;
        }
    }
    Ok(())
}

/// Appends to the log of one partition.
pub(super) struct Appender<'a> {
    folder: PathBuf,
    /// A file of so many bytes takes no more blocks.
    full_at: u64,
    end: LogEnd,
    file: Option<File>,
    block: Vec<u8>,
    medium: &'a dyn Medium,
}

impl<'a> Appender<'a> {
    /// Goes on where `end` says. The folder of logs is there.
    pub(super) fn new(
        folder: PathBuf,
        end: LogEnd,
        full_at: u64,
        medium: &'a dyn Medium,
    ) -> Result<Self, JournalError> {
        let mut appender = Self { folder, full_at, end, file: None, block: Vec::new(), medium };
        block::begin(&mut appender.block);
        if let Some(tail) = appender.end.file {
            appender.file = Some(appender.reopen(tail)?);
        }
        Ok(appender)
    }

    /// Adds an entry, which follows the one before.
    pub(super) fn push(&mut self, entry: &EntryRef<'_>) -> Result<(), JournalError> {
        if entry.number != self.end.derived + 1 {
            return Err(JournalError::NotInSequence);
        }
        if entry.number < self.end.kept_from {
            self.end.derived = entry.number;
            return Ok(());
        }
        let waiting = self.block.len() - block::HEADER;
        if waiting > 0 && waiting + entry.raw.len() > BLOCK_BYTES {
            self.write_block()?;
        }
        if self.end.file.is_none_or(|tail| tail.len >= self.full_at) {
            self.begin_file(entry.number)?;
        }
        self.block.extend_from_slice(entry.raw);
        self.end.derived = entry.number;
        Ok(())
    }

    /// Makes all of it durable; what the checkpoint is to say.
    pub(super) fn finish(mut self) -> Result<LogEnd, JournalError> {
        self.complete()?;
        Ok(self.end)
    }

    /// What the checkpoint is to say once the file is durable that was written last, where there is one.
    pub(super) fn written(mut self) -> Result<(LogEnd, Option<File>), JournalError> {
        self.write_block()?;
        Ok((self.end, self.file))
    }

    fn complete(&mut self) -> Result<(), JournalError> {
        self.write_block()?;
        if let Some(file) = self.file.take() {
            self.medium.sync(&file)?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> io::Result<()> {
        let (Some(file), Some(tail)) = (&self.file, &mut self.end.file) else { return Ok(()) };
        if self.block.len() > block::HEADER {
            block::finish(&mut self.block, Place { segment: tail.first, offset: tail.len });
            self.medium.write(file, &self.block, tail.len)?;
            tail.len += self.block.len() as u64;
            block::begin(&mut self.block);
        }
        Ok(())
    }

    fn begin_file(&mut self, first: u64) -> Result<(), JournalError> {
        self.complete()?;
        ensure_dir(&self.folder)?;
        if self.end.file.is_none() {
            // What was being put back when everything stopped.
            sweep(&self.folder, &LogEnd::default(), self.medium)?;
        }
        let path = path(&self.folder, first);
        let file =
            OpenOptions::new().write(true).read(true).create(true).truncate(true).mode(0o600).open(path)?;
        self.medium.write(&file, &header(first), 0)?;
        sync_dir(&self.folder)?;
        self.file = Some(file);
        self.end.file = Some(LogTail { first, len: HEADER_BYTES });
        Ok(())
    }

    /// The file that grows, without what a stop left behind its length.
    fn reopen(&self, tail: LogTail) -> Result<File, JournalError> {
        let path = path(&self.folder, tail.first);
        let file = OpenOptions::new().write(true).read(true).open(path)?;
        check_header(&file, tail.first)?;
        let len = file.metadata()?.len();
        if len < tail.len {
            return Err(JournalError::CorruptLog { first: tail.first, offset: len });
        }
        if len > tail.len {
            file.set_len(tail.len)?;
        }
        Ok(file)
    }
}

fn check_header(file: &File, first: u64) -> Result<(), JournalError> {
    let corrupt = JournalError::CorruptLog { first, offset: 0 };
    let mut found = [0; HEADER_BYTES as usize];
    match file.read_exact_at(&mut found, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(corrupt),
        done => done?,
    }
    if found == header(first) {
        return Ok(());
    }
    let (text, sum) = found.split_at(20);
    let mut fields = text;
    let newer = take_format(&mut fields, MAGIC).is_some_and(|format| format > FORMAT)
        && take_u64(&mut fields).is_some()
        && sum.starts_with(&crc32fast::hash(text).to_be_bytes());
    Err(if newer { JournalError::NewerFormat } else { corrupt })
}

fn header(first: u64) -> [u8; HEADER_BYTES as usize] {
    let mut text = Vec::with_capacity(HEADER_BYTES as usize);
    text.extend_from_slice(MAGIC);
    text.extend_from_slice(&FORMAT.to_be_bytes());
    text.extend_from_slice(&first.to_be_bytes());
    seal(&mut text);
    text.resize(HEADER_BYTES as usize, 0);
    take(&mut text.as_slice()).unwrap_or([0; HEADER_BYTES as usize])
}
