//! A keyring as a file, or as a row of a database: rewritten whole, durably, before anybody uses a key that is new in
//! it.
//!
//! What must hold: a key is never used before the file that holds it is durable, or what it sealed would be lost
//! with it; and a key that was destroyed is in no snapshot once the change has returned. The order of every change is
//! file durable, generation raised at the provider, change acknowledged: a crash leaves the old file or the new one,
//! and a file older than an acknowledged one is refused for good. Each writing is sealed under a key of its own,
//! wrapped under the root and the epoch named in its head. Deliberately absent: the choice of days (the caller has
//! the clock), and any way to open a keyring without its provider.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use chukei_crypto::keyring::{Head, Keyring, KeyringError, KeyringKey, Wrapped};
use chukei_crypto::seal::{KeySource, Purpose};
use chukei_store::keyring_place::{Glimpse, KeyringPath, KeyringPlace};

use crate::error::KeyfileError;
use crate::owner::Owner;
use crate::provider::{KeyProvider, ProviderError, WrapIds};

/// Bytes a keyring's file may have at most: far more than the pages of the largest body need.
pub const MAX_KEYRING_BYTES: u64 = 16 << 20;

/// More than the head of a keyring takes.
const HEAD_MAX: u64 = 1024;

/// The open file of one owner's keyring. Its calls but [`KeyringFile::snapshot`] and [`KeyringFile::ids`] block on
/// files and on the provider.
pub struct KeyringFile {
    place: Arc<dyn KeyringPlace>,
    owner: Owner,
    provider: Arc<dyn KeyProvider>,
    current: ArcSwap<Keyring>,
    ids: ArcSwap<WrapIds>,
    /// How the file looks.
    looks: ArcSwap<Glimpse>,
    /// One change at a time. The newest generation written here, acknowledged or not: none is given twice.
    written: Mutex<u64>,
}

impl KeyringFile {
    /// Makes a new keyring for `owner` that begins with `day`, and writes it to `path`, where nothing may be, under the
    /// newest root and the epoch of `day` (or a newer one). The root is there already: made by whoever has the custody of it.
    pub fn create(
        path: &Path,
        provider: Arc<dyn KeyProvider>,
        owner: &Owner,
        day: u32,
    ) -> Result<Self, KeyfileError> {
        Self::create_at(Arc::new(KeyringPath::new(path)), provider, owner, day)
    }

    /// As [`KeyringFile::create`], in any place.
    pub fn create_at(
        place: Arc<dyn KeyringPlace>,
        provider: Arc<dyn KeyProvider>,
        owner: &Owner,
        day: u32,
    ) -> Result<Self, KeyfileError> {
        if place.glimpse(0)?.is_some() {
            return Err(KeyfileError::Exists);
        }
        if provider.generation(owner)? > 0 {
            return Err(KeyfileError::Lost);
        }
        let root = provider.roots(owner)?.last().copied().ok_or(ProviderError::Missing)?;
        let epoch = provider.epochs(owner)?.last().copied().unwrap_or_default().max(day);
        provider.make_epoch(owner, epoch)?;
        let mut keyring = Keyring::create(owner.as_bytes())?;
        // It begins with its day: the first look at the day after a start has nothing to write.
        keyring.destroy_days_before(day);
        let file = Self {
            place,
            owner: owner.clone(),
            provider,
            current: ArcSwap::from_pointee(keyring),
            ids: ArcSwap::from_pointee(WrapIds { root, epoch }),
            looks: ArcSwap::from_pointee(looks(&[])),
            written: Mutex::new(0),
        };
        file.write(&mut file.change(), Keyring::clone(&file.current.load()), WrapIds { root, epoch })?;
        Ok(file)
    }

