//! Records of one owner in the process's journal, each sealed under the owner's keys at the place of its number.
//!
//! What must hold: a record stands under the key of the day on which its time is over ([`Keep`]), and with that key ends
//! whatever could be tried against its leaf. Keys are made a month ahead ([`SealedLog::prepare`]); a clock that jumps has
//! one made on the spot.

use std::sync::Arc;

use chukei_crypto::keyring::Keyring;
use chukei_crypto::mac::MacKey;
use chukei_crypto::seal::{KeyIds, KeySource, Opened, Place, Purpose, SealError, key_ids, open_owned, seal};
use chukei_crypto::tlog::{Commitment, Opening, Part, Salt};
use chukei_domain::event::{Place as ChainPlace, Record, Shown, Unplaced};
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::{KeyfileError, KeyringFile};
use chukei_store::journal::{Appending, Journal, JournalEntry, JournalError, JournalReader, Slack};

use crate::audit::coming::Coming;
use crate::audit::keep::Keep;
use crate::audit::leaf;
use crate::audit::log::EntryKind;
use crate::audit::tree::{Grown, LogTree, TreeError};
use crate::hosted::persons::PersonId;

/// Records read at a time for a tree.
const READ: u64 = 4_096;
/// By how much a clock may have been set back for records to be found by their time: a day.
pub(super) const SET_BACK_MS: u64 = 86_400_000;
/// The space in the associated data of records: no row of a partition has it.
const SPACE: u8 = 128;

/// Why a record could not be sealed.
#[derive(Debug, thiserror::Error)]
enum SealRecordError {
    #[error("record too long")]
    Encoding,
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A record that cannot be read, does not open, or is not what stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRecord;

/// What a record shows to its person, with what its leaf is made of.
pub(crate) struct ShownRecord {
    /// The person.
    pub(crate) person: PersonId,
    unplaced: Unplaced,
    salt: Salt,
    internal: Commitment,
}

impl ShownRecord {
    /// What it shows.
    pub(crate) fn shown(&self) -> &Shown {
        self.unplaced.shown()
    }

    /// Its leaf's part for the person, opened; `place` is where it stands among the person's records.
    pub(crate) fn opening(self, place: ChainPlace) -> Result<Opening, BadRecord> {
        let part = self.unplaced.at(place).to_bytes().map_err(|_| BadRecord)?;
        Opening::new(Part::Person, self.salt, part, self.internal).map_err(|_| BadRecord)
    }
}

/// The records of one owner.
#[derive(Clone)]
pub(crate) struct SealedLog {
    journal: Arc<Journal>,
    keyring: Arc<KeyringFile>,
    owner: String,
    purpose: Purpose,
    keep: Keep,
    /// Over a body's log, and whose that is.
    tree: Option<(LocalBodyCode, Arc<LogTree>)>,
}

impl SealedLog {
    pub(crate) fn new(
        journal: Arc<Journal>,
        keyring: Arc<KeyringFile>,
        owner: &str,
        purpose: Purpose,
        keep: Keep,
    ) -> Self {
        Self { journal, keyring, owner: owner.to_owned(), purpose, keep, tree: None }
    }

    /// Makes the keys for the records of this month and the next, where they are not there. Blocks on files and on the
    /// provider.
    pub(crate) fn prepare(&self, now_ms: u64) -> Result<(), KeyfileError> {
        let days = self.keep.ahead(now_ms, &self.keyring.snapshot());
        self.keyring.ensure_day_keys(self.purpose, &days).map(drop)
    }

    /// With a tree over its records.
    pub(crate) fn with_tree(self, body: LocalBodyCode, tree: Arc<LogTree>) -> Self {
        Self { tree: Some((body, tree)), ..self }
    }

    /// Queues `record` at once under the next number; resolves when it is durable. `request` stays readable
    /// without a key.
    pub(crate) fn append(&self, kind: u8, request: Option<[u8; 16]>, record: Record) -> Appending {
        self.append_within(Slack::NONE, kind, request, record).1
    }

