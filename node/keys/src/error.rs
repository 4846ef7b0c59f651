//! Why a keyring's file was not opened or changed.

use std::io;

use chukei_crypto::keyring::KeyringError;
use chukei_crypto::seal::KeyError;

use crate::provider::ProviderError;

/// Why a keyring's file was not opened or changed. Texts name files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum KeyfileError {
    /// There is no such file, and none was ever acknowledged.
    #[error("there is no keyring")]
    Missing,
    /// There is no such file, but the provider remembers one: it is to be restored, not replaced by a new one.
    #[error("the keyring that was in use is not there: restore it from its backup")]
    Lost,
    /// There is a file already: it is never overwritten by a new keyring.
    #[error("there is a keyring already")]
    Exists,
    /// The file is larger than [`crate::MAX_KEYRING_BYTES`].
    #[error("over a size limit")]
    TooLarge,
    /// Somebody put an earlier file back, in which keys may live that were destroyed since.
    #[error("an older keyring than the one in use")]
    Older,
    /// The provider has no root that is newer than the one in use.
    #[error("there is no newer root to turn to")]
    NoNewerRoot,
    /// The keyring does not open, or refused the change.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The provider of roots and epochs refused or failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The operating system failed. After a failed change the file holds the old keyring or the new one; the
    /// snapshot is the old one.
    #[error("input or output failed")]
    Io(#[from] io::Error),
}

impl KeyfileError {
    /// The stable name of this kind of failure, for logs and results.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Keyring(KeyringError::DayDestroyed | KeyringError::Key(KeyError::Destroyed))
            | Self::Provider(ProviderError::Destroyed) => "KEY_DESTROYED",
            Self::Keyring(KeyringError::IntegrityFailure | KeyringError::WrongOwner)
            | Self::Provider(ProviderError::Integrity) => "INTEGRITY_FAILURE",
            Self::Keyring(KeyringError::NewerFormat) | Self::Provider(ProviderError::NewerFormat) => {
                "NEWER_FORMAT"
            }
            Self::Older => "OLDER_KEYRING",
            _ => "NOT_READY",
        }
    }
}
