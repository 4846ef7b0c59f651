//! Crypto-erasure (暗号化消去, R23) of a person, of a dataset, or of a whole body: keys first, then rows.
//!
//! What must hold: once an erasure is begun it is carried through, whatever stops in between; each step may be repeated;
//! the end of the keys takes a bounded time and makes it final in the live store, the end of the last epoch that sealed a
//! keyring with them makes it so in every backup, and the body's log says both, signed. An old copy of the store opens
//! nothing of it under the present keyring. Exchange records and the log stay under their own keys. Deliberately absent:
//! who may decide and the waiting period, see `acts`: there is no other way to begin one.

mod certificate;
mod keys;
mod plan;
mod rows;
mod tell;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::keyring::KeyringError;
use chukei_crypto::seal::{KeySource, PersonSlot, SealError};
use chukei_crypto::sign::SignError;
use chukei_domain::codec::CodecError;
use chukei_domain::codes::InfoNameCode;
use chukei_domain::erasure::{ErasureScope, is_reference};
use chukei_relay_client::clock::Clock;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;
use tokio::sync::Notify;

use crate::access::grant::{Grant, Write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::AuditError;
use crate::expiry::sweep::Turns;
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonId, PersonRecord};
use crate::hosted::rows::RowError;
use crate::telemetry::duty::Duty;
pub(crate) use certificate::read as certificate;
use plan::{Plan, Stage};

/// Pause after a try that failed.
const RETRY: Duration = Duration::from_secs(2);

/// What is to be erased.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Everything about this person, by the internal id.
    Person(PersonId),
    /// Every copy of this dataset.
    Dataset(InfoNameCode),
    /// Everything of the body but its log.
    Body,
}

