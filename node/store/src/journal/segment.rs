//! Segment files: their names, their header and how they come to be.
//!
//! ```text
//! "CHUKEIJL" | format u32 | segment number u64 | CRC-32 of the 20 bytes before u32 | zero bytes up to 64
//! ```
//!
//! What must hold: the header is synced before the first block is written. So a file without one holds nothing. What is not
//! written yet reads as zero.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::durable_file::{self, sync_dir};
use crate::sync_all::sync_all;

/// Where the first block begins.
pub(super) const HEADER_BYTES: u64 = 64;
/// The number of the first segment there ever is.
pub(super) const FIRST: u64 = 1;
/// Bytes of it at most: somebody waits while it is made.
pub(super) const FIRST_BYTES: u64 = 1 << 20;

const MAGIC: &[u8; 8] = b"CHUKEIJL";
const FORMAT: u32 = 1;

/// What writes to the disk: a seam, so that tests can make a disk fail or lose what was not synced.
pub(super) trait Medium: Send + Sync + 'static {
    /// Reserves `len` bytes for a new file, which read as zero.
    fn allocate(&self, file: &File, len: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Makes what was written to all of these durable; the first was opened before any was written to.
    fn sync_all(&self, files: &[File]) -> io::Result<()> {
        files.iter().try_for_each(|file| self.sync(file))
    }
    /// Replaces a file as a whole, durably.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Removes a file, if it is there. Durable at leisure: a file that comes back is removed again.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The real disk.
pub(super) struct Disk;

impl Medium for Disk {
    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len) {
            // A file system that cannot reserve space still works; it only syncs more slowly.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(len),
            done => Ok(done?),
        }
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, files: &[File]) -> io::Result<()> {
        sync_all(files)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        durable_file::replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// What a file's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    Ours,
    Newer,
    Invalid,
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.seg"))
}

/// The numbers of the files in `dir` that end in `suffix`, in order; none if there is no such folder.
pub(super) fn list(dir: &Path, suffix: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(numbers),
        files => files?,
    };
    for file in files {
        let name = file?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(suffix));
        if let Some(number) = number.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Creates a segment of `len` bytes, durably, in place of one of this number that holds nothing.
pub(super) fn create(dir: &Path, number: u64, len: u64, medium: &dyn Medium) -> io::Result<File> {
    let path = path(dir, number);
    let file =
        OpenOptions::new().write(true).read(true).create(true).truncate(true).mode(0o600).open(&path)?;
    if let Err(error) = medium.allocate(&file, len) {
        // Half a reservation would only take up more of the space that is missing.
        fs::remove_file(&path)?;
        return Err(error);
    }
    medium.write(&file, &header(number), 0)?;
    medium.sync(&file)?;
    sync_dir(dir)?;
    Ok(file)
}

/// Writes zeros where there are none but by reservation. A block that is written there then changes nothing of what the file
/// system knows of the file, and its sync has nothing else to write.
pub(super) fn write_zeros(file: &File, place: Range<u64>, medium: &dyn Medium) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(place.end.saturating_sub(place.start)).map_err(io::Error::other)?];
    medium.write(file, &zeros, place.start)
}

/// Opens an existing segment.
pub(super) fn open(dir: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new().write(true).read(true).open(path(dir, number))
}

/// Reads what the header of segment `number` says.
pub(super) fn read_header(file: &File, number: u64) -> io::Result<Header> {
    let mut found = [0; HEADER_BYTES as usize];
    match file.read_exact_at(&mut found, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Header::Invalid),
        done => done?,
    }
    if found == header(number) {
        return Ok(Header::Ours);
    }
    let (text, sum) = found.split_at(20);
    let newer = text
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk::<4>())
        .map(|format| u32::from_be_bytes(*format));
    let intact = sum.starts_with(&crc32fast::hash(text).to_be_bytes());
    Ok(if intact && newer > Some(FORMAT) { Header::Newer } else { Header::Invalid })
}

fn header(number: u64) -> [u8; HEADER_BYTES as usize] {
    let mut text = Vec::with_capacity(HEADER_BYTES as usize);
    text.extend_from_slice(MAGIC);
    text.extend_from_slice(&FORMAT.to_be_bytes());
    text.extend_from_slice(&number.to_be_bytes());
    text.extend_from_slice(&crc32fast::hash(&text).to_be_bytes());
    let mut header = [0; HEADER_BYTES as usize];
    for (to, from) in header.iter_mut().zip(text) {
        *to = from;
    }
    header
}
