//! Endings: notices whose last day in Japan is over lose their keys, then their rows; idle logins are closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::core::Core;
use crate::storage::VaultError;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Runs until `stop` changes. The first round is done before this returns.
pub(crate) async fn start(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let mut ended = None;
    round(&core, &mut ended).await;
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            round(&core, &mut ended).await;
            tokio::select! {
                _ = tick.tick() => {}
                // A dropped sender ends it as well.
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    });
}

async fn round(core: &Core, ended: &mut Option<u32>) {
    let closed = core.folders.close_idle(core.clock.now_ms());
    if closed > 0 {
        tracing::info!(closed, "idle logins closed, their folders wiped");
    }
    let today = core.today();
    if ended.is_some_and(|day| day >= today) {
        return;
    }
    let done = async {
        let destroyed = core.vault.end_days_before(today).await?;
        core.vault.turn_keys(today).await?;
        Ok::<_, VaultError>(destroyed)
    };
    match done.await {
        Ok(destroyed) => {
            *ended = Some(today);
            if destroyed > 0 {
                core.metrics.destroyed.inc_by(u64::try_from(destroyed).unwrap_or(u64::MAX));
                tracing::info!(day_keys = destroyed, "notices past their last day erased");
            }
        }
        // Tried again at the next tick.
        Err(error) => tracing::error!(%error, "expiry failed"),
    }
}
