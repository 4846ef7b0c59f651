//! The turn of the day in Japan: the day keys of what ended with it are destroyed, the keyring turns to the day's
//! epoch, and then the rows that nobody can open any more are swept away at leisure.
//!
//! What must hold: a day is over when the local clock **and** the last witnessed time have passed it. What was sealed
//! until a day cannot be opened after it, whatever remains of its rows, and in old copies of the keyring once their
//! epochs are gone; the event of the erasure stays, and the stub of each notice. A local clock that jumps forward ends
//! no day and begins no epoch; one that jumps back ends none again, and for a day that has ended no key is made.

mod index;
mod pace;
pub(crate) mod sweep;

use std::sync::Arc;
use std::time::Duration;

use chukei_domain::event::{Event, KeyClass};
use chukei_domain::witness::settled_day;
use chukei_store::{Batch, RowKey, Space};
use tokio::sync::watch;

use crate::access::grant::duty_write;
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::AuditError;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::rotation::{blocking, purpose_name};
use crate::telemetry::duty::Duty;

pub use pace::Pace;

/// How often the day is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpiryError {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] AuditError),
}

/// Watches the day until the node stops. Sweeping takes its time beside this, so that the next day's keys never wait
/// for the rows of the last.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let scope = BodyScope::of_duty(body, &node.name);
    let (ended, of_days) = watch::channel(0);
    tokio::select! {
        () = watching(&node, &scope, ended) => {}
        () = sweeping(&node, &scope, of_days) => {}
    }
}

async fn watching(node: &Node, scope: &BodyScope, ended: watch::Sender<u32>) {
    let body = scope.body();
    let (mut turned, mut remembered): (Option<u32>, _) = (None, Remembered::default());
    let mut duty = Duty::new("day", body.code(), &node.metrics);
    while node.sleep(LOOK).await {
        if body.gate().pass().is_err() {
            continue;
        }
        let now_ms = node.clock.now_ms();
        let today = match remembered.settled(body, now_ms, node.witness.witnessed_ms()).await {
            Ok(Some(today)) if turned.is_none_or(|turned| turned < today) => today,
            Ok(_) => {
                duty.done();
                continue;
            }
            Err(error) => {
                duty.failed(&error);
                continue;
            }
        };
        match turn(scope, today, node.epochs_kept, now_ms).await {
            Ok(()) => {
                turned = Some(today);
                duty.done();
                // Epochs that have ended may make an erasure final.
                body.erasing().wake();
                ended.send_replace(today);
            }
            Err(error) => drop(duty.failed(&error)),
        }
    }
}

fn witnessed_row() -> RowKey {
    RowKey::new(Space::Meta).bytes(b"witnessed")
}

/// What was witnessed, as the body remembers it: in its own store, sealed, before anything ends by it, so that it goes
/// with the body to another node, and never back. Written when a day has passed.
#[derive(Default)]
struct Remembered {
    read: bool,
    witnessed_ms: Option<u64>,
}

impl Remembered {
    /// The day that both clocks have reached; `None` before anything was witnessed.
    async fn settled(
        &mut self,
        body: &HostedBody,
        now_ms: u64,
        witnessed_ms: Option<u64>,
    ) -> Result<Option<u32>, RowError> {
        if !self.read {
            let row = witnessed_row();
            let stored = body.get_row(&row).await?;
            self.witnessed_ms = body.open_row(Space::Meta, &row, &stored).await?;
            self.read = true;
        }
        let Some(witnessed_ms) = witnessed_ms.max(self.witnessed_ms) else { return Ok(None) };
        let day = settled_day(now_ms, witnessed_ms);
        if self.witnessed_ms.is_none_or(|known| settled_day(now_ms, known) < day) {
            let row = witnessed_row();
            let batch = body.put(Batch::new(), Space::Meta, row, HostedBody::STUB, &witnessed_ms).await?;
            body.apply(batch).await?;
            self.witnessed_ms = Some(witnessed_ms);
        }
        Ok(Some(day))
    }
}

/// Destroys before it turns: the first keyring of the new epoch holds nothing that ended with the day. The event of each
/// end comes first, so that none is without one: a stop between them has it told twice.
pub(crate) async fn turn(scope: &BodyScope, today: u32, keep: u32, now_ms: u64) -> Result<(), ExpiryError> {
    let (body, log) = (scope.body(), scope.body().audit());
    for (purpose, day) in body.keys().days_before(today) {
        log.erased(scope.actor(), purpose_name(purpose), day, now_ms).await?;
    }
    let gone = blocking(body, move |body| {
        let gone = body.keyring().destroy_days_before(today)?;
        body.forget_old_pages();
        body.audit().prepare(now_ms)?;
        Ok(gone)
    });
    for (purpose, day) in gone.await? {
        tracing::info!(body = %scope.code(), purpose = purpose_name(purpose), day, "day key destroyed");
    }
    let before = body.keyring().ids().epoch;
    let turned = blocking(body, move |body| body.keyring().turn_epoch(today, keep)).await?;
    if turned.epoch != before {
        let (number, generation) = (turned.epoch, body.keys().generation());
        let event = Event::KeysRotated { class: KeyClass::Epoch, number, generation };
        log.keys_changed(scope.by(), "epoch_turn", event, now_ms).await?;
    }
    for number in turned.destroyed {
        let event = Event::KeyDestroyed { class: KeyClass::Epoch, number };
        log.keys_changed(scope.by(), "epoch_turn", event, now_ms).await?;
        tracing::info!(body = %scope.code(), epoch = number, "epoch destroyed");
    }
    Ok(())
}

async fn sweeping(node: &Node, scope: &BodyScope, mut days: watch::Receiver<u32>) {
    let mut duty = Duty::new("sweep", scope.code(), &node.metrics);
    while days.changed().await.is_ok() {
        let today = *days.borrow_and_update();
        while let Err(error) = tidy(node, scope, today).await {
            duty.failed(&error);
            if !node.sleep(LOOK).await {
                return;
            }
        }
        duty.done();
    }
}

async fn tidy(node: &Node, scope: &BodyScope, today: u32) -> Result<(), RowError> {
    if sweep::sweep(&duty_write(scope, "expiry"), node, today).await? {
        sweep::compact(scope.body(), node).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
