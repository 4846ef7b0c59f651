//! Roots and epochs as files.
//!
//! ```text
//! <roots>/<owner>.root-<n>.key     root n, 32 bytes in hexadecimal
//! <epochs>/<owner>.epoch-<day>.key the epoch of that day, likewise
//! <epochs>/<owner>.generation      the newest acknowledged generation, decimal
//! ```
//!
//! Roots may be mounted from outside, read-only; they are read anew for each use, so that a root is in use, and one
//! that was taken away is out of use, from the next call on. Files are written whole, mode 0600, durable with their
//! folder; they are overwritten before they are removed, which a file system need not honour
//! ([`durable_file::destroy`]): epochs belong on a small volume of their own, never in a backup.
//! Deliberately absent: keys kept in memory between calls.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::key::Key32;
use chukei_crypto::keyring::{
    EpochKey, KeyringError, KeyringKey, RootKey, WrapPlace, unwrap as unwrap_key, wrap as wrap_key,
};
use chukei_store::durable_file;

use crate::key_text::{parse_number, read_key, read_number, refused, write_key, write_number};
use crate::owner::Owner;
use crate::provider::{KeyProvider, ProviderError, WrapIds};

/// Keeps roots and epochs as files.
#[derive(Debug)]
pub struct FileProvider {
    roots: PathBuf,
    epochs: PathBuf,
    roots_are_ours: bool,
    /// One change at a time.
    changing: Mutex<()>,
}

impl FileProvider {
    /// Roots in `roots` and epochs in `epochs`, both written here. `roots` must be there already: a folder that is
    /// merely not mounted is not to be covered by a new one.
    pub fn new(roots: &Path, epochs: &Path) -> Self {
        Self::over(roots, epochs, true)
    }

    /// Roots in `roots`, which somebody else mounts and which is never written; epochs in `epochs`.
    pub fn mounted(roots: &Path, epochs: &Path) -> Self {
        Self::over(roots, epochs, false)
    }

    fn over(roots: &Path, epochs: &Path, roots_are_ours: bool) -> Self {
        let (roots, epochs) = (roots.to_owned(), epochs.to_owned());
        Self { roots, epochs, roots_are_ours, changing: Mutex::new(()) }
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where root `number` of `owner` lies.
    pub fn root_path(&self, owner: &Owner, number: u32) -> PathBuf {
        self.roots.join(format!("{owner}.root-{number}.key"))
    }

    pub(crate) fn epoch_path(&self, owner: &Owner, day: u32) -> PathBuf {
        self.epochs.join(format!("{owner}.epoch-{day}.key"))
    }

    pub(crate) fn epochs_folder(&self) -> &Path {
        &self.epochs
    }

    fn generation_path(&self, owner: &Owner) -> PathBuf {
        self.epochs.join(format!("{owner}.generation"))
    }

    fn root(&self, owner: &Owner, number: u32) -> Result<RootKey, ProviderError> {
        match read_key(&self.root_path(owner, number))? {
            Some(key) => Ok(RootKey::from_bytes(*key)),
            // Numbers ascend: below one that is there, a root is gone because it was replaced.
            None if self.roots(owner)?.last().is_some_and(|newest| *newest > number) => {
                Err(ProviderError::Destroyed)
            }
            None => Err(ProviderError::Missing),
        }
    }

    pub(crate) fn epoch(&self, owner: &Owner, day: u32) -> Result<EpochKey, ProviderError> {
        match read_key(&self.epoch_path(owner, day))? {
            Some(key) => Ok(EpochKey::from_bytes(*key)),
            // The folder stays when its last epoch goes: without it, nothing can be said.
            None if self.epochs.is_dir() => Err(ProviderError::Destroyed),
            None => Err(ProviderError::Missing),
        }
    }

    fn keys(&self, owner: &Owner, ids: WrapIds) -> Result<(RootKey, EpochKey), ProviderError> {
        let epoch = self.epoch(owner, ids.epoch)?;
        Ok((self.root(owner, ids.root)?, epoch))
    }
}

impl KeyProvider for FileProvider {
    fn roots(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        let roots = numbered(&self.roots, &format!("{owner}.root-"))?;
        Ok(roots.into_iter().filter(|number| *number != 0).collect())
    }

