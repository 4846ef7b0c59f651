//! Exchange records (情報提供等の記録): who asked whom about whom, when, for what, and whether there was an answer.
//!
//! What must hold: a passage is recorded before its reply is released, and its end is recorded whatever happens
//! to it; every record is sealed under the broker's own key. Deliberately absent: content, and set-ups of
//! channels, which concern nobody.

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_domain::event::{Event, Exchange, ExchangesAsked, Record, RecordsHidden};
use chukei_keys::{KeyfileError, KeyringFile};
use chukei_store::journal::{Appending, Journal, JournalError, Slack};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::HeaderHash;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::admission::RETRY_AFTER_MS;
use crate::audit::{Keep, SealedLog};
use crate::broker::codes::Party;
use crate::broker::ending::{Ending, NOT_READY};
use crate::broker::index::Mark;
use crate::broker::rights::Passage;
use crate::key_gate::{Gate, Shut};

/// Partition of the journal, name of the keyring's file and in the associated data.
pub(super) const OWNER: &str = "broker";
/// Kinds of entries, readable without a key.
pub(super) const OPENED: u8 = 16;
pub(super) const CLOSED: u8 = 17;
const RENEWED: u8 = 18;
const KEYS: u8 = 19;
const GIVEN_UP: u8 = 20;
const ASKED: u8 = 21;
pub(super) const HIDDEN: u8 = 22;
/// How a passage ended that this process did not see end.
const UNKNOWN: &str = "UNKNOWN";

/// Why a passage was not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    /// The header names a dataset or affair that no catalogue could hold.
    #[error("a code of the header has no code's form")]
    Code,
    /// The keyring cannot be used now.
    #[error(transparent)]
    Shut(#[from] Shut),
    /// A key could not be made or ended.
    #[error("keys: {0}")]
    Keys(#[from] KeyfileError),
    /// The journal refused or failed.
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
}

/// What is known when a passage begins.
pub(super) struct Opening<'a> {
    /// Who asks.
    pub(super) actor: &'a Identity,
    /// The end-to-end part.
    pub(super) header: &'a Header,
    /// Its hash.
    pub(super) hash: HeaderHash,
    /// Between whom.
    pub(super) passage: &'a Passage,
    /// About whom, where that is known.
    pub(super) person: Option<u64>,
    /// Number of the permit; 0 where none was issued.
    pub(super) permit_number: u64,
    /// The epoch that it belongs to.
    pub(super) permit_epoch: Option<[u8; 16]>,
    /// Legal basis as configured.
    pub(super) legal_basis: &'a str,
}

/// The broker's records.
#[derive(Clone)]
pub(super) struct ExchangeLog {
    records: SealedLog,
    gate: Arc<Gate>,
}

impl ExchangeLog {
    pub(super) fn new(journal: Arc<Journal>, keyring: Arc<KeyringFile>, gate: Arc<Gate>, keep: Keep) -> Self {
        Self { records: SealedLog::new(journal, keyring, OWNER, Purpose::Exchange, keep), gate }
    }

    /// The records as they are kept.
    pub(super) fn records(&self) -> &SealedLog {
        &self.records
    }

    /// Records that the keys of this purpose and day are about to be destroyed; returns once it is durable.
    pub(super) async fn erased(
        &self,
        broker: &str,
        purpose: &str,
        day: u32,
        now_ms: u64,
    ) -> Result<(), ExchangeError> {
        let event = Event::Erased { purpose: purpose.to_owned(), day };
        let record = done(format!("chukei://broker/{broker}"), "retention", event, now_ms);
        self.records.append(KEYS, None, record).await?;
        Ok(())
    }

    /// A log of these records whose gate is open.
    #[cfg(test)]
    pub(super) fn of(records: SealedLog) -> Self {
        Self { records, gate: Arc::default() }
    }

    /// Queues the record of a change of the broker's own keys.
    pub(super) fn keys_changed(&self, broker: &str, event: Event, now_ms: u64) {
        let actor = format!("chukei://broker/{broker}");
        // Queued at once; the journal writes what is queued before it ends.
        drop(self.records.append(KEYS, None, done(actor, "keys_turn", event, now_ms)));
    }

