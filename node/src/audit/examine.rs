//! An entry of a log read again: what it is, for whoever does not take its word.
//!
//! What must hold: what an entry says of itself without a key (time, kind, request) is compared with what it says inside.

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{Opened, key_ids};
use chukei_crypto::tlog::{Part, Salt};
use chukei_domain::event::{Event, Record};
use chukei_store::journal::JournalEntry;

use crate::audit::coming::Coming;
use crate::audit::leaf;
use crate::audit::log::EntryKind;
use crate::audit::sealed_log::{BadRecord, SealedLog};

/// What the event of a day's end calls the keys of these records.
const RECORDS: &str = "audit";

/// What an entry is.
pub(super) enum Examined {
    /// A record that is what stands at its place.
    Record(Box<Found>),
    /// Its key is destroyed because its time is over, as it says.
    Expired(Over),
    /// It does not open, or is not what its entry says.
    Bad,
}

/// A record that is what stands at its place.
pub(super) struct Found {
    /// As the tree takes it.
    pub(super) coming: Coming,
    /// When it was made, Unix milliseconds.
    pub(super) at_ms: u64,
    /// What it tells of others.
    pub(super) tells: Tells,
}

/// What a record tells of records that are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    Nothing,
    /// The key of records of this day is destroyed.
    DayEnded(u32),
    /// Records before this number are given up.
    GivenUp(u64),
    /// The log was put back from a backup.
    Restored,
}

impl Tells {
    fn of(event: &Event) -> Self {
        match event {
            Event::Erased { purpose, day } if purpose == RECORDS => Self::DayEnded(*day),
            Event::LogGivenUp { first, .. } => Self::GivenUp(*first),
            Event::LogRestored { .. } => Self::Restored,
            _ => Self::Nothing,
        }
    }
}

/// What an entry says of itself outside of its seal, where that cannot be opened any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    /// When it was made, Unix milliseconds.
    pub(super) at_ms: u64,
    /// The day of its key.
    pub(super) day: u32,
}

/// A record that is what stands at its place, with all that its leaf is made of.
pub(super) struct Whole {
    /// The record.
    pub(super) found: Found,
    /// The salt of all of it.
    pub(super) salt: Salt,
    /// Its bytes.
    pub(super) bytes: Opened<Vec<u8>>,
}

impl SealedLog {
    /// Opens an entry, and compares what it says of itself without a key with what it says inside.
    pub(super) fn examine(&self, keys: &Keyring, entry: JournalEntry) -> Examined {
        if self.has_expired(&entry) {
            let day = key_ids(&entry.sealed).map_or(0, |(ids, _)| ids.day);
            return Examined::Expired(Over { at_ms: entry.at_ms, day });
        }
        self.whole(keys, entry).map_or(Examined::Bad, |whole| Examined::Record(Box::new(whole.found)))
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
            found: Found {
                coming: self.coming(salts, kind, &record, opened.get()),
                at_ms,
                tells: Tells::of(&record.event),
            },
            salt: leaf::salt(salts, seq, Part::Internal),
            bytes: opened,
        })
    }

    /// The record of an entry, made when the entry says; `None` of one that has expired.
    pub(super) fn look(&self, entry: JournalEntry) -> Result<Option<Record>, BadRecord> {
        if self.has_expired(&entry) {
            return Ok(None);
        }
        let at_ms = entry.at_ms;
        let record = self.open(entry)?;
        if record.at_ms == at_ms { Ok(Some(record)) } else { Err(BadRecord) }
    }

    /// When the record of an entry was made, whatever the entry says; `None` of one that has expired.
    pub(super) fn time_of(&self, entry: JournalEntry) -> Result<Option<u64>, BadRecord> {
        Ok(self.look(entry)?.map(|record| record.at_ms))
    }

    /// Whether sealed content opens as the record of this number.
    pub(super) fn opens_as(&self, number: u64, sealed: Vec<u8>) -> bool {
        self.open_sealed(number, sealed).is_ok()
    }
}
