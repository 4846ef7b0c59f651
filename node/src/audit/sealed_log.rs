//! Records of one owner in the process's journal, each sealed under the owner's keys at the place of its number.

use std::sync::Arc;

use chukei_crypto::seal::{KeyIds, Place, Purpose, SealError, open_owned, seal};
use chukei_domain::event::Record;
use chukei_keys::KeyringFile;
use chukei_store::journal::{Appending, Journal, JournalEntry, JournalReader};

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

/// The records of one owner.
#[derive(Clone)]
pub(crate) struct SealedLog {
    journal: Arc<Journal>,
    keyring: Arc<KeyringFile>,
    owner: String,
    purpose: Purpose,
}

impl SealedLog {
    pub(crate) fn new(
        journal: Arc<Journal>,
        keyring: Arc<KeyringFile>,
        owner: &str,
        purpose: Purpose,
    ) -> Self {
        Self { journal, keyring, owner: owner.to_owned(), purpose }
    }

    /// Queues `record` at once under the next number; resolves when it is durable. `request` stays readable
    /// without a key.
    pub(crate) fn append(&self, kind: u8, request: Option<[u8; 16]>, mut record: Record) -> Appending {
        let keys = self.keyring.snapshot();
        self.journal.append_sealed_with(&self.owner, kind, record.at_ms, request, |seq| {
            record.seq = seq;
            let bytes = record.to_bytes().map_err(|_| SealRecordError::Encoding)?;
            let ids = KeyIds { purpose: self.purpose, day: 0, person: None };
            let row = seq.to_be_bytes();
            Ok::<_, SealRecordError>(seal(&*keys, ids, self.place(&row), &bytes)?)
        })
    }

    /// Entries from number `from` on, still sealed. Blocking file I/O.
    pub(crate) fn entries(&self, from: u64) -> JournalReader {
        self.journal.read(&self.owner, from)
    }

    /// Opens an entry.
    pub(crate) fn open(&self, entry: JournalEntry) -> Result<Record, BadRecord> {
        let row = entry.seq.to_be_bytes();
        let opened = open_owned(&*self.keyring.snapshot(), self.place(&row), entry.sealed);
        let record = Record::from_bytes(opened.map_err(|_| BadRecord)?.get()).map_err(|_| BadRecord)?;
        if record.seq == entry.seq { Ok(record) } else { Err(BadRecord) }
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

    fn place<'a>(&'a self, row: &'a [u8]) -> Place<'a> {
        Place { body: self.owner.as_bytes(), space: SPACE, row }
    }
}
