//! Pages of person keys: 256 persons to a page, each page a row sealed under its page key.
//!
//! A bounded cache keeps opened pages, all of one generation of the keyring, so that no page outlives a change of
//! keys in memory.

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chukei_crypto::key::{DayKey, Key32};
use chukei_crypto::keyring::{Keyring, KeyringError, Page};
use chukei_crypto::seal::{KeyError, KeySource, PersonSlot, Purpose};
use chukei_keys::KeyringFile;
use chukei_store::{Partition, RowKey, Space};
use lru::LruCache;

/// Opened pages kept per body: 64 pages are 16,384 persons and about 600 KiB.
const CACHED_PAGES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Persons to a page.
pub const PERSONS_PER_PAGE: u64 = 256;

/// Opened pages of one body, all of one generation of its keyring.
pub struct PageCache {
    held: Mutex<Held>,
}

struct Held {
    generation: u64,
    pages: LruCache<u32, Arc<Page>>,
}

impl PageCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self { held: Mutex::new(Held { generation: 0, pages: LruCache::new(CACHED_PAGES) }) }
    }

    fn get(&self, page: u32, generation: u64) -> Option<Arc<Page>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.generation == generation { held.pages.get(&page).cloned() } else { None }
    }

    /// Keeps a page. With the first of a newer generation all older ones go; an older one is not kept.
    fn put(&self, page: u32, generation: u64, opened: Arc<Page>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.generation < generation {
            held.generation = generation;
            held.pages.clear();
        }
        if held.generation == generation {
            held.pages.put(page, opened);
        }
    }

    /// Wipes every page that was opened with a keyring older than `generation`.
    pub fn forget_before(&self, generation: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.generation < generation {
            held.generation = generation;
            held.pages.clear();
        }
    }
}

impl Default for PageCache {
    fn default() -> Self {
        Self::new()
    }
}

/// The row of a page.
pub fn page_row(page: u32) -> RowKey {
    RowKey::new(Space::Page).bytes(&page.to_be_bytes())
}

/// Keys for one value: one moment of the keyring, and the one page it may need.
pub struct ValueKeys<'a> {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) file: &'a KeyringFile,
    pub(crate) pages: &'a PageCache,
    pub(crate) partition: &'a dyn Partition,
    pub(crate) page: OnceCell<Arc<Page>>,
}

impl ValueKeys<'_> {
    fn load(&self, page: u32) -> Result<Arc<Page>, KeyError> {
        self.load_with(page, &self.keyring).or_else(|error| {
            // The page may have been sealed again under a key that is newer than this moment of the keyring.
            let newer = self.file.snapshot();
            if newer.generation() == self.keyring.generation() {
                return Err(error);
            }
            self.load_with(page, &newer)
        })
    }

    fn load_with(&self, page: u32, keyring: &Keyring) -> Result<Arc<Page>, KeyError> {
        if let Some(page) = self.pages.get(page, keyring.generation()) {
            return Ok(page);
        }
        let row = page_row(page);
        let stored = self.partition.get_many(std::slice::from_ref(&row)).map_err(|_| KeyError::Missing)?;
        let sealed = stored.into_iter().next().flatten().ok_or(KeyError::Missing)?;
        let opened = Page::from_sealed(&sealed.value, page, keyring).map_err(|error| match error {
            KeyringError::Key(error) => error,
            _ => KeyError::Missing,
        })?;
        let opened = Arc::new(opened);
        self.pages.put(page, keyring.generation(), opened.clone());
        Ok(opened)
    }
}

impl KeySource for ValueKeys<'_> {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        self.keyring.day_key(purpose, day)
    }

    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        self.keyring.day_key_by_id(purpose, day, id)
    }

    fn person_key(&self, slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        if self.page.get().is_none() {
            let _ = self.page.set(self.load(slot.page)?);
        }
        let page = self.page.get().filter(|page| page.number() == slot.page).ok_or(KeyError::Missing)?;
        page.person_key(slot.slot)
    }
}
