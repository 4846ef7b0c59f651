//! Writing a body's log.

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_domain::codes::AffairCode;
use chukei_domain::event::{Event, Record, Target};
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::{KeyfileError, KeyringFile};
use chukei_store::journal::{Appending, Journal, JournalError, Slack};
use chukei_wire::result::ResultName;

use crate::audit::by::By;
use crate::audit::doubts::Doubts;
use crate::audit::keep::Keep;
use crate::audit::open::OpenRequests;
use crate::audit::sealed_log::{BadRecord, SealedLog, ShownRecord};
use crate::audit::tree::{Grown, LogTree, TreeError};

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
    /// The log came back from a backup.
    Restored = 5,
}

impl EntryKind {
    /// As what the record of an event stands in the log, and the request id that its entry is marked with.
    pub(super) fn of(event: &Event) -> (Self, Option<[u8; 16]>) {
        match event {
            Event::Authorised(request) => (Self::Authorised, Some(request.request)),
            Event::Refused(request) => (Self::Refused, Some(request.request)),
            Event::Outcome { request, .. } => (Self::Outcome, Some(*request)),
            Event::RecordsAsked(request) => (Self::Other, Some(request.request)),
            Event::Called { .. } | Event::CallRefused { .. } | Event::CallEnded { .. } => (Self::Call, None),
            Event::LogRestored { .. } => (Self::Restored, None),
            _ => (Self::Other, None),
        }
    }
}

/// Why an event is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The journal refused or failed.
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
}

/// A record before its number and time are known.
pub(crate) struct Draft(Record);

impl Draft {
    pub(crate) fn new<'a>(by: impl Into<By<'a>>, action: &str, result: ResultName, event: Event) -> Self {
        let by = by.into();
        Self(Record {
            seq: 0,
            at_ms: 0,
            actor: by.actor().to_owned(),
            action: action.to_owned(),
            target: None,
            affair: None,
            result: result.as_str().to_owned(),
            call: by.request(),
            event,
        })
    }

    pub(crate) fn done<'a>(by: impl Into<By<'a>>, action: &str, event: Event) -> Self {
        Self::new(by, action, ResultName::Done, event)
    }

    pub(crate) fn about(mut self, target: Option<Target>) -> Self {
        self.0.target = target;
        self
    }

    pub(crate) fn within(mut self, affair: Option<AffairCode>) -> Self {
        self.0.affair = affair;
        self
    }

    pub(crate) fn for_affair(mut self, affair: &str) -> Self {
        self.0.affair = affair.parse().ok();
        self
    }
}

/// The log of one body.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) records: SealedLog,
    tree: Arc<LogTree>,
    doubts: Arc<Doubts>,
    pub(super) open: Arc<OpenRequests>,
}

impl AuditLog {
    /// The log of `body` in the process's journal.
    pub fn new(journal: Arc<Journal>, body: LocalBodyCode, keyring: Arc<KeyringFile>, keep: Keep) -> Self {
        let tree = Arc::<LogTree>::default();
        let records = SealedLog::new(journal, keyring, body.as_str(), Purpose::Audit, keep);
        let records = records.with_tree(body, tree.clone());
        Self { records, tree, doubts: Arc::default(), open: Arc::default() }
    }

    /// What others know of it.
    pub(crate) fn doubts(&self) -> &Arc<Doubts> {
        &self.doubts
    }

    /// The Merkle tree over it.
    pub(crate) fn tree(&self) -> &LogTree {
        &self.tree
    }

    /// Lets the tree grow up to record `to`, which is durable. Blocking file I/O; one at a time.
    pub(crate) fn grow(&self, to: u64) -> Result<Grown, TreeError> {
        self.records.grow(&self.tree, to)
    }

    /// Lets the tree grow over all that is durable, of a log that tells of no person. Blocking file I/O; one at a time.
    pub fn grow_to_the_last(&self) -> Result<(), TreeError> {
        self.grow(self.last_number()).map(drop)
    }

    /// Makes the keys for the records of this month and the next. Blocks on files and on the provider.
    pub fn prepare(&self, now_ms: u64) -> Result<(), KeyfileError> {
        self.records.prepare(now_ms)
    }

    /// The records as they are kept.
    pub(crate) fn records(&self) -> &SealedLog {
        &self.records
    }

    /// The same log, as it is where records are kept for another time.
    #[cfg(test)]
    pub(crate) fn kept_for(&self, keep: Keep) -> Self {
        Self { records: self.records.kept_for(keep), ..self.clone() }
    }

    /// What whoever has the keys could put in the place of a record.
    #[cfg(test)]
    pub(crate) fn forged(&self, number: u64, change: impl FnOnce(&mut Record)) -> Vec<u8> {
        self.records.forged(number, change)
    }

    /// Lets another tree grow over it.
    #[cfg(test)]
    pub(crate) fn grow_anew(&self, tree: &LogTree) -> Result<Grown, TreeError> {
        self.records.grow(tree, self.last_number())
    }

    /// Queues a record at once; resolves when it is durable.
    pub(crate) fn queue(&self, draft: Draft, now_ms: u64) -> Appending {
        self.queue_within(Slack::NONE, draft, now_ms).1
    }

    /// As [`Self::queue`], of a record that may wait for others, with the index of the leaf that it becomes; `None` where it
    /// was refused.
    pub(crate) fn queue_within(&self, slack: Slack, draft: Draft, now_ms: u64) -> (Option<u64>, Appending) {
        let Draft(mut record) = draft;
        record.at_ms = now_ms;
        // Of the event alone, from which whoever reads the entry again makes them anew.
        let (kind, request) = EntryKind::of(&record.event);
        let (number, durable) = self.records.append_within(slack, kind as u8, request, record);
        (number.and_then(|number| number.checked_sub(1)), durable)
    }

    /// What the record at the leaf `index` shows to its person; `None` where nobody can see it, or can any more. Blocking
    /// file I/O.
    pub(crate) fn shown_at(&self, index: u64) -> Result<Option<ShownRecord>, BadRecord> {
        self.records.shown_at(index)
    }

    /// Queues a record without waiting for the disk: for what nothing depends on.
    pub(crate) fn note(&self, draft: Draft, now_ms: u64) {
        // A journal that cannot write makes the role not ready, which is where that is told.
        drop(self.queue_within(Slack::UNAWAITED, draft, now_ms));
    }

    /// Writes a record; returns once it is durable.
    pub(crate) async fn write(&self, draft: Draft, now_ms: u64) -> Result<(), AuditError> {
        self.queue(draft, now_ms).await?;
        Ok(())
    }
}
