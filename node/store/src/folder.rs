//! The folder that holds all a node keeps: who may open it, and what lies where.
//!
//! ```text
//! format               one line, the version of this layout
//! lock                 held while the folder is open
//! bodies/<name>.sqlite one partition of SQLite's
//! bodies/<name>.sled/  one partition of sled's
//! bodies/<name>.place  with which engine it lies, where that was changed
//! keys/<name>.keyring  one sealed keyring
//! journal/<n>.seg      the journal's segments
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use crate::durable_file::{ensure_dir, replace};
use crate::engine::Engine;
use crate::error::StoreError;
use crate::image::{ImageError, Place};
use crate::journal::{Journal, JournalError, JournalOptions, Recovered};
use crate::lock_file::LockFile;
use crate::sled::{SledEngine, SledOptions};
use crate::sqlite::{SqliteEngine, SqliteOptions};

const FORMAT: u32 = 1;
const FORMAT_PREFIX: &str = "chukei-data ";

/// An open data folder. Clones share it.
#[derive(Clone)]
pub struct DataFolder {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    lock: Arc<LockFile>,
}

impl DataFolder {
    /// Opens the folder, creating it (but not its parent) if it is not there. One process at a time:
    /// [`StoreError::Locked`] for the second.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        ensure_dir(path)?;
        let lock = Arc::new(LockFile::take(&path.join("lock"))?.ok_or(StoreError::Locked)?);
        check_format(&path.join("format"))?;
        for part in ["bodies", "keys"] {
            ensure_dir(&path.join(part))?;
        }
        let shared = Shared { path: path.to_owned(), lock };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The engine that keeps one SQLite file per body in this folder. Called once per folder and process: bodies that
    /// one engine has open are not known to another.
    pub fn sqlite(&self, options: SqliteOptions) -> Arc<dyn Engine> {
        Arc::new(SqliteEngine::new(self.shared.path.join("bodies"), Arc::clone(&self.shared.lock), options))
    }

    /// The engine that keeps one sled directory per body in this folder. Called once per folder and process.
    pub fn sled(&self, options: SledOptions) -> Arc<dyn Engine> {
        Arc::new(SledEngine::new(self.shared.path.join("bodies"), Arc::clone(&self.shared.lock), options))
    }

    /// Opens the folder's journal: as [`Journal::open`].
    pub fn journal(&self, options: JournalOptions) -> Result<(Journal, Recovered), JournalError> {
        Journal::open(&self.shared.path.join("journal"), options)
    }

    /// Where the keyring of this partition lies.
    pub fn keyring_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        check_name(name)?;
        Ok(self.shared.path.join("keys").join(format!("{name}.keyring")))
    }

    /// With which engine a body's rows lie, where they were moved.
    pub fn place(&self, name: &str) -> Result<Option<Place>, ImageError> {
        Place::read(&self.bodies_path(), name)
    }

    /// The folder of the embedded engines' files.
    pub fn bodies_path(&self) -> PathBuf {
        self.shared.path.join("bodies")
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }
}

fn check_format(path: &Path) -> Result<(), StoreError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(replace(path, format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes())?);
        }
        Err(error) => return Err(error.into()),
    };
    let text = String::from_utf8(text).map_err(|_| StoreError::Corrupt)?;
    let version = text.strip_prefix(FORMAT_PREFIX).and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match version {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(StoreError::NewerFormat),
        _ => Err(StoreError::Corrupt),
    }
}

/// Names become file names: nothing that a file system could read as a path.
pub(crate) fn check_name(name: &str) -> Result<(), StoreError> {
    let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        return Err(StoreError::BadName);
    }
    Ok(())
}