    /// Opens the keyring of `owner` at `path`. One whose epoch or root is gone is [`ProviderError::Destroyed`]; one
    /// that is older than the newest acknowledged is [`KeyfileError::Older`].
    pub fn open(path: &Path, provider: Arc<dyn KeyProvider>, owner: &Owner) -> Result<Self, KeyfileError> {
        Self::open_at(Arc::new(KeyringPath::new(path)), provider, owner)
    }

    /// As [`KeyringFile::open`], in any place.
    pub fn open_at(
        place: Arc<dyn KeyringPlace>,
        provider: Arc<dyn KeyProvider>,
        owner: &Owner,
    ) -> Result<Self, KeyfileError> {
        let sealed = match read(&*place)? {
            Some(sealed) => sealed,
            None if provider.generation(owner)? > 0 => return Err(KeyfileError::Lost),
            None => return Err(KeyfileError::Missing),
        };
        let head = Head::parse(&sealed)?;
        if head.owner != owner.as_bytes() {
            return Err(KeyringError::WrongOwner.into());
        }
        let ids = WrapIds { root: head.wrapped.root, epoch: head.wrapped.epoch };
        let key = provider.unwrap(owner, ids, head.wrapped.key)?;
        let keyring = Keyring::from_sealed(&sealed, &key, owner.as_bytes())?;
        let acknowledged = provider.generation(owner)?;
        if keyring.generation() < acknowledged {
            return Err(KeyfileError::Older);
        }
        if keyring.generation() > acknowledged {
            // Whoever wrote it may have been stopped before it was durable, and before its generation was raised.
            place.replace(&sealed)?;
            provider.raise_generation(owner, keyring.generation())?;
        }
        Ok(Self {
            place,
            owner: owner.clone(),
            provider,
            looks: ArcSwap::from_pointee(looks(&sealed)),
            written: Mutex::new(keyring.generation()),
            current: ArcSwap::from_pointee(keyring),
            ids: ArcSwap::from_pointee(ids),
        })
    }

    /// The keyring as it is in the file. Holding on to it keeps keys that are destroyed meanwhile: take it anew
    /// for every piece of work.
    pub fn snapshot(&self) -> Arc<Keyring> {
        self.current.load_full()
    }

    /// The root and the epoch that the file is sealed under.
    pub fn ids(&self) -> WrapIds {
        **self.ids.load()
    }

    /// The owner of the keyring.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The keeper of the owner's roots and epochs.
    pub fn provider(&self) -> &dyn KeyProvider {
        &*self.provider
    }

    /// Whether the standby of the owner's epochs has what it should; not where it does not answer.
    pub fn standby_in_step(&self) -> bool {
        self.provider.standby_in_step(&self.owner).unwrap_or(false)
    }

