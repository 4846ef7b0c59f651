//! What the body's log says of an erasure: that it was begun, that it is final in the live store, and that it is so in
//! every backup. Each once: an event that a stop left without its next step is found in the log, not written again.

use chukei_domain::erasure::{ErasureRecord, ErasureScope, InBackups};
use chukei_domain::event::{Event, Target};
use chukei_keys::KeyfileError;

use super::certificate::Certificate;
use super::plan::Plan;
use super::{Carrier, Course, ErasureError};
use crate::hosted::rows::RowError;
use crate::key_gate::Shut;
use crate::rotation::blocking;

impl<C: Course> Carrier<'_, C> {
    pub(super) async fn tell_begun(&self, plan: &Plan) -> Result<(), ErasureError> {
        let event = Event::ErasureBegun { id: plan.id, scope: plan.scope, reference: plan.reference.clone() };
        self.tell(plan, event).await.map(drop)
    }

    pub(super) async fn tell_live(&self, plan: &Plan) -> Result<(), ErasureError> {
        let from = plan.epoch.saturating_add(self.keep);
        self.tell_record(plan, InBackups::From(from)).await
    }

    pub(super) async fn tell_backups(&self, plan: &Plan) -> Result<(), ErasureError> {
        self.tell_record(plan, InBackups::Since(self.clock.now_ms())).await
    }

    /// Whether every epoch is destroyed under which a keyring with the keys was sealed.
    pub(super) async fn is_final_in_backups(&self, plan: &Plan) -> Result<bool, ErasureError> {
        let newest = plan.epoch;
        let epochs = blocking(self.body(), |body| {
            let file = body.keyring();
            file.provider().epochs(file.owner()).map_err(KeyfileError::from)
        });
        Ok(epochs.await?.into_iter().all(|epoch| epoch > newest))
    }

    /// The record, signed by the body's identity.
    pub(super) async fn tell_record(&self, plan: &Plan, backups: InBackups) -> Result<(), ErasureError> {
        let record = ErasureRecord {
            id: plan.id,
            body: self.body().local_code(),
            scope: plan.scope,
            reference: plan.reference.clone(),
            begun_ms: plan.begun_ms,
            live_ms: plan.live_ms,
            epoch: plan.epoch,
            backups,
            rows: plan.rows,
            keys: plan.keys.clone(),
        };
        let (identity, message) = (self.body().identity(), record.to_signed_bytes()?);
        // A key outside this process is asked on a thread that may wait.
        let signed = tokio::task::spawn_blocking(move || identity.sign(&message)).await;
        let signature = signed.map_err(|_| RowError::from(Shut))??.to_vec();
        let told = self.tell(plan, Event::Erasure { record, signature }).await?;
        // An erased body has its log alone.
        if let (Event::Erasure { record, signature }, false) = (told, self.body().is_ended()) {
            Certificate { record, signature }.keep(self.body()).await?;
        }
        Ok(())
    }

    /// Tells it, and what the log says of it: where a stop came behind that, what it said before.
    async fn tell(&self, plan: &Plan, event: Event) -> Result<Event, ErasureError> {
        let log = self.body().audit().clone();
        let (from, wanted) = (plan.log_from, event.clone());
        let told = tokio::task::spawn_blocking(move || {
            let mut records = log.walk(from).map_while(Result::ok).map(|record| record.event);
            records.find(|event| says_the_same(event, &wanted))
        });
        if let Some(told) = told.await.map_err(|_| RowError::from(Shut))? {
            return Ok(told);
        }
        let target = plan.person.filter(|_| plan.scope == ErasureScope::Person);
        let target = target.map(|person| Target::Person(person.id));
        self.body().audit().erasure(&plan.actor, target, event.clone(), self.clock.now_ms()).await?;
        Ok(event)
    }
}

/// Whether both are the same step of one erasure. Signatures differ each time, and so may the moment.
fn says_the_same(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (Event::ErasureBegun { id: one, .. }, Event::ErasureBegun { id: other, .. }) => one == other,
        (Event::Erasure { record: one, .. }, Event::Erasure { record: other, .. }) => {
            let ended = |record: &ErasureRecord| matches!(record.backups, InBackups::Since(_));
            one.id == other.id && ended(one) == ended(other)
        }
        _ => false,
    }
}
