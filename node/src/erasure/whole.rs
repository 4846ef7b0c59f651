//! The end of a whole body: every key but those of its log, in every copy at once, and its channels, then its rows. Its
//! plan ends with its keys; what is left to do is read off the keyring and the log. What the engine keeps of an empty
//! partition goes when the body is opened the next time, at once after its erasure (`supervise`). Its log stays, with
//! the record, and the keyring that opens it.

use chukei_domain::erasure::{ErasedKey, ErasedKeyKind, ErasureScope, InBackups};
use chukei_domain::event::{Event, Record};
use chukei_store::{Batch, RowKey, Space};

use super::plan::{Plan, Stage};
use super::{Carrier, Course, ErasureError};
use crate::expiry::sweep::{SWEEP_ROWS, compact};
use crate::hosted::rows::RowError;
use crate::key_gate::Shut;
use crate::rotation::blocking;

impl<C: Course> Carrier<'_, C> {
    /// Ends the body's keys, with its gate, and goes on to what comes behind that.
    pub(super) async fn end_body(&self, plan: &mut Plan) -> Result<(), ErasureError> {
        let body = self.body();
        let writing = body.writing().await;
        let ended = blocking(body, |body| {
            let ended = body.keyring().end_all_but_log()?;
            body.forget_old_pages();
            Ok(ended)
        });
        let ended = ended.await?;
        body.shut_ended();
        self.course.body_ended(body.code());
        drop(writing);
        tracing::warn!(body = %body.code(), "the body is erased: its keys are destroyed in every copy");
        self.course.reached("the end of the body's keys")?;
        plan.keys = vec![keyring(ended.generation)];
        let epoch = |day: &u32| ErasedKey { kind: ErasedKeyKind::Epoch, of: 0, number: u64::from(*day) };
        plan.keys.extend(ended.epochs.iter().map(epoch));
        plan.epoch = ended.epochs.last().copied().unwrap_or_default();
        self.end_rows(plan).await
    }

    /// Goes on where a stop left a body without keys.
    pub(super) async fn finish_body(&self) -> Result<(), ErasureError> {
        let body = self.body();
        body.shut_ended();
        let file = body.clone();
        let ended = tokio::task::spawn_blocking(move || file.keyring().end_all_but_log()).await;
        let ended = ended.map_err(|_| RowError::from(Shut))?.map_err(RowError::from)?;
        let log = body.audit().clone();
        let looked = tokio::task::spawn_blocking(move || unfinished(log.walk(1).map_while(Result::ok))).await;
        match looked.map_err(|_| RowError::from(Shut))? {
            Some(mut plan) => {
                plan.keys = vec![keyring(ended.generation)];
                plan.epoch = body.keyring().ids().epoch.saturating_sub(1);
                self.end_rows(&mut plan).await
            }
            None => Ok(()),
        }
    }

    /// Removes every row, and says that all is final, in backups as well: no epoch is left that sealed the keys.
    async fn end_rows(&self, plan: &mut Plan) -> Result<(), ErasureError> {
        let body = self.body();
        plan.live_ms = self.clock.now_ms();
        for space in Space::ALL {
            let prefix = RowKey::new(*space);
            loop {
                if !self.course.turn(SWEEP_ROWS).await {
                    return Err(ErasureError::Stopping);
                }
                let rows = body.scan(&prefix, None, SWEEP_ROWS).await?.rows;
                if rows.is_empty() {
                    break;
                }
                plan.rows += rows.len() as u64;
                self.course.swept(rows.len());
                let batch = rows.into_iter().fold(Batch::new(), |batch, (row, _)| batch.delete(row));
                // The gate is shut for good: what is left to do needs no key.
                body.partition().apply(batch).await.map_err(RowError::from)?;
                self.course.reached("the removal of rows")?;
            }
        }
        compact(body, self.course).await?;
        self.tell_record(plan, InBackups::Since(self.clock.now_ms())).await?;
        body.erasing().over.notify_one();
        Ok(())
    }
}

fn keyring(generation: u64) -> ErasedKey {
    ErasedKey { kind: ErasedKeyKind::Keyring, of: 0, number: generation.saturating_sub(1) }
}

/// The erasure of the body that the log says was begun, and not that it is over.
fn unfinished(records: impl Iterator<Item = Record>) -> Option<Plan> {
    let mut begun = None;
    for record in records {
        match record.event {
            Event::ErasureBegun { id, scope: ErasureScope::Body, reference } => {
                begun = Some(Plan {
                    id,
                    scope: ErasureScope::Body,
                    reference,
                    begun_ms: record.at_ms,
                    actor: record.actor,
                    person: None,
                    aliases: Default::default(),
                    page: 0,
                    slot: 0,
                    generation: 0,
                    stage: Stage::Rows,
                    keys: Vec::new(),
                    live_ms: 0,
                    epoch: 0,
                    rows: 0,
                    looked: None,
                    log_from: record.seq,
                });
            }
            Event::Erasure { record, .. } if begun.as_ref().is_some_and(|plan| plan.id == record.id) => {
                begun = None;
            }
            _ => {}
        }
    }
    begun
}
