//! The `[keys]` section of a role's configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::files::FileProvider;
use crate::provider::KeyProvider;

/// Who keeps roots and epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Files, both made here.
    File,
    /// Files; roots are mounted by somebody else and only read.
    Mounted,
}

/// Where roots and epochs are kept, and for how long old keyrings stay openable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeySettings {
    /// The provider.
    pub provider: ProviderKind,
    /// Folder of roots, `<owner>.root-<n>.key`; it must be there.
    pub roots: Option<PathBuf>,
    /// Folder of epochs and generations. Not on the volume of the data, and in no backup.
    pub epochs: Option<PathBuf>,
    /// Days for which an epoch, and with it an old copy of a keyring, stays openable.
    #[serde(default = "default_epochs_kept")]
    pub epochs_kept: u32,
}

/// Settings that contradict themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySettingsError {
    /// A folder is not named.
    #[error("keys.roots and keys.epochs are needed by the providers file and mounted")]
    Folders,
    /// Epochs are destroyed at once or kept for more than ten years.
    #[error("keys.epochs_kept must be between 1 and 3660")]
    EpochsKept,
}

fn default_epochs_kept() -> u32 {
    7
}

impl KeySettings {
    /// Refuses settings that no provider could follow.
    pub fn check(&self) -> Result<(), KeySettingsError> {
        if self.roots.is_none() || self.epochs.is_none() {
            return Err(KeySettingsError::Folders);
        }
        if !(1..=3_660).contains(&self.epochs_kept) {
            return Err(KeySettingsError::EpochsKept);
        }
        Ok(())
    }

    /// Every path that is named, to be made absolute.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.roots.iter_mut().chain(self.epochs.iter_mut())
    }

    /// The provider; relative paths start at `base`.
    pub fn open(&self, base: &Path) -> Result<Arc<dyn KeyProvider>, KeySettingsError> {
        self.check()?;
        let (Some(roots), Some(epochs)) = (&self.roots, &self.epochs) else {
            return Err(KeySettingsError::Folders);
        };
        let (roots, epochs) = (base.join(roots), base.join(epochs));
        Ok(match self.provider {
            ProviderKind::File => Arc::new(FileProvider::new(&roots, &epochs)),
            ProviderKind::Mounted => Arc::new(FileProvider::mounted(&roots, &epochs)),
        })
    }
}