    /// Whether the file is there still, and is the one that was written last: [`KeyfileError::Lost`] where somebody
    /// took it away, [`KeyfileError::Older`] where somebody put an earlier one back. Reads its head and its size only;
    /// a file that is altered behind them shows when it is opened.
    pub fn check(&self) -> Result<(), KeyfileError> {
        if self.place.glance(HEAD_MAX)?.as_ref() == Some(&**self.looks.load()) {
            return Ok(());
        }
        // A change waits meanwhile: between its file and its snapshot the two differ.
        let _unchanging = self.change();
        let Some(Glimpse { start, size }) = self.place.glimpse(HEAD_MAX)? else {
            return Err(KeyfileError::Lost);
        };
        let head = Head::parse(&start)?;
        if head.owner != self.owner.as_bytes() {
            return Err(KeyringError::WrongOwner.into());
        }
        if head.generation < self.snapshot().generation() {
            return Err(KeyfileError::Older);
        }
        if size == self.looks.load().size { Ok(()) } else { Err(KeyringError::IntegrityFailure.into()) }
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

    /// The keyring with keys of `purpose` for these days in it, made and written at once if one was not there.
    pub fn ensure_day_keys(&self, purpose: Purpose, days: &[u32]) -> Result<Arc<Keyring>, KeyfileError> {
        let snapshot = self.snapshot();
        if days.iter().all(|day| snapshot.day_key(purpose, *day).is_ok()) {
            return Ok(snapshot);
        }
        self.revise(|keyring| {
            let mut made = false;
            for day in days {
                made |= keyring.ensure_day_key(purpose, *day)?;
            }
            Ok(((), made))
        })?;
        Ok(self.snapshot())
    }

    /// The keyring with a key of this page in it, made and written if it was not there.
    pub fn ensure_page(&self, page: u32) -> Result<Arc<Keyring>, KeyfileError> {
        let snapshot = self.snapshot();
        if !snapshot.page_numbers(page).is_empty() {
            return Ok(snapshot);
        }
        self.revise(|keyring| keyring.ensure_page(page).map(|made| ((), made)))?;
        Ok(self.snapshot())
    }

    /// Destroys the day keys of every day before `day`, durably, and names them. Where the days have ended already,
    /// nothing is written.
    pub fn destroy_days_before(&self, day: u32) -> Result<Vec<(Purpose, u32)>, KeyfileError> {
        self.revise(|keyring| {
            let before = keyring.first_day();
            let gone = keyring.destroy_days_before(day);
            Ok((gone, keyring.first_day() != before))
        })
    }

    /// Writes the keyring if `change` says that it is another one.
    pub(crate) fn revise<T>(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<(T, bool), KeyringError>,
    ) -> Result<T, KeyfileError> {
        let mut written = self.change();
        let mut keyring = Keyring::clone(&self.current.load());
        let (value, changed) = change(&mut keyring)?;
        if changed {
            self.write(&mut written, keyring, self.ids())?;
        }
        Ok(value)
    }

    /// Writes the keyring as it is under another root or epoch.
    pub(crate) fn reseal(&self, written: &mut u64, ids: WrapIds) -> Result<(), KeyfileError> {
        self.write(written, Keyring::clone(&self.current.load()), ids)
    }

    /// Holds up other changes.
    pub(crate) fn change(&self) -> MutexGuard<'_, u64> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order here is what the first page of this module promises.
    pub(crate) fn write(
        &self,
        written: &mut u64,
        mut keyring: Keyring,
        ids: WrapIds,
    ) -> Result<(), KeyfileError> {
        let key = KeyringKey::generate().map_err(KeyringError::from)?;
        let wrapped = self.provider.wrap(&self.owner, ids, &key)?;
        let wrapped = Wrapped { root: ids.root, epoch: ids.epoch, key: &wrapped };
        let sealed = keyring.seal(*written, &key, wrapped)?;
        if sealed.len() as u64 > MAX_KEYRING_BYTES {
            return Err(KeyfileError::TooLarge);
        }
        *written = keyring.generation();
        self.place.replace(&sealed)?;
        self.provider.raise_generation(&self.owner, keyring.generation())?;
        self.looks.store(Arc::new(looks(&sealed)));
        self.current.store(Arc::new(keyring));
        self.ids.store(Arc::new(ids));
        Ok(())
    }
}

/// What a look shows where this is the file.
fn looks(sealed: &[u8]) -> Glimpse {
    let head = usize::try_from(HEAD_MAX).unwrap_or(usize::MAX);
    Glimpse { start: sealed.iter().take(head).copied().collect(), size: sealed.len() as u64 }
}

pub(crate) fn read(place: &dyn KeyringPlace) -> Result<Option<Vec<u8>>, KeyfileError> {
    let sealed = place.read(MAX_KEYRING_BYTES)?;
    if sealed.as_ref().is_some_and(|sealed| sealed.len() as u64 > MAX_KEYRING_BYTES) {
        return Err(KeyfileError::TooLarge);
    }
    Ok(sealed)
}

impl std::fmt::Debug for KeyringFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyringFile")
            .field("owner", &self.owner.as_str())
            .field("keyring", &self.current.load())
            .field("ids", &self.ids())
            .finish_non_exhaustive()
    }
}