    /// As [`Self::append`], of a record that may wait for others, with the number that it has once it is durable; `None`
    /// where it was refused.
    pub(crate) fn append_within(
        &self,
        slack: Slack,
        kind: u8,
        request: Option<[u8; 16]>,
        mut record: Record,
    ) -> (Option<u64>, Appending) {
        let ((keys, day), mut numbered) = (self.keys_for(record.at_ms), None);
        // Before the order of the logs is held.
        let salts = self.tree.as_ref().map(|(_, tree)| (tree, self.salts_for(&keys, day)));
        let appending =
            self.journal.append_sealed_with(&self.owner, kind, record.at_ms, request, slack, |seq| {
                record.seq = seq;
                let bytes = record.to_bytes().map_err(|_| SealRecordError::Encoding)?;
                let ids = KeyIds { purpose: self.purpose, day, person: None };
                let row = seq.to_be_bytes();
                let sealed = seal(&*keys, ids, self.place(&row), &bytes)?;
                if let Some((tree, salts)) = salts {
                    tree.keep(seq, self.coming(salts?, kind, &record, &bytes));
                }
                numbered = Some(seq);
                Ok::<_, SealRecordError>(sealed)
            });
        (numbered, appending)
    }

    /// What the record at the leaf `index` shows to its person; `None` where it shows nothing to anybody, was given up, or
    /// its key is gone. Blocking file I/O.
    pub(crate) fn shown_at(&self, index: u64) -> Result<Option<ShownRecord>, BadRecord> {
        let number = index.saturating_add(1);
        if number < self.first_number() {
            return Ok(None);
        }
        let Some((body, _)) = self.tree else { return Ok(None) };
        let entry = self.entries(number).next().ok_or(BadRecord)?.map_err(|_| BadRecord)?;
        let keys = self.keyring.snapshot();
        let (ids, key) = key_ids(&entry.sealed).map_err(|_| BadRecord)?;
        let Ok(opened) = self.open_bytes(entry) else { return Ok(None) };
        let Ok(salts) = leaf::salts(&keys, ids, key) else { return Ok(None) };
        let record = Record::from_bytes(opened.get()).map_err(|_| BadRecord)?;
        let internal = leaf::commitment(salts, number, Part::Internal, opened.get());
        let salt = leaf::salt(salts, number, Part::Person);
        let shown = record.unplaced(body).filter(|_| record.seq == number);
        Ok(shown.map(|(person, unplaced)| ShownRecord { person, unplaced, salt, internal }))
    }

