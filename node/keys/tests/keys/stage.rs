//! A body's folders: where its keyring lies, its roots, its epochs.

use std::path::PathBuf;
use std::sync::Arc;

use chukei_crypto::seal::{KeySource, Purpose};
use chukei_keys::{FileProvider, KeyProvider, KeyfileError, KeyringFile, Owner};

/// The day on which everything begins.
pub(crate) const TODAY: u32 = 20_000;

pub(crate) fn owner() -> Owner {
    "982016".parse().unwrap()
}

/// Folders of one body, with root 1.
pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["roots", "data"] {
            std::fs::create_dir(stage.dir.path().join(folder)).unwrap();
        }
        stage.provider().make_root(&owner(), 1).unwrap();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn keyring_path(&self) -> PathBuf {
        self.path("data/982016.keyring")
    }

    /// Another provider over the same folders, as another process would have.
    pub(crate) fn provider(&self) -> Arc<FileProvider> {
        Arc::new(FileProvider::new(&self.path("roots"), &self.path("epochs")))
    }

    pub(crate) fn create(&self) -> KeyringFile {
        KeyringFile::create(&self.keyring_path(), self.provider(), &owner(), TODAY).unwrap()
    }

    pub(crate) fn open(&self) -> Result<KeyringFile, KeyfileError> {
        KeyringFile::open(&self.keyring_path(), self.provider(), &owner())
    }
}

/// Number and bytes of the day key that seals notices of `day`.
pub(crate) fn day_key(file: &KeyringFile, day: u32) -> Option<(u32, [u8; 32])> {
    file.snapshot().day_key(Purpose::Notices, day).ok().map(|(number, key)| (number, *key.as_bytes()))
}
