//! A body's keyring as a file: rewritten whole, durably, before anybody uses a key that is new in it.
//!
//! What must hold: a key is never used before the file that holds it is durable, or what it sealed would be lost
//! with it; and a key that was destroyed is in no snapshot once the change has returned. A crash leaves either
//! the old file or the new one. Deliberately absent: telling an older file that somebody put back.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use chukei_crypto::keyring::{Keyring, KeyringError, RootKey};
use chukei_crypto::seal::{KeySource, Purpose};

use crate::durable_file;

/// Bytes a keyring's file may have at most: far more than the pages of the largest body need.
pub const MAX_KEYRING_BYTES: u64 = 16 << 20;

/// Why a keyring's file was not opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyfileError {
    /// There is no such file.
    #[error("there is no keyring")]
    Missing,
    /// There is a file already: it is never overwritten by a new keyring.
    #[error("there is a keyring already")]
    Exists,
    /// The file is larger than [`MAX_KEYRING_BYTES`].
    #[error("over a size limit")]
    TooLarge,
    /// The keyring does not open, or refused the change.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The operating system failed. After a failed change the file holds the old keyring or the new one; the
    /// snapshot is the old one.
    #[error("input or output failed")]
    Io(#[from] io::Error),
}

/// The open file of one body's keyring. All of its calls but [`KeyringFile::snapshot`] do blocking file I/O.
pub struct KeyringFile {
    path: PathBuf,
    root: RootKey,
    current: ArcSwap<Keyring>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl KeyringFile {
    /// Makes a new keyring for `body` and writes it to `path`, where nothing may be.
    pub fn create(path: &Path, root: RootKey, body: &[u8]) -> Result<Self, KeyfileError> {
        if path.try_exists()? {
            return Err(KeyfileError::Exists);
        }
        let mut keyring = Keyring::create(body)?;
        durable_file::replace(path, &keyring.to_sealed(&root)?)?;
        Ok(Self::holding(path, root, keyring))
    }

    /// Opens the keyring of `body` at `path`.
    pub fn open(path: &Path, root: RootKey, body: &[u8]) -> Result<Self, KeyfileError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => KeyfileError::Missing,
            _ => KeyfileError::Io(error),
        })?;
        let mut sealed = Vec::new();
        file.take(MAX_KEYRING_BYTES + 1).read_to_end(&mut sealed)?;
        if sealed.len() as u64 > MAX_KEYRING_BYTES {
            return Err(KeyfileError::TooLarge);
        }
        let keyring = Keyring::from_sealed(&sealed, &root, body)?;
        Ok(Self::holding(path, root, keyring))
    }

    fn holding(path: &Path, root: RootKey, keyring: Keyring) -> Self {
        let current = ArcSwap::from_pointee(keyring);
        Self { path: path.to_owned(), root, current, changing: Mutex::new(()) }
    }

    /// The keyring as it is in the file. Holding on to it keeps keys that are destroyed meanwhile: take it anew
    /// for every piece of work.
    pub fn snapshot(&self) -> Arc<Keyring> {
        self.current.load_full()
    }

    /// Changes the keyring: the file is durable, and snapshots have the change, when this returns. If `change`
    /// fails, nothing is changed.
    pub fn update<T>(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<T, KeyringError>,
    ) -> Result<T, KeyfileError> {
        self.revise(|keyring| change(keyring).map(|value| (value, true)))
    }

    /// The keyring with the key of (`purpose`, `day`) in it, made and written if it was not there.
    pub fn ensure_day_key(&self, purpose: Purpose, day: u32) -> Result<Arc<Keyring>, KeyfileError> {
        let snapshot = self.snapshot();
        if snapshot.day_key(purpose, day).is_ok() {
            return Ok(snapshot);
        }
        self.revise(|keyring| keyring.ensure_day_key(purpose, day).map(|made| ((), made)))?;
        Ok(self.snapshot())
    }

    /// The keyring with the key of this page in it, made and written if it was not there.
    pub fn ensure_page(&self, page: u32) -> Result<Arc<Keyring>, KeyfileError> {
        self.revise(|keyring| keyring.ensure_page(page).map(|made| ((), made)))?;
        Ok(self.snapshot())
    }

    /// Writes the keyring if `change` says that it is another one.
    fn revise<T>(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<(T, bool), KeyringError>,
    ) -> Result<T, KeyfileError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keyring = Keyring::clone(&self.current.load());
        let (value, changed) = change(&mut keyring)?;
        if changed {
            let sealed = keyring.to_sealed(&self.root)?;
            if sealed.len() as u64 > MAX_KEYRING_BYTES {
                return Err(KeyfileError::TooLarge);
            }
            durable_file::replace(&self.path, &sealed)?;
            self.current.store(Arc::new(keyring));
        }
        Ok(value)
    }
}

impl std::fmt::Debug for KeyringFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyringFile").field("keyring", &self.current.load()).finish_non_exhaustive()
    }
}
