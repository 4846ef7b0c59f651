//! Space on the journal's disk that is kept for the hour in which there is no other: preallocated files that are given up
//! one after the other, and made again when there is space.
//!
//! What must hold: a step that is held takes its space on the disk; one that was given up has left it. Deliberately absent:
//! when, and for whom.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;

use crate::durable_file::{ensure_dir, sync_dir};

/// Files that the reserve consists of.
const STEPS: u64 = 8;

/// The reserve of one journal. Its calls block on files.
#[derive(Debug)]
pub struct Reserve {
    folder: PathBuf,
    step: u64,
}

impl Reserve {
    pub(super) fn new(journal: &Path, bytes: u64) -> Self {
        Self { folder: journal.join("reserve"), step: bytes / STEPS }
    }

    /// Bytes that it is to hold.
    pub fn wanted(&self) -> u64 {
        self.step * STEPS
    }

    /// Bytes of one of its steps.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Bytes that it holds now.
    pub fn held(&self) -> io::Result<u64> {
        let mut held = 0;
        for number in 0..STEPS {
            match fs::metadata(self.path(number)) {
                Ok(file) => held += file.len().min(self.step),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(held)
    }

    /// Gives up one step; `false` where none is left.
    pub fn give_up(&self) -> io::Result<bool> {
        for number in (0..STEPS).rev() {
            match fs::remove_file(self.path(number)) {
                Ok(()) => return sync_dir(&self.folder).map(|()| true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Takes one step; `false` where it is whole. Files of another size, of before it was configured anew, go first.
    pub fn take(&self) -> io::Result<bool> {
        if self.step == 0 {
            return Ok(false);
        }
        ensure_dir(&self.folder)?;
        for number in 0..STEPS {
            let path = self.path(number);
            match fs::metadata(&path) {
                Ok(file) if file.len() == self.step => {}
                Ok(_) => {
                    fs::remove_file(&path)?;
                    return self.make(&path).map(|()| true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return self.make(&path).map(|()| true);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// A step that cannot be had whole is none: half of it would only take what is missing.
    fn make(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let taken = self.allocate(&file).and_then(|()| file.sync_all());
        if let Err(error) = taken {
            fs::remove_file(path)?;
            return Err(error);
        }
        sync_dir(&self.folder)
    }

    fn allocate(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), 0, self.step)?)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_and_given_up_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), 80_000);
        assert_eq!((reserve.wanted(), reserve.step(), reserve.held().unwrap()), (80_000, 10_000, 0));
        assert!(!reserve.give_up().unwrap(), "nothing is held");
        for taken in 1..=8 {
            assert!(reserve.take().unwrap());
            assert_eq!(reserve.held().unwrap(), taken * 10_000);
        }
        assert!(!reserve.take().unwrap(), "it is whole");
        for left in (0..8).rev() {
            assert!(reserve.give_up().unwrap());
            assert_eq!(Reserve::new(dir.path(), 80_000).held().unwrap(), left * 10_000, "after a start too");
        }
        assert!(!reserve.give_up().unwrap());
    }

    #[test]
    fn a_reserve_that_was_configured_anew_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let before = Reserve::new(dir.path(), 80_000);
        while before.take().unwrap() {}
        let after = Reserve::new(dir.path(), 16_000);
        assert_eq!(after.held().unwrap(), 16_000);
        while after.take().unwrap() {}
        let sizes: u64 = fs::read_dir(dir.path().join("reserve"))
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(sizes, 16_000);
        let none = Reserve::new(dir.path(), 0);
        assert!(!none.take().unwrap() && none.wanted() == 0);
    }
}