/// Why an erasure was not begun, or waits.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The reference is not one: see [`is_reference`].
    #[error("not a reference")]
    Reference,
    /// There is no such person or dataset here.
    #[error("nothing to erase")]
    NotFound,
    /// Stored data could not be used.
    #[error("data: {0}")]
    Row(#[from] RowError),
    /// The log could not be written or read.
    #[error("log: {0}")]
    Audit(#[from] AuditError),
    /// Keys could not be changed.
    #[error("keys: {0}")]
    Keyring(#[from] KeyringError),
    /// The record was not signed.
    #[error("signing: {0}")]
    Sign(#[from] SignError),
    /// The record could not be encoded.
    #[error("record: {0}")]
    Record(#[from] CodecError),
    /// The node stops: it goes on when it is started again.
    #[error("the node stops")]
    Stopping,
}

impl ErasureError {
    /// The result name for a caller.
    pub fn result(&self) -> ResultName {
        match self {
            Self::Reference => ResultName::BadFormat,
            Self::NotFound => ResultName::NotFound,
            _ => ResultName::NotReady,
        }
    }
}

/// What an erasure is carried through beside: it waits for its turns, and tells of each step that is durable.
pub(crate) trait Course: Turns {
    /// Nothing of this body is served any more: its keys are destroyed.
    fn body_ended(&self, _body: BodyCode) {}

    /// A step is done. An error stands for a stop right behind it.
    fn reached(&self, _step: &'static str) -> Result<(), ErasureError> {
        Ok(())
    }
}

impl Course for Node {
    fn body_ended(&self, body: BodyCode) {
        self.channels.leave(body);
    }
}

/// The erasures of one body: woken, and the end of its own.
#[derive(Debug, Default)]
pub struct Erasing {
    more: Notify,
    over: Notify,
}

impl Erasing {
    /// Something may go on: an erasure was begun, or epochs have ended.
    pub fn wake(&self) {
        self.more.notify_one();
    }

    /// Until the body itself was erased, by this process.
    pub async fn over(&self) {
        self.over.notified().await;
    }
}

/// Begins an erasure under the body's reference, and this id of whoever decided it; it is durable when this returns, and
/// carried through from then on. What was begun already is not begun twice: the id returned is the erasure's in events
/// and records.
pub async fn begin(
    grant: &Grant<Write>,
    id: [u8; 16],
    wanted: Wanted,
    reference: &str,
    now_ms: u64,
) -> Result<[u8; 16], ErasureError> {
    if !is_reference(reference) {
        return Err(ErasureError::Reference);
    }
    let body = grant.body();
    let _writing = body.writing().await;
    let open = Plan::open(body).await?;
    if open.iter().any(|plan| plan.id == id) || certificate::read(body, id).await?.is_some() {
        return Ok(id);
    }
    let (scope, slot, person) = find(grant, wanted).await?;
    let generation = match slot {
        Some(slot) => {
            let keys = body.value_keys(Some(slot)).await?;
            keys.person_key(slot).map_err(|error| RowError::from(SealError::from(error)))?.0
        }
        None => 0,
    };
    let slot = slot.unwrap_or(PersonSlot { page: 0, slot: 0 });
    let plan = Plan {
        id,
        scope,
        reference: reference.to_owned(),
        begun_ms: now_ms,
        actor: grant.scope().actor().to_owned(),
        aliases: person.as_ref().map(|person| rows::aliases(body, person)).unwrap_or_default(),
        person: person.map(|person| person.person),
        page: slot.page,
        slot: slot.slot,
        generation,
        stage: Stage::Begun,
        keys: Vec::new(),
        live_ms: 0,
        epoch: 0,
        rows: 0,
        looked: None,
        log_from: body.audit().last_number() + 1,
    };
    if let Some(known) = open.into_iter().find(|known| known.is_same(&plan)) {
        return Ok(known.id);
    }
    plan.save(body).await?;
    body.erasing().wake();
    Ok(plan.id)
}

/// The scope, the slot of the key that ends, and the person.
async fn find(
    grant: &Grant<Write>,
    wanted: Wanted,
) -> Result<(ErasureScope, Option<PersonSlot>, Option<PersonRecord>), ErasureError> {
    let body = grant.body();
    Ok(match wanted {
        Wanted::Person(id) => {
            let person = match body.person(grant, &id).await {
                // Erased already; the row goes at leisure.
                Err(RowError::Seal(SealError::KeyDestroyed)) => None,
                person => person?,
            };
            let person = person.ok_or(ErasureError::NotFound)?;
            (ErasureScope::Person, Some(person.person.slot()), Some(person))
        }
        Wanted::Dataset(dataset) => {
            let slot = body.dataset_slot(&dataset).await?.ok_or(ErasureError::NotFound)?;
            (ErasureScope::Dataset(dataset), Some(slot), None)
        }
        Wanted::Body => (ErasureScope::Body, None, None),
    })
}

/// Carries every erasure of the body through until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let scope = BodyScope::of_duty(body.clone(), &node.name);
    let mut stopping = node.stopping();
    let mut duty = Duty::new("erasure", body.code(), &node.metrics);
    loop {
        let carried = Carrier { scope: &scope, course: &*node, clock: &node.clock, keep: node.epochs_kept };
        match carried.carry_on().await {
            Ok(()) => {
                duty.done();
                tokio::select! {
                    () = body.erasing().more.notified() => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
            }
            Err(ErasureError::Stopping) => return,
            Err(error) => {
                duty.failed(&error);
                if !node.sleep(RETRY).await {
                    return;
                }
            }
        }
    }
}

/// Carries the erasures of one body on.
pub(crate) struct Carrier<'a, C> {
    pub(crate) scope: &'a BodyScope,
    pub(crate) course: &'a C,
    pub(crate) clock: &'a Clock,
    /// Days for which an epoch opens old keyrings.
    pub(crate) keep: u32,
}

impl<C: Course> Carrier<'_, C> {
    fn body(&self) -> &Arc<HostedBody> {
        self.scope.body()
    }

    /// As far as every erasure can go now.
    pub(crate) async fn carry_on(&self) -> Result<(), ErasureError> {
        if self.body().is_ended() {
            return self.finish_body().await;
        }
        for mut plan in Plan::open(self.body()).await? {
            while self.advance(&mut plan).await? {}
            if self.body().is_ended() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One stage, durable when this returns; tells whether there is another one to do now.
    async fn advance(&self, plan: &mut Plan) -> Result<bool, ErasureError> {
        let body = self.body();
        match plan.stage {
            Stage::Begun => {
                self.tell_begun(plan).await?;
                self.course.reached("the event of its beginning")?;
                plan.stage = Stage::Keys;
            }
            Stage::Keys if plan.scope == ErasureScope::Body => {
                self.end_body(plan).await?;
                return Ok(false);
            }
            Stage::Keys => {
                self.end_key(plan).await?;
                (plan.live_ms, plan.epoch) = (self.clock.now_ms(), body.keyring().ids().epoch);
                plan.stage = Stage::Rows;
                tracing::info!(body = %body.code(), page = plan.page, "erased: its key is destroyed");
            }
            Stage::Rows => {
                self.remove_rows(plan).await?;
                plan.log_from = body.audit().last_number() + 1;
                plan.stage = Stage::Tell;
            }
            Stage::Tell => {
                self.tell_live(plan).await?;
                self.course.reached("the event of its end in the live store")?;
                plan.log_from = body.audit().last_number() + 1;
                plan.stage = Stage::Backups;
            }
            Stage::Backups => {
                if !self.is_final_in_backups(plan).await? {
                    return Ok(false);
                }
                self.tell_backups(plan).await?;
                self.course.reached("the event of its end in backups")?;
                plan.remove(body).await?;
                return Ok(false);
            }
        }
        plan.save(body).await?;
        self.course.reached("its plan")?;
        Ok(true)
    }
}

#[cfg(test)]
pub(crate) mod tests;
