//! Where a sealed keyring lies: a file of the data folder, or a row of the database that holds the body's rows.
//!
//! It is replaced whole and durably, and looked at often; what is in it is the business of `chukei-keys`. Every call
//! blocks.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::durable_file;

mod movable;
pub use movable::{HeldKeyring, MovableKeyring};

/// The beginning of a sealed keyring, and how long all of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// As many bytes as were asked for, or all there are.
    pub start: Vec<u8>,
    /// Bytes of the whole.
    pub size: u64,
}

/// The place of one owner's keyring.
pub trait KeyringPlace: Send + Sync {
    /// All of it, or one byte more than `limit` of it; `None` if there is none.
    fn read(&self, limit: u64) -> io::Result<Option<Vec<u8>>>;

    /// Its first `bytes` bytes and its size; `None` if there is none.
    fn glimpse(&self, bytes: u64) -> io::Result<Option<Glimpse>>;

    /// As [`KeyringPlace::glimpse`], of a moment that may be half a second past: what many owners ask for often may be
    /// answered together.
    fn glance(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        self.glimpse(bytes)
    }

    /// Replaces it: afterwards, also after a power cut, there is all of the old or all of the new, and all of the new
    /// once this has returned.
    fn replace(&self, sealed: &[u8]) -> io::Result<()>;

    /// Removes it, durably, where the keyring lies elsewhere now.
    fn remove(&self) -> io::Result<()>;
}

/// A keyring in a file of its own.
#[derive(Clone, Debug)]
pub struct KeyringPath(PathBuf);

impl KeyringPath {
    /// The file at `path`; its folder is there.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn open(&self) -> io::Result<Option<File>> {
        match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => file.map(Some),
        }
    }
}

impl KeyringPlace for KeyringPath {
    fn read(&self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.open()? else { return Ok(None) };
        let mut sealed = Vec::new();
        file.take(limit + 1).read_to_end(&mut sealed)?;
        Ok(Some(sealed))
    }

    fn glimpse(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        let Some(file) = self.open()? else { return Ok(None) };
        let size = file.metadata()?.len();
        let mut start = Vec::new();
        file.take(bytes).read_to_end(&mut start)?;
        Ok(Some(Glimpse { start, size }))
    }

    fn replace(&self, sealed: &[u8]) -> io::Result<()> {
        durable_file::replace(&self.0, sealed)
    }

    fn remove(&self) -> io::Result<()> {
        durable_file::destroy(&self.0).map(drop)
    }
}
