//! A partition's directory: made whole or not at all, cleared of what keeps sled from opening it, and synced where
//! sled does not.
//!
//! ```text
//! bodies/<name>.sled/format   one line, the version of this layout; read before sled touches anything
//! bodies/<name>.sled/db       sled's log
//! bodies/<name>.sled/conf     sled's settings
//! bodies/<name>.sled/snap.*   where sled begins to read its log
//! bodies/<name>.sled/blobs/   always empty: sled syncs nothing in it; a file for a moment of every opening
//! bodies/<name>.sled/suspect  there after a failed sync, until all files were written anew
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::{io_error, store_error};
use super::sync::close;
use crate::durable_file::{ensure_dir, replace, sync_dir};
use crate::error::StoreError;

const FORMAT: u32 = 1;
const FORMAT_PREFIX: &str = "chukei-sled ";
/// How long a partition that is still being closed may keep its file.
const CLOSING: Duration = Duration::from_secs(35);
/// How often it is looked whether it is closed.
const LOOK: Duration = Duration::from_millis(2);
/// Bytes that stay free on the disk: what sled writes to open a directory, and a little more.
const RESERVE: u64 = 8 << 20;

/// Where one partition lies.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    bodies: PathBuf,
    name: String,
}

impl Directory {
    pub(super) fn new(bodies: &Path, name: &str) -> Self {
        Self { bodies: bodies.to_owned(), name: name.to_owned() }
    }

    /// The partition's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> PathBuf {
        self.bodies.join(format!("{}.sled", self.name))
    }

    /// sled's log.
    pub(super) fn log(&self) -> PathBuf {
        self.path().join("db")
    }

    /// Where a directory is filled before it gets its name.
    fn unfinished(&self) -> PathBuf {
        self.bodies.join(format!("{}.sled.new", self.name))
    }

    fn removed(&self) -> PathBuf {
        self.bodies.join(format!("{}.sled.old", self.name))
    }

    /// Makes the directory durably unless it is there: what `fill` does in a sled of another name, and that complete.
    pub(super) fn create(
        &self,
        fill: impl FnOnce(&Path) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let made = self.unfinished();
        remove_all(&made)?;
        remove_all(&self.removed())?;
        if self.path().exists() {
            return Ok(());
        }
        ensure_dir(&made)?;
        replace(&made.join("format"), format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes())?;
        fill(&made)?;
        unlocked(&made.join("db"))?;
        sync_all(&made)?;
        fs::rename(&made, self.path())?;
        Ok(sync_dir(&self.bodies)?)
    }

    /// Removes the directory durably; tells whether it was there.
    pub(super) fn remove(&self) -> Result<bool, StoreError> {
        for rest in [self.unfinished(), self.removed()] {
            remove_all(&rest)?;
        }
        if !self.path().exists() {
            sync_dir(&self.bodies)?;
            return Ok(false);
        }
        unlocked(&self.log())?;
        fs::rename(self.path(), self.removed())?;
        sync_dir(&self.bodies)?;
        remove_all(&self.removed())?;
        sync_dir(&self.bodies)?;
        Ok(true)
    }

    /// Makes the directory fit for sled, and what sled will read from it durable.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        check_format(&self.path().join("format"))?;
        unlocked(&self.log())?;
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // sled would take a snapshot it was stopped in for one that is damaged, and never open again.
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(entry.path())?;
            }
        }
        let suspect = self.path().join("suspect");
        let suspected = suspect.exists();
        if suspected {
            for entry in fs::read_dir(self.path())? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    write_anew(&entry.path()).map_err(io_error)?;
                }
            }
        }
        // What a process before this one left in the system's cache only: sled builds on it at once.
        sync_all(&self.path())?;
        if suspected {
            fs::remove_file(&suspect)?;
            sync_dir(&self.path())?;
        }
        Ok(sync_dir(&self.bodies)?)
    }

    /// Lets sled read its log and write its snapshot, makes that durable, and stops it there.
    ///
    /// When sled opens, it writes zeros over every segment that its new snapshot does not need any more, though the old
    /// one still does, which comes back in a power cut: the snapshot's name is not durable yet. Between the two sled
    /// looks into `blobs/`; where that is a file, it gives up.
    pub(super) fn write_snapshot(&self) -> Result<(), StoreError> {
        let blobs = self.path().join("blobs");
        if blobs.is_dir() {
            if self.has_blobs()? {
                return Err(StoreError::Corrupt);
            }
            fs::remove_dir(&blobs)?;
        }
        File::create(&blobs)?;
        match open_sled(&self.path(), 1 << 20) {
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => {}
            // Then there may be no new snapshot, and nothing may be built on it.
            Err(error) => return Err(error),
            Ok(db) => {
                close(db);
                return Err(StoreError::Io(io::Error::other(
                    "sled did not look for files that it does not sync",
                )));
            }
        }
        unlocked(&self.log())?;
        fs::remove_file(&blobs)?;
        fs::create_dir(&blobs)?;
        sync_all(&self.path())
    }

    /// Makes durable what sled wrote to open the directory.
    pub(super) fn opened(&self) -> Result<(), StoreError> {
        sync_all(&self.path())
    }

    /// Remembers that a sync failed: the system may hold for written what never was.
    pub(super) fn suspect(&self) {
        let marked = File::create(self.path().join("suspect")).and_then(|file| file.sync_all());
        if let Err(error) = marked {
            tracing::warn!(cause = %error, "a sled directory could not be marked as suspect");
        }
    }

    /// Refuses a write of about `bytes` that the disk has no room for, before sled knows of it: sled cannot take back
    /// what it could not write.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), StoreError> {
        let system = rustix::fs::statvfs(self.path().as_path()).map_err(io::Error::from)?;
        if system.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
            return Err(StoreError::ReadOnly);
        }
        // A leaf is written anew with each of its items in the worst case, which then shares it.
        let wanted = bytes.saturating_mul(4).saturating_add(RESERVE);
        if system.f_bavail.saturating_mul(system.f_frsize) < wanted {
            return Err(StoreError::DiskFull);
        }
        Ok(())
    }

    /// Whether sled made a file that it does not sync.
    pub(super) fn has_blobs(&self) -> io::Result<bool> {
        Ok(fs::read_dir(self.path().join("blobs"))?.next().is_some())
    }

    /// Bytes of all its files.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.path())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }
}