    /// The salts of a record that is sealed now under the key of this day.
    fn salts_for<'a>(&self, keys: &'a Keyring, day: u32) -> Result<&'a MacKey, SealError> {
        let (_, key) = keys.day_key(self.purpose, day)?;
        Ok(key.salts()?)
    }

    /// The keyring with the key for a record of this moment, and its day.
    fn keys_for(&self, at_ms: u64) -> (Arc<Keyring>, u32) {
        let keys = self.keyring.snapshot();
        let day = self.keep.key_day(at_ms, &keys);
        if keys.day_key(self.purpose, day).is_ok() {
            return (keys, day);
        }
        match self.keyring.ensure_day_keys(self.purpose, &[day]) {
            Ok(keys) => (keys, day),
            Err(error) => {
                tracing::error!(owner = self.owner, %error, "no key for the records of this month");
                (keys, day)
            }
        }
    }

    /// Under which keys a record of this time is sealed, and whatever is derived from it.
    pub(crate) fn key_ids(&self, at_ms: u64, keys: &Keyring) -> KeyIds {
        KeyIds { purpose: self.purpose, day: self.keep.key_day(at_ms, keys), person: None }
    }

    /// Under which keys stands what has no end.
    pub(crate) fn standing_ids(&self) -> KeyIds {
        KeyIds { purpose: self.purpose, day: 0, person: None }
    }

    /// Makes the key for what is derived from a record of this time, where it is not there. Blocking file I/O then.
    pub(crate) fn prepare_for(&self, at_ms: u64) {
        drop(self.keys_for(at_ms));
    }

    /// Lets `tree` grow up to record `to`, which is durable. Blocking file I/O where records are read; one at a time.
    pub(crate) fn grow(&self, tree: &LogTree, to: u64) -> Result<Grown, TreeError> {
        let keys = self.keyring.snapshot();
        loop {
            match tree.grow(to)? {
                Grown::UpTo(number) => self.read_into(tree, &keys, number, to)?,
                grown => return Ok(grown),
            }
        }
    }

    /// Reads records from number `from` on, as many as are taken at a time.
    fn read_into(&self, tree: &LogTree, keys: &Keyring, from: u64, to: u64) -> Result<(), TreeError> {
        let first = self.first_number();
        if from < first {
            return Err(TreeError::Gone(from));
        }
        let mut next = from;
        for entry in self.entries(from) {
            if next > to || next == from + READ {
                return Ok(());
            }
            let at = next;
            let bad = || TreeError::BadRecord(at);
            let entry = entry.map_err(|_| bad())?;
            let (seq, kind) = (entry.seq, entry.kind);
            let (ids, number) = key_ids(&entry.sealed).map_err(|_| bad())?;
            if self.is_expired(&entry, keys) {
                return Err(TreeError::Gone(at));
            }
            let opened = self.open_bytes(entry).map_err(|_| bad())?;
            let record = Record::from_bytes(opened.get()).map_err(|_| bad())?;
            if record.seq != seq || seq != next {
                return Err(bad());
            }
            let salts = leaf::salts(keys, ids, number).map_err(|_| bad())?;
            tree.take(next, self.coming(salts, kind, &record, opened.get()));
            next += 1;
        }
        if next > from { Ok(()) } else { Err(TreeError::BadRecord(from)) }
    }

    /// The record as the tree takes it.
    pub(super) fn coming(&self, salts: &MacKey, kind: u8, record: &Record, bytes: &[u8]) -> Coming {
        Coming {
            internal: leaf::commitment(salts, record.seq, Part::Internal, bytes),
            salt: leaf::salt(salts, record.seq, Part::Person),
            shown: self.tree.as_ref().and_then(|(body, _)| record.unplaced(*body)).map(Box::new),
            begins: (kind == EntryKind::Restored as u8).then_some(record.at_ms),
        }
    }

    /// The keys as they are now.
    pub(super) fn keys(&self) -> Arc<Keyring> {
        self.keyring.snapshot()
    }

    /// Opens sealed content as that of the record of this number.
    pub(super) fn open_sealed(&self, seq: u64, sealed: Vec<u8>) -> Result<Opened<Vec<u8>>, SealError> {
        open_owned(&*self.keyring.snapshot(), self.place(&seq.to_be_bytes()), sealed)
    }

    /// Numbers of entries as they stand near where one is to be. Blocking file I/O.
    pub(super) fn numbers_near(&self, number: u64, limit: usize) -> Vec<u64> {
        self.journal.numbers_near(&self.owner, number, limit)
    }

    /// Entries from number `from` on, still sealed. Blocking file I/O.
    pub(crate) fn entries(&self, from: u64) -> JournalReader {
        self.journal.read(&self.owner, from)
    }

    /// Whether the key of an entry is destroyed because its time is over (KEY_DESTROYED). One that says so of itself and is
    /// too young for it is not.
    pub(crate) fn has_expired(&self, entry: &JournalEntry) -> bool {
        self.is_expired(entry, &self.keyring.snapshot())
    }

    fn is_expired(&self, entry: &JournalEntry, keys: &Keyring) -> bool {
        let is_over = |(ids, _): (KeyIds, u32)| {
            let over = ids.day != 0 && ids.day < keys.first_day();
            over && ids.purpose == self.purpose && ids.day >= self.keep.last_day(entry.at_ms)
        };
        key_ids(&entry.sealed).is_ok_and(is_over)
    }

    /// The number of the first record that stays, where others are over: those whose key is destroyed, or is about to be
    /// because its day is before `ending`, and those under standing keys that were made before their time. Blocking file I/O.
    pub(crate) fn first_kept(&self, ending: u32, now_ms: u64) -> Result<Option<u64>, JournalError> {
        let first_day = self.keyring.snapshot().first_day().max(ending);
        let before_ms = self.keep.before_ms(now_ms);
        let (first, last) = (self.first_number(), self.last_number());
        let mut kept = first;
        for entry in self.entries(first) {
            let entry = entry?;
            let is_over = match key_ids(&entry.sealed) {
                Ok((ids, _)) if ids.day != 0 => ids.day < first_day,
                _ => entry.at_ms < before_ms,
            };
            if !is_over || entry.seq > last {
                break;
            }
            kept = entry.seq + 1;
        }
        Ok((kept > first).then_some(kept))
    }

    /// The moment before which records were made whose time is over, Unix milliseconds.
    pub(crate) fn before_ms(&self, now_ms: u64) -> u64 {
        self.keep.before_ms(now_ms)
    }

    /// Opens an entry.
    pub(crate) fn open(&self, entry: JournalEntry) -> Result<Record, BadRecord> {
        let seq = entry.seq;
        let record = Record::from_bytes(self.open_bytes(entry)?.get()).map_err(|_| BadRecord)?;
        if record.seq == seq { Ok(record) } else { Err(BadRecord) }
    }

    fn open_bytes(&self, entry: JournalEntry) -> Result<Opened<Vec<u8>>, BadRecord> {
        self.open_sealed(entry.seq, entry.sealed).map_err(|_| BadRecord)
    }

    /// Number of the first record that was made then or later, Unix milliseconds: for who reads, in a log whose clock was
    /// never set back by more than [`SET_BACK_MS`]. Halves the log instead of reading it. Blocking file I/O.
    pub(crate) fn first_since(&self, since_ms: u64) -> Result<u64, JournalError> {
        let near_ms = since_ms.saturating_sub(SET_BACK_MS);
        let (mut before, mut from) = (self.first_number(), self.last_number() + 1);
        // Of all that follow the first record of then, none is older than `near_ms`: what is found stands before it.
        while before < from {
            let middle = before + (from - before) / 2;
            match self.entries(middle).next() {
                Some(entry) if entry.as_ref().is_ok_and(|entry| entry.at_ms < near_ms) => before = middle + 1,
                Some(Err(error)) => return Err(error),
                _ => from = middle,
            }
        }
        let mut first = from;
        for entry in self.entries(from) {
            let entry = entry?;
            if entry.at_ms >= since_ms {
                break;
            }
            first = entry.seq + 1;
        }
        Ok(first)
    }

    /// Number of the first record that is kept: later than 1 where earlier ones were given up.
    pub(crate) fn first_number(&self) -> u64 {
        self.journal.first_number(&self.owner).0
    }

    /// Number of the last durable record.
    pub(crate) fn last_number(&self) -> u64 {
        self.journal.last_number(&self.owner)
    }

    /// Whether nothing can be written now.
    pub(crate) fn failed(&self) -> bool {
        self.journal.failed()
    }

    /// The same records, as they are where they are kept for another time.
    #[cfg(test)]
    pub(crate) fn kept_for(&self, keep: Keep) -> Self {
        Self { keep, ..self.clone() }
    }

    /// What whoever has the keys could put in the place of a record.
    #[cfg(test)]
    pub(crate) fn forged(&self, number: u64, change: impl FnOnce(&mut Record)) -> Vec<u8> {
        let entry = self.entries(number).next().unwrap().unwrap();
        let mut record = self.open(entry).unwrap();
        change(&mut record);
        let ids = KeyIds { purpose: self.purpose, day: 0, person: None };
        let row = number.to_be_bytes();
        seal(&*self.keyring.snapshot(), ids, self.place(&row), &record.to_bytes().unwrap()).unwrap()
    }

    fn place<'a>(&'a self, row: &'a [u8]) -> Place<'a> {
        Place { body: self.owner.as_bytes(), space: SPACE, row }
    }
}