    /// Records that those before `first`, older than `before_ms`, are about to be given up; returns once it is durable.
    pub(super) async fn given_up(
        &self,
        broker: &str,
        first: u64,
        before_ms: u64,
        now_ms: u64,
    ) -> Result<(), ExchangeError> {
        let event = Event::LogGivenUp { first, before_ms };
        let record = done(format!("chukei://broker/{broker}"), "retention", event, now_ms);
        self.records.append(GIVEN_UP, None, record).await?;
        Ok(())
    }

    /// Records that a party asked for records: the number of that, once it is durable, and with it everything that was
    /// recorded before.
    pub(super) async fn asked(
        &self,
        actor: &Identity,
        asked: ExchangesAsked,
        now_ms: u64,
    ) -> Result<u64, ExchangeError> {
        self.gate.pass()?;
        let record =
            done(actor.to_string(), Kind::ExchangeRecords.as_str(), Event::ExchangesAsked(asked), now_ms);
        Ok(self.records.append(ASKED, None, record).await?)
    }

    /// Records what a body hides of a person's records; returns once it is durable. It counts from then on.
    pub(super) async fn hidden(
        &self,
        actor: String,
        hidden: RecordsHidden,
        now_ms: u64,
    ) -> Result<(), ExchangeError> {
        self.gate.pass()?;
        let record = done(actor, Kind::Undisclosed.as_str(), Event::RecordsHidden(hidden), now_ms);
        self.records.append(HIDDEN, None, record).await?;
        Ok(())
    }

    /// Records once more what a body has hidden, before the record of it comes to its end.
    pub(super) async fn hidden_still(
        &self,
        broker: &str,
        mark: &Mark,
        now_ms: u64,
    ) -> Result<(), ExchangeError> {
        let datasets = mark.datasets.iter().map(|code| code.parse()).collect::<Result<_, _>>();
        let hidden = RecordsHidden {
            body: mark.body.as_str().parse().map_err(|_| ExchangeError::Code)?,
            person: mark.person,
            version: mark.version,
            all: mark.all,
            datasets: datasets.map_err(|_| ExchangeError::Code)?,
        };
        self.hidden(format!("chukei://broker/{broker}"), hidden, now_ms).await
    }

    /// Queues the end of a passage that a process before this one has begun and not seen end.
    pub(super) fn close_unseen(&self, broker: &str, request: [u8; 16], now_ms: u64) {
        let actor = format!("chukei://broker/{broker}");
        let event = Event::ExchangeClosed { request, answered: false };
        let mut record = done(actor, "start", event, now_ms);
        record.result = UNKNOWN.to_owned();
        // Queued at once; the journal writes what is queued before it ends.
        drop(self.records.append(CLOSED, None, record));
    }

    /// Whether nothing can be recorded now.
    pub(super) fn failed(&self) -> bool {
        self.records.failed()
    }

    /// Queues the record of a passage that begins; `slack` is how long it may wait for others.
    pub(super) fn open(
        &self,
        slack: Slack,
        opening: &Opening<'_>,
        now_ms: u64,
    ) -> Result<(OpenExchange, Durable), ExchangeError> {
        let header = opening.header;
        self.gate.pass()?;
        if header.kind == Kind::ChannelSetup {
            return Ok((OpenExchange(None), Durable(None)));
        }
        let record = Record {
            seq: 0,
            at_ms: now_ms,
            actor: opening.actor.to_string(),
            action: header.kind.as_str().to_owned(),
            target: None,
            affair: header.affair.as_deref().map(str::parse).transpose().map_err(|_| ExchangeError::Code)?,
            result: ResultName::Pending.as_str().to_owned(),
            call: None,
            event: Event::ExchangeOpened(exchange(opening)?),
        };
        let open = Open { log: self.clone(), record: record.clone(), request: header.request_id.0 };
        let (_, appending) = self.records.append_within(slack, OPENED, None, record);
        Ok((OpenExchange(Some(open)), Durable(Some(appending))))
    }
}

