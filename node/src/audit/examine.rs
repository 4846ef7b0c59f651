//! An entry of a log read again: what it is, for whoever does not take its word.
//!
//! What must hold: what an entry says of itself without a key (time, kind, request) is compared with what it says inside.

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{Opened, key_ids};
use chukei_crypto::tlog::{Part, Salt};
use chukei_domain::event::Record;
use chukei_store::journal::JournalEntry;

use crate::audit::coming::Coming;
use crate::audit::leaf;
use crate::audit::log::EntryKind;
use crate::audit::sealed_log::{BadRecord, SealedLog};

/// What an entry is.
pub(super) enum Examined {
    /// A record that is what stands at its place, as the tree takes it.
    Record(Coming),
    /// Its key is destroyed because its time is over.
    Expired,
    /// It does not open, or is not what its entry says.
    Bad,
}

/// A record that is what stands at its place, with all that its leaf is made of.
pub(super) struct Whole {
    /// As the tree takes it.
    pub(super) coming: Coming,
    /// The salt of all of it.
    pub(super) salt: Salt,
    /// Its bytes.
    pub(super) bytes: Opened<Vec<u8>>,
}

impl SealedLog {
    /// Opens an entry, and compares what it says of itself without a key with what it says inside.
    pub(super) fn examine(&self, keys: &Keyring, entry: JournalEntry) -> Examined {
        if self.has_expired(&entry) {
            return Examined::Expired;
        }
        self.whole(keys, entry).map_or(Examined::Bad, |whole| Examined::Record(whole.coming))
    }

    /// The record of an entry that is what stands at its place.
    pub(super) fn whole(&self, keys: &Keyring, entry: JournalEntry) -> Option<Whole> {
        let JournalEntry { seq, at_ms, kind, replay, sealed } = entry;
        let (ids, number) = key_ids(&sealed).ok()?;
        let opened = self.open_sealed(seq, sealed).ok()?;
        let record = Record::from_bytes(opened.get()).ok()?;
        let (stands_as, marked) = EntryKind::of(&record.event);
        let same = record.seq == seq && record.at_ms == at_ms && stands_as as u8 == kind && marked == replay;
        let salts = leaf::salts(keys, ids, number).ok()?;
        same.then(|| Whole {
            coming: self.coming(salts, kind, &record, opened.get()),
            salt: leaf::salt(salts, seq, Part::Internal),
            bytes: opened,
        })
    }

    /// The record of an entry; `None` of one that has expired.
    pub(super) fn look(&self, entry: JournalEntry) -> Result<Option<Record>, BadRecord> {
        if self.has_expired(&entry) { Ok(None) } else { self.open(entry).map(Some) }
    }

    /// Whether sealed content opens as the record of this number.
    pub(super) fn opens_as(&self, number: u64, sealed: Vec<u8>) -> bool {
        self.open_sealed(number, sealed).is_ok()
    }
}
