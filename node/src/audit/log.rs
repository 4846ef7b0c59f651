//! Writing the log: a record is sealed under the owner's audit key and its place is its sequence number.

use std::sync::Arc;

use chukei_crypto::seal::{KeyIds, Place, Purpose, SealError, seal};
use chukei_domain::event::{Event, Record, Target};
use chukei_store::journal::{Journal, JournalError};
use chukei_store::keyfile::KeyringFile;
use chukei_wire::result::ResultName;

/// The space in the associated data of records: no row of a partition has it.
pub(super) const SPACE: u8 = 128;

/// What an entry is, readable without a key: what a restart must know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EntryKind {
    /// Everything that a restart need not look at.
    Other = 0,
    /// A call of staff.
    Call = 1,
    /// A request that was authorised.
    Authorised = 2,
    /// A request that was refused.
    Refused = 3,
    /// The end of an authorised request.
    Outcome = 4,
}

/// Why an event is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The journal refused or failed.
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
}

/// Why a record could not be sealed.
#[derive(Debug, thiserror::Error)]
enum SealRecordError {
    #[error("record too long")]
    Encoding,
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A record before its number and time are known.
pub(crate) struct Draft {
    kind: EntryKind,
    record: Record,
}

impl Draft {
    pub(crate) fn new(kind: EntryKind, actor: &str, action: &str, result: ResultName, event: Event) -> Self {
        let record = Record {
            seq: 0,
            at_ms: 0,
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: None,
            affair: None,
            result: result.as_str().to_owned(),
            event,
        };
        Self { kind, record }
    }

    pub(crate) fn done(actor: &str, action: &str, event: Event) -> Self {
        Self::new(EntryKind::Other, actor, action, ResultName::Done, event)
    }

    pub(crate) fn about(mut self, target: Option<Target>) -> Self {
        self.record.target = target;
        self
    }

    pub(crate) fn for_affair(mut self, affair: &str) -> Self {
        self.record.affair = affair.parse().ok();
        self
    }
}

/// The log of one owner.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) journal: Arc<Journal>,
    pub(super) owner: String,
    pub(super) keyring: Arc<KeyringFile>,
}

impl AuditLog {
    /// The log of `owner` in the process's journal.
    pub fn new(journal: Arc<Journal>, owner: &str, keyring: Arc<KeyringFile>) -> Self {
        Self { journal, owner: owner.to_owned(), keyring }
    }

    /// Writes a record; returns once it is durable. `request` marks the entry with a request id.
    pub(crate) async fn write(
        &self,
        draft: Draft,
        request: Option<[u8; 16]>,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let keys = self.keyring.snapshot();
        let Draft { kind, mut record } = draft;
        record.at_ms = now_ms;
        let appending = self.journal.append_sealed_with(&self.owner, kind as u8, now_ms, request, |seq| {
            record.seq = seq;
            let bytes = record.to_bytes().map_err(|_| SealRecordError::Encoding)?;
            let ids = KeyIds { purpose: Purpose::Audit, day: 0, person: None };
            let row = seq.to_be_bytes();
            let place = Place { body: self.owner.as_bytes(), space: SPACE, row: &row };
            Ok::<_, SealRecordError>(seal(&*keys, ids, place, &bytes)?)
        });
        appending.await?;
        Ok(())
    }
}
