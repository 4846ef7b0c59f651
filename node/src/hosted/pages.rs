//! Pages of person keys: 256 persons to a page, each page a row sealed under its page key.
//!
//! A bounded cache keeps opened pages. It is keyed by the keyring's generation too, so that no page outlives a
//! change of keys in memory.

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chukei_crypto::key::{DayKey, Key32};
use chukei_crypto::keyring::{Keyring, KeyringError, Page};
use chukei_crypto::seal::{KeyError, KeySource, PersonSlot, Purpose};
use chukei_store::{Partition, RowKey, Space};
use lru::LruCache;

/// Opened pages kept per body: 64 pages are 16,384 persons and about 600 KiB.
const CACHED_PAGES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Persons to a page.
pub const PERSONS_PER_PAGE: u64 = 256;

/// Opened pages of one body.
pub struct PageCache {
    pages: Mutex<LruCache<(u32, u64), Arc<Page>>>,
}

impl PageCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self { pages: Mutex::new(LruCache::new(CACHED_PAGES)) }
    }

    fn get(&self, key: (u32, u64)) -> Option<Arc<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn put(&self, key: (u32, u64), page: Arc<Page>) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).put(key, page);
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
    pub(crate) pages: &'a PageCache,
    pub(crate) partition: &'a dyn Partition,
    pub(crate) page: OnceCell<Arc<Page>>,
}

impl ValueKeys<'_> {
    fn load(&self, page: u32) -> Result<Arc<Page>, KeyError> {
        let key = (page, self.keyring.generation());
        if let Some(page) = self.pages.get(key) {
            return Ok(page);
        }
        let row = page_row(page);
        let stored = self.partition.get_many(std::slice::from_ref(&row)).map_err(|_| KeyError::Missing)?;
        let sealed = stored.into_iter().next().flatten().ok_or(KeyError::Missing)?;
        let opened = Page::from_sealed(&sealed.value, page, &self.keyring).map_err(|error| match error {
            KeyringError::Key(error) => error,
            _ => KeyError::Missing,
        })?;
        let opened = Arc::new(opened);
        self.pages.put(key, opened.clone());
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