/// What is known when a party's codes were renewed.
pub(super) struct Renewal<'a> {
    /// Who asked.
    pub(super) actor: &'a Identity,
    /// Whose codes.
    pub(super) party: &'a Party,
    /// The version they are in now.
    pub(super) version: u8,
    /// Codes given.
    pub(super) renewed: u64,
    /// Codes refused.
    pub(super) refused: u64,
}

impl ExchangeLog {
    /// Records a renewal; returns once it is durable.
    pub(super) async fn renewed(&self, renewal: &Renewal<'_>, now_ms: u64) -> Result<(), ExchangeError> {
        let event = Event::CodesRenewed {
            party: renewal.party.to_string(),
            version: renewal.version,
            renewed: renewal.renewed,
            refused: renewal.refused,
        };
        let record = done(renewal.actor.to_string(), Kind::RenewCodes.as_str(), event, now_ms);
        self.records.append(RENEWED, None, record).await?;
        Ok(())
    }
}

/// The record of something that was done and concerns no passage.
fn done(actor: String, action: &str, event: Event, now_ms: u64) -> Record {
    Record {
        seq: 0,
        at_ms: now_ms,
        actor,
        action: action.to_owned(),
        target: None,
        affair: None,
        result: ResultName::Done.as_str().to_owned(),
        call: None,
        event,
    }
}

fn exchange(opening: &Opening<'_>) -> Result<Exchange, ExchangeError> {
    let Opening { header, passage, .. } = opening;
    let datasets = header.datasets.iter().map(|code| code.parse()).collect::<Result<_, _>>();
    Ok(Exchange {
        request: header.request_id.0,
        header: opening.hash.0,
        body: passage.body.as_str().parse().map_err(|_| ExchangeError::Code)?,
        portal: passage.portal.clone(),
        to_body: passage.to_body,
        person: opening.person,
        datasets: datasets.map_err(|_| ExchangeError::Code)?,
        legal_basis: opening.legal_basis.to_owned(),
        permit_number: opening.permit_number,
        permit_epoch: opening.permit_epoch,
    })
}

impl ExchangeError {
    /// What the asker is told.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Code => Outcome::Refused(ResultName::BadFormat),
            Self::Journal(JournalError::Full) => Outcome::RetryAfter(ResultName::Overloaded, RETRY_AFTER_MS),
            Self::Journal(_) | Self::Shut(_) | Self::Keys(_) => NOT_READY,
        }
    }
}

/// The record of a beginning, on its way to the disk.
pub(super) struct Durable(Option<Appending>);

impl Durable {
    /// Waits until nothing could undo the record.
    pub(super) async fn confirmed(self) -> Result<(), ExchangeError> {
        if let Some(appending) = self.0 {
            appending.await?;
        }
        Ok(())
    }
}

/// A passage whose end is still to be recorded. Dropped, it was aborted.
pub(super) struct OpenExchange(Option<Open>);

struct Open {
    log: ExchangeLog,
    record: Record,
    request: [u8; 16],
}

impl OpenExchange {
    /// Records how the passage ended, without waiting for the disk.
    pub(super) fn close(mut self, ending: Ending, now_ms: u64) {
        self.record_end(ending, now_ms);
    }

    fn record_end(&mut self, ending: Ending, now_ms: u64) {
        let Some(Open { log, mut record, request }) = self.0.take() else { return };
        record.at_ms = now_ms;
        record.result = ending.as_str().to_owned();
        record.event = Event::ExchangeClosed { request, answered: ending == Ending::Answered };
        // Queued at once; the journal writes what is queued before it ends.
        drop(log.records.append_within(Slack::UNAWAITED, CLOSED, None, record));
    }
}

impl Drop for OpenExchange {
    fn drop(&mut self) {
        let begun = self.0.as_ref().map_or(0, |open| open.record.at_ms);
        self.record_end(Ending::Aborted, begun);
    }
}

#[cfg(test)]
mod tests;
