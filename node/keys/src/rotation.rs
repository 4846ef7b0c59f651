//! Rotation: the daily epoch, the root, the standing keys. No data is rewritten for any of them.
//!
//! What must hold: the file is durable under the new keys before an old one is destroyed; a step that broke off is
//! completed by its repetition; and the epoch that the file is sealed under is never destroyed.

use chukei_crypto::keyring::{Keyring, KeyringError};
use chukei_crypto::seal::Purpose;

use crate::error::KeyfileError;
use crate::keyring_file::KeyringFile;
use crate::provider::{ProviderError, WrapIds};

/// What a turn of the epoch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedEpoch {
    /// The epoch that the keyring is sealed under now.
    pub epoch: u32,
    /// Epochs that were destroyed: no keyring that was sealed under one of them opens again, wherever it lies.
    pub destroyed: Vec<u32>,
}

/// What a rotation of the root did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatedRoot {
    /// The root that the keyring is sealed under now.
    pub root: u32,
    /// Older roots that the provider may not destroy: whoever mounts them is to take them away.
    pub left: Vec<u32>,
}

/// What the end of an owner's keys did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Epochs that this call destroyed.
    pub epochs: Vec<u32>,
    /// The generation of the keyring that holds the log's keys alone.
    pub generation: u64,
}

impl KeyringFile {
    /// Seals the keyring under the epoch of `day`, which is made if it is newer than the newest, and destroys the
    /// epochs of `day` − `keep` and before. Older roots that a broken-off rotation left go as well. A `day` before
    /// the newest epoch makes none: a clock that was set back never makes keys that were destroyed already.
    pub fn turn_epoch(&self, day: u32, keep: u32) -> Result<TurnedEpoch, KeyfileError> {
        let mut written = self.change();
        let (provider, owner, ids) = (self.provider(), self.owner(), self.ids());
        let newest = provider.epochs(owner)?.last().copied().unwrap_or_default().max(ids.epoch);
        let epoch = newest.max(day);
        if epoch != ids.epoch {
            provider.make_epoch(owner, epoch)?;
            self.reseal(&mut written, WrapIds { epoch, ..ids })?;
        }
        let mut destroyed = Vec::new();
        for old in provider.epochs(owner)? {
            if old != epoch && old.checked_add(keep).is_some_and(|end| end <= day) {
                provider.destroy_epoch(owner, old)?;
                destroyed.push(old);
            }
        }
        self.destroy_roots_below(ids.root)?;
        Ok(TurnedEpoch { epoch, destroyed })
    }

    /// Seals the keyring under a new root and destroys the older ones: the newest root that the provider has, or,
    /// if that one is in use, a new one that it makes. A provider that may not make roots needs a newer one mounted:
    /// [`KeyfileError::NoNewerRoot`].
    pub fn rotate_root(&self) -> Result<RotatedRoot, KeyfileError> {
        let mut written = self.change();
        let (provider, owner, ids) = (self.provider(), self.owner(), self.ids());
        let newest = provider.roots(owner)?.last().copied().unwrap_or_default();
        let root = if newest > ids.root {
            // Whoever made it may have been stopped before its name was durable.
            match provider.make_root(owner, newest) {
                Ok(()) | Err(ProviderError::ReadOnly) => newest,
                Err(error) => return Err(error.into()),
            }
        } else {
            let next = ids.root.checked_add(1).ok_or(KeyfileError::NoNewerRoot)?;
            provider.make_root(owner, next).map_err(|error| match error {
                ProviderError::ReadOnly => KeyfileError::NoNewerRoot,
                error => error.into(),
            })?;
            next
        };
        self.reseal(&mut written, WrapIds { root, ..ids })?;
        Ok(RotatedRoot { root, left: self.destroy_roots_below(root)? })
    }

    /// Gives every purpose a new standing key and every page a new page key. What is stored goes on opening under the
    /// old ones until they are retired.
    pub fn rotate_standing(&self) -> Result<(), KeyfileError> {
        self.update(|keyring| keyring.renew_standing())
    }

    /// Destroys every key of the owner but those of its log, durably and in every copy at once: what is left is sealed
    /// under an epoch that never sealed anything else, and every other epoch is destroyed, with the older roots as far
    /// as the provider may destroy them. Repeated, it completes what broke off.
    pub fn end_all_but_log(&self) -> Result<Ended, KeyfileError> {
        let mut written = self.change();
        let (provider, owner) = (self.provider(), self.owner());
        if !self.snapshot().is_ended() {
            let ids = self.ids();
            let newest = provider.epochs(owner)?.last().copied().unwrap_or_default();
            // One that is newer than the file's own was made for this, by a try that broke off.
            let epoch = if newest > ids.epoch {
                newest
            } else {
                ids.epoch.checked_add(1).ok_or(KeyringError::TooLong)?
            };
            provider.make_epoch(owner, epoch)?;
            let mut keyring = Keyring::clone(&self.snapshot());
            keyring.end_all_but_log()?;
            self.write(&mut written, keyring, WrapIds { epoch, ..ids })?;
        }
        let ids = self.ids();
        let mut epochs = provider.epochs(owner)?;
        epochs.retain(|epoch| *epoch != ids.epoch);
        for epoch in &epochs {
            provider.destroy_epoch(owner, *epoch)?;
        }
        self.destroy_roots_below(ids.root)?;
        Ok(Ended { epochs, generation: self.snapshot().generation() })
    }

    /// Destroys key `number` of `purpose`, durably; tells whether it was there. Whatever it sealed is gone.
    pub fn retire(&self, purpose: Purpose, number: u32) -> Result<bool, KeyfileError> {
        self.revise(|keyring| keyring.retire(purpose, number).map(|gone| (gone, gone)))
    }

    /// Roots that are left, because the provider may not destroy any.
    fn destroy_roots_below(&self, root: u32) -> Result<Vec<u32>, KeyfileError> {
        let mut left = Vec::new();
        for old in self.provider().roots(self.owner())?.into_iter().filter(|old| *old < root) {
            match self.provider().destroy_root(self.owner(), old) {
                Ok(()) => {}
                Err(ProviderError::ReadOnly) => left.push(old),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(left)
    }
}