fn check_format(path: &Path) -> Result<(), StoreError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Corrupt),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(StoreError::Corrupt),
        Err(error) => return Err(error.into()),
    };
    match text.strip_prefix(FORMAT_PREFIX).and_then(|rest| rest.trim_end().parse::<u32>().ok()) {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(StoreError::NewerFormat),
        _ => Err(StoreError::Corrupt),
    }
}

/// Waits until nobody has the log open: sled's own threads may hold it a little longer than whoever closed it.
fn unlocked(log: &Path) -> Result<(), StoreError> {
    let file = match File::options().read(true).write(true).open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Corrupt),
        Err(error) => return Err(io_error(error)),
    };
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file.unlock()?),
            Err(fs::TryLockError::WouldBlock) if started.elapsed() < CLOSING => std::thread::sleep(LOOK),
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Syncs the files in `dir` and the names of everything in it.
fn sync_all(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        File::open(&path)?.sync_all().map_err(io_error)?;
    }
    Ok(sync_dir(dir)?)
}

/// Removes a partition's directory: files, and the one directory that may be in it.
fn remove_all(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_all(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(dir)
}

/// Writes what stands in the file over itself: the system takes no page for written then that it has not written.
fn write_anew(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let read = file.read(&mut bytes)?;
        let Some(part) = bytes.get(..read).filter(|part| !part.is_empty()) else { return file.sync_all() };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(part)?;
        at += part.len() as u64;
    }
}

/// Opens sled in `dir`.
pub(super) fn open_sled(dir: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    // The flusher stays on: it alone makes places in the log free again.
    sled::Config::new().path(dir).cache_capacity(cache_bytes).open().map_err(store_error)
}
