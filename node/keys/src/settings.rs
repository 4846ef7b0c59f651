//! The `[keys]` section of a role's configuration.

use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::files::FileProvider;
use crate::pkcs11::{Pkcs11Provider, Pkcs11Settings};
use crate::provider::KeyProvider;
use crate::standby::StandbyProvider;

/// Who keeps roots and epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Files, both made here.
    File,
    /// Files; roots are mounted by somebody else and only read.
    Mounted,
    /// A hardware security module; both are made in it and never leave it.
    Pkcs11,
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
    /// Second folder of epochs and generations, at another place: what brings a keyring back when this machine is lost.
    /// It must be there, and in no backup.
    pub standby: Option<PathBuf>,
    /// The token's driver, an absolute path.
    pub module: Option<PathBuf>,
    /// The token's label.
    pub token: Option<String>,
    /// File with the PIN of the token's user.
    pub pin_file: Option<PathBuf>,
    /// Sessions with the token, 1 to 16; more than one only with a driver that bears it.
    pub sessions: Option<NonZeroU8>,
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
    /// The token is not named.
    #[error(
        "keys.module (an absolute path), keys.token and keys.pin_file are needed by the provider pkcs11, and \
        keys.sessions is 1 to 16"
    )]
    Token,
    /// Keys of a token are copied by the token's own means.
    #[error("keys.standby is for the providers file and mounted: a token has its own backup")]
    Standby,
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
        match self.provider {
            ProviderKind::File | ProviderKind::Mounted => drop(self.folders()?),
            ProviderKind::Pkcs11 if self.standby.is_some() => return Err(KeySettingsError::Standby),
            ProviderKind::Pkcs11 => drop(self.hardware(Path::new(""))?),
        }
        if !(1..=3_660).contains(&self.epochs_kept) {
            return Err(KeySettingsError::EpochsKept);
        }
        Ok(())
    }

    /// Every path that is named, to be made absolute.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let folders = self.roots.iter_mut().chain(self.epochs.iter_mut()).chain(self.standby.iter_mut());
        folders.chain(self.pin_file.iter_mut())
    }

    /// The provider; relative paths start at `base`. A token is not asked yet.
    pub fn open(&self, base: &Path) -> Result<Arc<dyn KeyProvider>, KeySettingsError> {
        self.check()?;
        if self.provider == ProviderKind::Pkcs11 {
            return Ok(Arc::new(Pkcs11Provider::new(&self.hardware(base)?)));
        }
        let (roots, epochs) = self.folders()?;
        let (roots, epochs) = (base.join(roots), base.join(epochs));
        let files = match self.provider {
            ProviderKind::Mounted => FileProvider::mounted(&roots, &epochs),
            _ => FileProvider::new(&roots, &epochs),
        };
        Ok(match &self.standby {
            Some(standby) => Arc::new(StandbyProvider::new(files, &base.join(standby))),
            None => Arc::new(files),
        })
    }

    fn folders(&self) -> Result<(&Path, &Path), KeySettingsError> {
        self.roots.as_deref().zip(self.epochs.as_deref()).ok_or(KeySettingsError::Folders)
    }

    /// The token that is named; a relative path of its PIN starts at `base`.
    pub fn hardware(&self, base: &Path) -> Result<Pkcs11Settings, KeySettingsError> {
        let (Some(module), Some(token), Some(pin_file)) = (&self.module, &self.token, &self.pin_file) else {
            return Err(KeySettingsError::Token);
        };
        let sessions = self.sessions.unwrap_or(Pkcs11Settings::SESSIONS);
        if !module.is_absolute() || sessions.get() > Pkcs11Settings::SESSIONS_MAX {
            return Err(KeySettingsError::Token);
        }
        Ok(Pkcs11Settings {
            module: module.clone(),
            token: token.clone(),
            pin_file: base.join(pin_file),
            sessions,
            wait: Pkcs11Settings::WAIT,
        })
    }
}
