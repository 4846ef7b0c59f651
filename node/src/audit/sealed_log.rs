//! Records of one owner in the process's journal, each sealed under the owner's keys at the place of its number.

use std::sync::Arc;

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{KeyIds, Opened, Place, Purpose, SealError, open_owned, seal};
use chukei_crypto::tlog::Part;
use chukei_domain::event::Record;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::KeyringFile;
use chukei_store::journal::{Appending, Journal, JournalEntry, JournalReader};

use crate::audit::leaf;
use crate::audit::log::EntryKind;
use crate::audit::tree::{Coming, Grown, LogTree, TreeError};

/// Records read at a time for a tree.
const READ: u64 = 4_096;
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
    /// Over a body's log, and whose that is.
    tree: Option<(LocalBodyCode, Arc<LogTree>)>,
}

impl SealedLog {
    pub(crate) fn new(
        journal: Arc<Journal>,
        keyring: Arc<KeyringFile>,
        owner: &str,
        purpose: Purpose,
    ) -> Self {
        Self { journal, keyring, owner: owner.to_owned(), purpose, tree: None }
    }

    /// With a tree over its records.
    pub(crate) fn with_tree(self, body: LocalBodyCode, tree: Arc<LogTree>) -> Self {
        Self { tree: Some((body, tree)), ..self }
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
            let sealed = seal(&*keys, ids, self.place(&row), &bytes)?;
            if let Some((_, tree)) = &self.tree {
                tree.keep(seq, self.coming(&keys, kind, &record, &bytes));
            }
            Ok::<_, SealRecordError>(sealed)
        })
    }

    /// Lets `tree` grow up to record `to`, which is durable. Blocking file I/O where records are read; one at a time.
    pub(crate) fn grow(&self, tree: &LogTree, to: u64) -> Result<Grown, TreeError> {
        let keys = self.keyring.snapshot();
        loop {
            match tree.grow(to, keys.log_key())? {
                Grown::UpTo(number) => self.read_into(tree, &keys, number, to)?,
                grown => return Ok(grown),
            }
        }
    }

    /// Reads records from number `from` on, as many as are taken at a time.
    fn read_into(&self, tree: &LogTree, keys: &Keyring, from: u64, to: u64) -> Result<(), TreeError> {
        let first = self.first_number();
        if from < first {
            (from..first.min(from + READ)).for_each(|number| tree.take(number, Coming::GivenUp));
            return Ok(());
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
            let opened = self.open_bytes(entry).map_err(|_| bad())?;
            let record = Record::from_bytes(opened.get()).map_err(|_| bad())?;
            if record.seq != seq || seq != next {
                return Err(bad());
            }
            tree.take(next, self.coming(keys, kind, &record, opened.get()));
            next += 1;
        }
        if next > from { Ok(()) } else { Err(TreeError::BadRecord(from)) }
    }

    fn coming(&self, keys: &Keyring, kind: u8, record: &Record, bytes: &[u8]) -> Coming {
        Coming::Record {
            internal: leaf::commitment(keys.log_key(), record.seq, Part::Internal, bytes),
            shown: self.tree.as_ref().and_then(|(body, _)| record.unplaced(*body)),
            begins: (kind == EntryKind::Restored as u8).then_some(record.at_ms),
        }
    }

    /// Entries from number `from` on, still sealed. Blocking file I/O.
    pub(crate) fn entries(&self, from: u64) -> JournalReader {
        self.journal.read(&self.owner, from)
    }

    /// Opens an entry.
    pub(crate) fn open(&self, entry: JournalEntry) -> Result<Record, BadRecord> {
        let seq = entry.seq;
        let record = Record::from_bytes(self.open_bytes(entry)?.get()).map_err(|_| BadRecord)?;
        if record.seq == seq { Ok(record) } else { Err(BadRecord) }
    }

    fn open_bytes(&self, entry: JournalEntry) -> Result<Opened<Vec<u8>>, BadRecord> {
        let row = entry.seq.to_be_bytes();
        open_owned(&*self.keyring.snapshot(), self.place(&row), entry.sealed).map_err(|_| BadRecord)
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
