//! Pages of person keys: 256 persons to a page, each page a row sealed under its page key.
//!
//! A bounded cache keeps opened pages, all of one generation of the keyring, so that no page outlives a change of
//! keys in memory.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chukei_crypto::key::{DayKey, Key32};
use chukei_crypto::keyring::{Keyring, KeyringError, Page};
use chukei_crypto::seal::{KeyError, KeySource, PersonSlot, Purpose, SealError};
use chukei_store::{RowKey, Space, StoreError, Versioned};
use lru::LruCache;

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Opened pages kept per body: 64 pages are 16,384 persons and about 600 KiB.
const CACHED_PAGES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Readings of a page for one value: more than one only where keys change at that very moment.
const LOADS: usize = 8;

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

/// Keys for one value: one moment of the keyring, and the one page that the value needs, where it concerns a person.
/// Everything is at hand, so that sealing and opening wait for nothing.
pub struct ValueKeys {
    keyring: Arc<Keyring>,
    page: Option<Arc<Page>>,
}

impl ValueKeys {
    /// Generation of the keyring they are from.
    pub(crate) fn generation(&self) -> u64 {
        self.keyring.generation()
    }
}

impl KeySource for ValueKeys {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        self.keyring.day_key(purpose, day)
    }

    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        self.keyring.day_key_by_id(purpose, day, id)
    }

    fn person_key(&self, slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        let page = self.page.as_ref().filter(|page| page.number() == slot.page).ok_or(KeyError::Missing)?;
        page.person_key(slot.slot)
    }
}

impl HostedBody {
    /// The keys for one value of `person`, or of nobody, as they stand when this returns. Taken anew for every value
    /// and used at once, so that no work holds keys across their destruction. Waits for the store where the person's
    /// page is not among the opened ones.
    pub(crate) async fn value_keys(&self, person: Option<PersonSlot>) -> Result<ValueKeys, RowError> {
        let Some(PersonSlot { page, .. }) = person else {
            self.gate().pass()?;
            return Ok(ValueKeys { keyring: self.keys(), page: None });
        };
        for _ in 0..LOADS {
            if let Some(keys) = self.keys_with_page(page)? {
                return Ok(keys);
            }
            let before = self.keys().generation();
            let stored = self.get_row(&page_row(page)).await?;
            let settled = self.keys().generation() == before;
            match self.keep_page(page, stored) {
                // A page that was sealed anew while the keyring changed is read again.
                Err(_) if !settled => {}
                kept => return kept,
            }
        }
        Err(StoreError::Busy.into())
    }

    /// The keys for a value of a person on `page`, where that page is opened already.
    fn keys_with_page(&self, page: u32) -> Result<Option<ValueKeys>, RowError> {
        self.gate().pass()?;
        let keyring = self.keys();
        let opened = self.pages().get(page, keyring.generation());
        Ok(opened.map(|page| ValueKeys { keyring, page: Some(page) }))
    }

    /// Opens a page that was read a moment ago, and keeps it.
    fn keep_page(&self, page: u32, stored: Option<Versioned>) -> Result<ValueKeys, RowError> {
        self.gate().pass()?;
        let keyring = self.keys();
        let sealed = stored.ok_or(SealError::KeyMissing)?;
        let opened = Page::from_sealed(&sealed.value, page, &keyring).map_err(|error| match error {
            KeyringError::Key(error) => SealError::from(error),
            _ => SealError::KeyMissing,
        })?;
        let opened = Arc::new(opened);
        self.pages().put(page, keyring.generation(), opened.clone());
        Ok(ValueKeys { keyring, page: Some(opened) })
    }
}
