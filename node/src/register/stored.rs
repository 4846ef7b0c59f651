//! The register in the body's rows, and how it is taken up when the body is opened.
//!
//! What must hold: what does not open, is not what its row's name says, or is not all that the head tells of, is no
//! register at all: the body is not served. One that is gone altogether is missed by the log, which tells of its founding.

use std::sync::Arc;

use chukei_access::PolicyBook;
use chukei_crypto::seal::Purpose;
use chukei_domain::event::{Event, Record};
use chukei_domain::register::{Class, Entry, check};
use chukei_store::partition::MAX_SCAN_ROWS;
use chukei_store::{Batch, RowKey, Space, Versioned};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Founding, Register};
use crate::audit::{AuditLog, BadRecord};
use crate::hosted::HostedBody;
use crate::hosted::rows::{RowError, SealedFor};
use crate::key_gate::{Cause, Fault};

const SEALED: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

/// What tells of all rows.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(rename = "v")]
    version: u64,
    /// Of all entries.
    #[serde(rename = "h", with = "serde_bytes")]
    digest: [u8; 32],
}

/// Shorter than any row of an entry, and before them all.
fn head_row() -> RowKey {
    RowKey::new(Space::Register).bytes(b"head")
}

/// Takes the register up, founding it where there is none and a document says how, and puts the body's policies in
/// force. Before anybody enters the body.
pub(crate) async fn open(
    body: &HostedBody,
    policies: &Arc<PolicyBook>,
    founding: Option<&Founding>,
    actor: &str,
    now_ms: u64,
) -> Result<(), Fault> {
    if body.is_ended() {
        return Ok(());
    }
    body.register_place().keep(policies);
    if body.take_up_register().await? {
        return Ok(());
    }
    let log = body.audit().clone();
    let missed = tokio::task::spawn_blocking(move || has_known_register(&log)).await;
    if missed.map_err(|_| Fault::new(Cause::Opening, "the opening broke off"))? {
        return Err(tampered("the register is gone, and the log tells of it or cannot be read"));
    }
    match founding {
        Some(founding) => founding.found(body, actor, now_ms).await,
        None => {
            tracing::warn!(body = %body.code(), "the register is empty and nothing founds it: nobody may do anything");
            Ok(())
        }
    }
}

/// Whether the body had a register once, and anything has happened since: a founding is told before it is durable, and one
/// that broke off there is done again. A record that does not open may have told of one. Blocking file I/O: reads the log
/// of a body without a register to its end.
fn has_known_register(log: &AuditLog) -> bool {
    let last_number = log.last_number();
    let is_founding = |record: &Record| matches!(record.event, Event::RegisterFounded { .. });
    let is_change = |record: &Record| matches!(record.event, Event::RegisterChanged { .. });
    let last = log.walk(last_number.max(1)).next().and_then(Result::ok);
    let tells =
        |read: Result<Record, BadRecord>| read.map_or(true, |read| is_founding(&read) || is_change(&read));
    !last.as_ref().is_some_and(is_founding) && log.walk_kept().any(tells)
}

fn tampered(what: &str) -> Fault {
    Fault::new(Cause::Tampered, format!("CONFIG_TAMPERED: {what}; restore the body from a backup"))
}

/// Rows that cannot be read are the store's fault; rows that were read and do not open are somebody's.
fn unopened(error: RowError) -> Fault {
    match error {
        RowError::Store(error) => error.into(),
        RowError::Seal(_) | RowError::Malformed => tampered("a row of the register does not open"),
        error => Fault::new(Cause::Opening, format!("register: {error}")),
    }
}

impl HostedBody {
    pub(super) fn register_row(&self, class: Class, name: &str) -> RowKey {
        self.row(Space::Register, &[class.as_str().as_bytes(), name.as_bytes()])
    }

    /// Adds an entry to `batch`, sealed.
    pub(super) async fn put_entry(&self, batch: Batch, entry: &Entry) -> Result<Batch, RowError> {
        let bytes = entry.to_bytes().map_err(|_| RowError::Malformed)?;
        let row = self.register_row(entry.class(), entry.name());
        let sealed = self.seal_bytes(Space::Register, &row, SEALED, &bytes).await?;
        Ok(batch.put(row, sealed))
    }

    /// Adds the head that tells of `register` to `batch`.
    pub(super) async fn put_head(&self, batch: Batch, register: &Register) -> Result<Batch, RowError> {
        let head = Head { version: register.version, digest: register.digest() };
        self.put(batch, Space::Register, head_row(), SEALED, &head).await
    }

    /// Makes a register durable where there is none.
    pub(super) async fn store_first(&self, register: &Register) -> Result<(), RowError> {
        let mut batch = Batch::new().require_absent(head_row());
        for entry in register.all() {
            batch = self.put_entry(batch, entry).await?;
        }
        self.apply(self.put_head(batch, register).await?).await
    }

    /// The register that the rows hold; `None` where there are none.
    pub(super) async fn stored_register(&self) -> Result<Option<Register>, Fault> {
        let prefix = RowKey::new(Space::Register);
        let mut register = Register::empty(self.local_code());
        let (mut head, mut after) = (None, None);
        loop {
            let page = self.scan(&prefix, after.as_ref(), MAX_SCAN_ROWS).await.map_err(unopened)?;
            after = page.next();
            for (row, stored) in page.rows {
                if row == head_row() {
                    head = Some(self.open_value::<Head>(Space::Register, &row, &stored.value).await);
                } else {
                    self.take_up(&mut register, row, stored).await?;
                }
            }
            if after.is_none() {
                break;
            }
        }
        let Some(head) = head.transpose().map_err(unopened)? else {
            let some = !register.is_empty();
            return if some { Err(tampered("the register's head is gone")) } else { Ok(None) };
        };
        if head.digest != register.digest() {
            return Err(tampered("the register's rows are not those that its head tells of"));
        }
        register.version = head.version;
        check(register.body, register.entries())
            .map_err(|error| tampered(&format!("the register breaks a rule: {error}")))?;
        Ok(Some(register))
    }

    async fn take_up(&self, register: &mut Register, row: RowKey, stored: Versioned) -> Result<(), Fault> {
        let opened = self.open_bytes(Space::Register, &row, stored.value).await.map_err(unopened)?;
        let entry = Entry::from_bytes(&Zeroizing::new(opened.into_inner()))
            .map_err(|_| tampered("a row of the register is malformed"))?;
        if self.register_row(entry.class(), entry.name()) != row {
            return Err(tampered("a row of the register is in another's place"));
        }
        register.put(entry).map_err(|_| tampered("a row of the register is malformed"))
    }
}
