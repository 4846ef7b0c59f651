//! The portal's durable store: one partition whose rows are sealed under the portal's own keyring.
//!
//! What must hold: every value is bound to its row's key, so that a row moved elsewhere does not open; a day
//! key is destroyed before its rows are deleted, and nothing is sealed for a day that is over.
//! Deliberately absent: own information of persons, which is never stored (see `folder`).

pub(crate) mod codes;
pub(crate) mod disclosures;
pub(crate) mod notice;
pub(crate) mod person;
pub(crate) mod reached;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chukei_crypto::seal::{self, KeyError, KeyIds, KeySource, Place, Purpose, SealError};
use chukei_keys::{KeyProvider, KeyfileError, KeyringFile, Owner};
use chukei_relay_client::permit::{EVIDENCE_PARTITION, Evidence};
use chukei_store::batch::Batch;
use chukei_store::folder::DataFolder;
use chukei_store::journal::{Appending, Entry, Journal, JournalError, JournalOptions, Slack};
use chukei_store::partition::{Partition, Rows, Versioned};
use chukei_store::row::{RowKey, Space};
use chukei_store::{SqliteOptions, StoreError};
use chukei_wire::codec;
use prometheus::Histogram;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, RwLockReadGuard};

/// Name of the partition, and what its rows are bound to.
const PARTITION: &str = "portal";
/// Longest stored row before sealing.
const ROW_MAX: usize = 1024 * 1024;
/// Bytes of a file of the journal: it holds evidence of permits, and where disclosures are told of.
const JOURNAL_SEGMENT: u64 = 4 << 20;
/// Kind of evidence in the journal.
const EVIDENCE: u8 = 32;
/// Form of the rows in this crate, the first byte of every one.
const ROW_FORMAT: u8 = 1;

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// The engine refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The keyring file failed.
    #[error("keyring: {code}: {0}", code = .0.code())]
    Keyring(#[from] KeyfileError),
    /// The row's day key was destroyed.
    #[error("the key of a stored row was destroyed")]
    KeyDestroyed,
    /// A row does not open, or is not of its form.
    #[error("a stored row fails its seal")]
    Integrity,
    /// A row could not be sealed.
    #[error("a row cannot be sealed")]
    Sealing,
    /// A task of this process ended early.
    #[error("interrupted")]
    Interrupted,
}

/// Store and keyring.
pub(crate) struct Vault {
    // Held for its exclusive lock.
    _folder: DataFolder,
    partition: Arc<dyn Partition>,
    /// Evidence of permits, and disclosures.
    journal: Journal,
    disclosures: disclosures::Disclosures,
    keyring: Arc<KeyringFile>,
    /// Writers of a day's rows hold it shared; destroying a day's key takes it alone.
    days: RwLock<()>,
    /// Days before this one are over, whatever the clock says later.
    floor: AtomicU32,
    epochs_kept: u32,
    seconds: Histogram,
}

/// Proof that a day is not over and has its keys, for as long as it is held.
pub(crate) struct DayGuard<'a> {
    _days: RwLockReadGuard<'a, ()>,
}

/// The last day whose rows were swept.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct SweptRow {
    #[serde(rename = "d")]
    day: u32,
}

impl Vault {
    /// Opens the store under `data_dir`, creating it and its keyring at the first start under the epoch of
    /// `today`. `seconds` gets the time
    /// of each durable batch.
    pub(crate) async fn open_folder(
        data_dir: &Path,
        provider: Arc<dyn KeyProvider>,
        owner: &Owner,
        today: u32,
        epochs_kept: u32,
        seconds: Histogram,
    ) -> Result<Self, VaultError> {
        let folder = DataFolder::open(data_dir)?;
        let partition = folder.sqlite(SqliteOptions::default()).open(PARTITION).await?;
        let options = JournalOptions { segment_bytes: JOURNAL_SEGMENT, ..JournalOptions::default() };
        let (journal, _) = folder.journal(options)?;
        let file = folder.keyring_path(PARTITION)?;
        let keyring = match KeyringFile::open(&file, provider.clone(), owner) {
            Err(KeyfileError::Missing) => KeyringFile::create(&file, provider, owner, today)?,
            opened => opened?,
        };
        let vault = Self {
            _folder: folder,
            partition,
            journal,
            disclosures: disclosures::Disclosures::default(),
            keyring: Arc::new(keyring),
            days: RwLock::new(()),
            floor: AtomicU32::new(0),
            epochs_kept,
            seconds,
        };
        vault.recall_disclosures()?;
        Ok(vault)
    }

    /// Whether the store answers, and the keyring and its provider are there.
    pub(crate) async fn check(&self) -> Result<(), VaultError> {
        self.get(&self.swept_key()).await?;
        self.with_keyring(|file| {
            file.provider().probe(file.owner())?;
            file.check()
        })
        .await
    }

    /// Turns the keyring to the epoch of `today`, and to a newer root where one was supplied; what was destroyed by
    /// then is in no keyring of this epoch.
    pub(crate) async fn turn_keys(&self, today: u32) -> Result<(), VaultError> {
        let keep = self.epochs_kept;
        self.with_keyring(move |file| {
            let turned = file.turn_epoch(today, keep)?;
            let supplied = file.provider().roots(file.owner())?.last().copied();
            if supplied > Some(file.ids().root) {
                file.rotate_root()?;
            }
            let (root, epochs_destroyed) = (file.ids().root, turned.destroyed.len());
            tracing::info!(epoch = turned.epoch, root, epochs_destroyed, "keyring turned");
            Ok(())
        })
        .await
    }