    fn make_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        if !self.roots_are_ours {
            return Err(ProviderError::ReadOnly);
        }
        if number == 0 {
            return Err(ProviderError::Missing);
        }
        let _one_at_a_time = self.change();
        make(&self.root_path(owner, number))
    }

    fn destroy_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        if !self.roots_are_ours {
            return Err(ProviderError::ReadOnly);
        }
        let _one_at_a_time = self.change();
        destroy(&self.root_path(owner, number))
    }

    fn epochs(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        numbered(&self.epochs, &format!("{owner}.epoch-"))
    }

    fn make_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let _one_at_a_time = self.change();
        durable_file::ensure_dir(&self.epochs).map_err(|source| refused(&self.epochs, source))?;
        make(&self.epoch_path(owner, day))
    }

    fn destroy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let _one_at_a_time = self.change();
        destroy(&self.epoch_path(owner, day))
    }

    fn wrap(&self, owner: &Owner, ids: WrapIds, key: &KeyringKey) -> Result<Vec<u8>, ProviderError> {
        let (root, epoch) = self.keys(owner, ids)?;
        wrap_key(&root, &epoch, place(owner, ids), key).map_err(failed)
    }

    fn unwrap(&self, owner: &Owner, ids: WrapIds, wrapped: &[u8]) -> Result<KeyringKey, ProviderError> {
        let (root, epoch) = self.keys(owner, ids)?;
        unwrap_key(&root, &epoch, place(owner, ids), wrapped).map_err(failed)
    }

    fn generation(&self, owner: &Owner) -> Result<u64, ProviderError> {
        read_number(&self.generation_path(owner))
    }

    fn raise_generation(&self, owner: &Owner, to: u64) -> Result<(), ProviderError> {
        let _one_at_a_time = self.change();
        let path = self.generation_path(owner);
        if read_number(&path)? >= to {
            return Ok(());
        }
        durable_file::ensure_dir(&self.epochs).map_err(|source| refused(&self.epochs, source))?;
        write_number(&path, to)
    }

    fn probe(&self, owner: &Owner) -> Result<(), ProviderError> {
        let root = self.roots(owner)?.last().copied().ok_or(ProviderError::Missing)?;
        let epoch = self.epochs(owner)?.last().copied().ok_or(ProviderError::Missing)?;
        self.serves(owner, WrapIds { root, epoch })
    }

    /// Reads the two files and lists nothing: folders hold the keys of hundreds of owners.
    fn serves(&self, owner: &Owner, ids: WrapIds) -> Result<(), ProviderError> {
        self.keys(owner, ids).map(drop)
    }
}

/// Makes the key file unless there is one, which must be whole. Its name is durable in either case: whoever made it
/// may have been stopped before that.
fn make(path: &Path) -> Result<(), ProviderError> {
    if read_key(path)?.is_some() {
        let folder = path.parent().unwrap_or(path);
        return durable_file::sync_dir(folder).map_err(|source| refused(folder, source));
    }
    let key = Key32::generate().map_err(|error| ProviderError::Unavailable(Box::new(error)))?;
    write_key(path, key.as_bytes())
}

fn destroy(path: &Path) -> Result<(), ProviderError> {
    durable_file::destroy(path).map(|_| ()).map_err(|source| refused(path, source))
}

pub(crate) fn place(owner: &Owner, ids: WrapIds) -> WrapPlace<'_> {
    WrapPlace { owner: owner.as_bytes(), root: ids.root, epoch: ids.epoch }
}

pub(crate) fn failed(error: KeyringError) -> ProviderError {
    match error {
        KeyringError::IntegrityFailure => ProviderError::Integrity,
        KeyringError::NewerFormat => ProviderError::NewerFormat,
        other => ProviderError::Unavailable(Box::new(other)),
    }
}

/// Numbers of the files `<prefix><number>.key` in `folder`, ascending; none where there is no folder.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<u32>, ProviderError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(folder, error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|source| refused(folder, source))?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(".key"));
        numbers.extend(digits.and_then(parse_number::<u32>));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
