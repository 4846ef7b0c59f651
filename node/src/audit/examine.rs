//! An entry of a log read again: what it is, for whoever does not take its word.
//!
//! What must hold: what an entry says of itself without a key (time, kind, request) is compared with what it says inside.

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::key_ids;
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

impl SealedLog {
    /// Opens an entry, and compares what it says of itself without a key with what it says inside.
    pub(super) fn examine(&self, keys: &Keyring, entry: JournalEntry) -> Examined {
        if self.has_expired(&entry) {
            return Examined::Expired;
        }
        self.whole(keys, entry).map_or(Examined::Bad, Examined::Record)
    }

    fn whole(&self, keys: &Keyring, entry: JournalEntry) -> Option<Coming> {
        let JournalEntry { seq, at_ms, kind, replay, sealed } = entry;
        let (ids, number) = key_ids(&sealed).ok()?;
        let opened = self.open_sealed(seq, sealed).ok()?;
        let record = Record::from_bytes(opened.get()).ok()?;
        let (stands_as, marked) = EntryKind::of(&record.event);
        let same = record.seq == seq && record.at_ms == at_ms && stands_as as u8 == kind && marked == replay;
        let salts = leaf::salts(keys, ids, number).ok()?;
        same.then(|| self.coming(salts, kind, &record, opened.get()))
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
