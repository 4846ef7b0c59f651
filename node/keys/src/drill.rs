//! The custody drill (R25): whether a root restored from its shares opens the keyring in use.
//!
//! What must hold: nothing is written, neither the root nor a generation, and the root in the provider's folder is
//! not read: the proof stands on what was restored alone, with the epoch that the keyring's head names.

use std::path::Path;

use chukei_crypto::keyring::{Head, Keyring, KeyringError, RootKey, unwrap as unwrap_key};
use chukei_store::keyring_place::KeyringPath;

use crate::error::KeyfileError;
use crate::files::{FileProvider, failed, place};
use crate::keyring_file::read;
use crate::owner::Owner;
use crate::provider::{KeyProvider, ProviderError, WrapIds};

/// Why a drill failed.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The keyring is sealed under another root than the one restored.
    #[error("the keyring is sealed under root {in_use}, not {restored}")]
    OtherRoot {
        /// The number in the keyring's head.
        in_use: u32,
        /// The number that was restored.
        restored: u32,
    },
    /// The number is right and the key is not.
    #[error("the keyring does not open with the root that was restored")]
    WrongRoot,
    /// The keyring could not be tried.
    #[error(transparent)]
    Keyring(#[from] KeyfileError),
}

/// What a drill opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrilledKeyring {
    /// The keyring's generation: the newest that was acknowledged.
    pub generation: u64,
    /// The epoch it is sealed under, a civil day in Japan.
    pub epoch: u32,
}

/// What the head of a sealed keyring says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHead {
    /// Its generation.
    pub generation: u64,
    /// The root it is sealed under.
    pub root: u32,
    /// The epoch it is sealed under, a civil day in Japan.
    pub epoch: u32,
}

impl SealedHead {
    /// Reads the head of `owner`'s sealed keyring, which is not opened.
    pub fn of(sealed: &[u8], owner: &Owner) -> Result<Self, KeyfileError> {
        let head = Head::parse(sealed)?;
        if head.owner != owner.as_bytes() {
            return Err(KeyringError::WrongOwner.into());
        }
        Ok(Self { generation: head.generation, root: head.wrapped.root, epoch: head.wrapped.epoch })
    }
}

impl FileProvider {
    /// Opens the keyring of `owner` at `path` with `root`, which is to be its root `number`, and this provider's
    /// epoch.
    pub fn drill(
        &self,
        path: &Path,
        owner: &Owner,
        number: u32,
        root: &RootKey,
    ) -> Result<DrilledKeyring, DrillError> {
        let sealed = read(&KeyringPath::new(path))?.ok_or(KeyfileError::Missing)?;
        let head = Head::parse(&sealed).map_err(KeyfileError::from)?;
        if head.owner != owner.as_bytes() {
            return Err(KeyfileError::from(KeyringError::WrongOwner).into());
        }
        let ids = WrapIds { root: head.wrapped.root, epoch: head.wrapped.epoch };
        if ids.root != number {
            return Err(DrillError::OtherRoot { in_use: ids.root, restored: number });
        }
        let epoch = self.epoch(owner, ids.epoch).map_err(KeyfileError::from)?;
        let key = match unwrap_key(root, &epoch, place(owner, ids), head.wrapped.key).map_err(failed) {
            Err(ProviderError::Integrity) => return Err(DrillError::WrongRoot),
            key => key.map_err(KeyfileError::from)?,
        };
        let keyring = Keyring::from_sealed(&sealed, &key, owner.as_bytes()).map_err(KeyfileError::from)?;
        if keyring.generation() < self.generation(owner).map_err(KeyfileError::from)? {
            return Err(KeyfileError::Older.into());
        }
        Ok(DrilledKeyring { generation: keyring.generation(), epoch: ids.epoch })
    }
}