    /// Queues evidence of permits; durable when the answer resolves.
    pub(crate) fn keep_evidence(&self, evidence: &Evidence, at_ms: u64) -> Result<Appending, VaultError> {
        let sealed = evidence.to_bytes().map_err(|_| VaultError::Sealing)?;
        let partition = EVIDENCE_PARTITION.to_owned();
        Ok(self.journal.append_within(
            Slack::UNAWAITED,
            Entry { partition, kind: EVIDENCE, at_ms, replay: None, sealed },
        ))
    }

    /// The first day that is not over.
    pub(crate) fn floor(&self, today: u32) -> u32 {
        self.floor.load(Ordering::Acquire).max(today)
    }

    /// Makes the keys of `day`, durably, unless the day is over. Rows of the day may be written while the guard
    /// is held.
    pub(crate) async fn admit_day(&self, day: u32, today: u32) -> Result<Option<DayGuard<'_>>, VaultError> {
        let guard = self.days.read().await;
        if day < self.floor(today) {
            return Ok(None);
        }
        let known = {
            let keys = self.keyring.snapshot();
            [Purpose::Notices, Purpose::Answers].map(|purpose| keys.day_key(purpose, day).map(|_| ()))
        };
        if known.contains(&Err(KeyError::Destroyed)) {
            return Ok(None);
        }
        if known.contains(&Err(KeyError::Missing)) {
            self.with_keyring(move |file| {
                file.update(|keys| {
                    keys.ensure_day_key(Purpose::Notices, day)?;
                    keys.ensure_day_key(Purpose::Answers, day)
                })
            })
            .await?;
        }
        Ok(Some(DayGuard { _days: guard }))
    }

    /// Destroys the keys of every day before `today`, then deletes those days' rows; says how many keys went.
    pub(crate) async fn end_days_before(&self, today: u32) -> Result<usize, VaultError> {
        let destroyed = {
            let _alone = self.days.write().await;
            self.floor.fetch_max(today, Ordering::AcqRel);
            self.with_keyring(move |file| file.destroy_days_before(today)).await?
        };
        let key = self.swept_key();
        let first = match self.get(&key).await? {
            Some(row) => self.open::<SweptRow>(&key, &row)?.day,
            None => today,
        };
        for day in first..today {
            while self.sweep_page(day).await? {}
        }
        if first < today || self.get(&key).await?.is_none() {
            let ids = KeyIds { purpose: Purpose::Names, day: 0, person: None };
            let value = self.seal(ids, &key, &SweptRow { day: today })?;
            self.apply(Batch::new().put(key, value)).await?;
        }
        Ok(destroyed.len())
    }

    async fn with_keyring<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KeyringFile) -> Result<T, KeyfileError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let file = Arc::clone(&self.keyring);
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        Ok(done.map_err(|_| VaultError::Interrupted)??)
    }

    fn swept_key(&self) -> RowKey {
        RowKey::new(Space::Meta).name(&self.name(Space::Meta, &[b"swept"]))
    }

    fn name(&self, space: Space, parts: &[&[u8]]) -> [u8; 32] {
        self.keyring.snapshot().naming().name(space.code(), parts)
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Versioned>, VaultError> {
        Ok(self.get_many(std::slice::from_ref(key)).await?.into_iter().next().flatten())
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, VaultError> {
        Ok(self.partition.get_many(keys).await?)
    }

    async fn read<T: Serialize + DeserializeOwned>(&self, key: &RowKey) -> Result<Option<T>, VaultError> {
        self.get(key).await?.map(|row| self.open(key, &row)).transpose()
    }

    async fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Result<Rows, VaultError> {
        Ok(self.partition.scan(prefix, after, limit).await?)
    }

    async fn apply(&self, batch: Batch) -> Result<(), VaultError> {
        let _timed = self.seconds.start_timer();
        Ok(self.partition.apply(batch).await?)
    }

    fn seal<T: Serialize>(&self, ids: KeyIds, key: &RowKey, row: &T) -> Result<Vec<u8>, VaultError> {
        let mut plain = zeroize::Zeroizing::new(vec![ROW_FORMAT]);
        plain.extend_from_slice(&zeroize::Zeroizing::new(
            codec::encode(row).map_err(|_| VaultError::Sealing)?,
        ));
        let keys = self.keyring.snapshot();
        seal::seal(&*keys, ids, place(key), &plain).map_err(|error| match error {
            SealError::KeyDestroyed => VaultError::KeyDestroyed,
            _ => VaultError::Sealing,
        })
    }

    fn open<T: Serialize + DeserializeOwned>(&self, key: &RowKey, row: &Versioned) -> Result<T, VaultError> {
        let keys = self.keyring.snapshot();
        let opened = seal::open(&*keys, place(key), &row.value).map_err(|error| match error {
            SealError::KeyDestroyed => VaultError::KeyDestroyed,
            _ => VaultError::Integrity,
        })?;
        match opened.get().split_first() {
            Some((&ROW_FORMAT, plain)) => codec::decode(plain, ROW_MAX).map_err(|_| VaultError::Integrity),
            _ => Err(VaultError::Integrity),
        }
    }
}

fn place(key: &RowKey) -> Place<'_> {
    let space = key.as_bytes().first().copied().unwrap_or_default();
    Place { body: PARTITION.as_bytes(), space, row: key.as_bytes() }
}

#[cfg(test)]
mod tests;
