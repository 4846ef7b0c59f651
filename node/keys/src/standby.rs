//! Epochs at a second place, for the day on which the machine of the first one is lost.
//!
//! What must hold: an epoch is at both places before anything is sealed under it, and counts as destroyed only when it is
//! gone from both: until then it is listed, and its destruction is tried again. Nothing is read from the second place in
//! use, and nothing that was destroyed ever comes back from it by itself: bringing keys back is an act of its own
//! ([`FileProvider::take_over`]).

use std::path::Path;

use chukei_crypto::keyring::KeyringKey;
use chukei_store::durable_file;

use crate::files::FileProvider;
use crate::key_text::{read_key, refused, write_key};
use crate::owner::Owner;
use crate::provider::{KeyProvider, ProviderError, WrapIds};

/// A provider of files whose epochs and generations are kept at two places.
#[derive(Debug)]
pub struct StandbyProvider {
    first: FileProvider,
    /// The second place; its roots are nobody's.
    second: FileProvider,
}

impl StandbyProvider {
    /// `first`, with its epochs and generations in `standby` as well. The folder is there already: one that is merely
    /// not mounted is not to be covered by a new one.
    pub fn new(first: FileProvider, standby: &Path) -> Self {
        Self { first, second: FileProvider::mounted(Path::new(""), standby) }
    }

    fn copy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let (from, to) = (self.first.epoch_path(owner, day), self.second.epoch_path(owner, day));
        if read_key(&to)?.is_some() {
            return Ok(());
        }
        let key = read_key(&from)?.ok_or(ProviderError::Missing)?;
        write_key(&to, &key)
    }
}

impl KeyProvider for StandbyProvider {
    fn roots(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        self.first.roots(owner)
    }

    fn make_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        self.first.make_root(owner, number)
    }

    fn destroy_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        self.first.destroy_root(owner, number)
    }

    fn epochs(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        let mut days = self.first.epochs(owner)?;
        days.extend(self.second.epochs(owner)?);
        days.sort_unstable();
        days.dedup();
        Ok(days)
    }

    fn make_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        self.first.make_epoch(owner, day)?;
        self.copy_epoch(owner, day)
    }

    fn destroy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        self.first.destroy_epoch(owner, day)?;
        // A folder that is away has the key still: it is listed again when it is back.
        let folder = self.second.epochs_folder();
        if !folder.is_dir() {
            return Err(refused(folder, std::io::ErrorKind::NotFound.into()));
        }
        self.second.destroy_epoch(owner, day)
    }

    fn wrap(&self, owner: &Owner, ids: WrapIds, key: &KeyringKey) -> Result<Vec<u8>, ProviderError> {
        self.first.wrap(owner, ids, key)
    }

    fn unwrap(&self, owner: &Owner, ids: WrapIds, wrapped: &[u8]) -> Result<KeyringKey, ProviderError> {
        self.first.unwrap(owner, ids, wrapped)
    }

    fn generation(&self, owner: &Owner) -> Result<u64, ProviderError> {
        self.first.generation(owner)
    }

    fn raise_generation(&self, owner: &Owner, to: u64) -> Result<(), ProviderError> {
        self.first.raise_generation(owner, to)?;
        let told = self
            .first
            .epochs(owner)
            .and_then(|days| days.into_iter().try_for_each(|day| self.copy_epoch(owner, day)))
            .and_then(|()| self.second.raise_generation(owner, to));
        // The body goes on without its standby; a new epoch does not.
        if let Err(error) = told {
            tracing::error!(owner = owner.as_str(), %error, "the standby of epochs is not in step");
        }
        Ok(())
    }

    fn standby_in_step(&self, owner: &Owner) -> Result<bool, ProviderError> {
        let (first, second) = (&self.first, &self.second);
        Ok(first.epochs(owner)? == second.epochs(owner)?
            && first.generation(owner)? == second.generation(owner)?)
    }

    fn probe(&self, owner: &Owner) -> Result<(), ProviderError> {
        self.first.probe(owner)
    }

    fn serves(&self, owner: &Owner, ids: WrapIds) -> Result<(), ProviderError> {
        self.first.serves(owner, ids)
    }
}

impl FileProvider {
    /// Takes the owner's epochs and generation over from a standby's folder, on a machine that has none: how many epochs.
    /// Nothing that is here is overwritten.
    pub fn take_over(&self, standby: &Path, owner: &Owner) -> Result<usize, ProviderError> {
        let from = Self::mounted(Path::new(""), standby);
        let folder = self.epochs_folder();
        durable_file::ensure_dir(folder).map_err(|source| refused(folder, source))?;
        let days = from.epochs(owner)?;
        for day in &days {
            let path = self.epoch_path(owner, *day);
            if read_key(&path)?.is_none() {
                let key = read_key(&from.epoch_path(owner, *day))?.ok_or(ProviderError::Missing)?;
                write_key(&path, &key)?;
            }
        }
        self.raise_generation(owner, from.generation(owner)?)?;
        Ok(days.len())
    }
}
