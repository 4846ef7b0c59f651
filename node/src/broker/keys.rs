//! The broker's own keyring, which its records stand under: turned to each day's epoch and
//! to a newer root where one was supplied, and shut while its provider or its file is gone.
//!
//! What must hold: while it is shut nothing is passed on, because nothing could be recorded; a clock that jumps does no
//! harm. Rotation leaves events among the records.

use std::sync::Arc;

use chukei_domain::day::day_of;
use chukei_domain::event::{Event, KeyClass};
use chukei_keys::{KeyfileError, KeyringFile};
use tokio::sync::watch;

use crate::broker::Broker;
use crate::key_gate::{Fault, Gate, LOOK_EVERY, look, look_and_set};

/// Keyring and gate.
pub(super) struct BrokerKeys {
    pub(super) file: Arc<KeyringFile>,
    pub(super) gate: Arc<Gate>,
    /// Days for which an epoch opens old keyrings.
    pub(super) epochs_kept: u32,
}

/// Looks after the keyring until `stop` changes to true.
pub(super) async fn keep(broker: Arc<Broker>, mut stop: watch::Receiver<bool>) {
    let mut turned = None;
    loop {
        look_and_set(&broker.keys.gate, look(broker.keys.file.clone()), Fault::silent_provider, tell).await;
        let today = day_of(broker.clock.now_ms());
        if turned != Some(today) && broker.keys.gate.pass().is_ok() {
            match turn(&broker, today).await {
                Ok(()) => turned = Some(today),
                Err(error) => tracing::error!(%error, "the day's turn is to be tried again"),
            }
        }
        if tokio::time::timeout(LOOK_EVERY, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

fn tell(fault: Option<&Fault>) {
    match fault {
        Some(fault) => tracing::error!(cause = fault.cause.as_str(), %fault, "keyring not usable"),
        None => tracing::info!("keyring usable again"),
    }
}

/// To the epoch of `today`, and to a newer root where one was supplied since.
async fn turn(broker: &Broker, today: u32) -> Result<(), KeyfileError> {
    let (file, keep) = (broker.keys.file.clone(), broker.keys.epochs_kept);
    let before = file.ids();
    let turning = tokio::task::spawn_blocking(move || {
        let turned = file.turn_epoch(today, keep)?;
        let supplied = file.provider().roots(file.owner())?.last().copied();
        let rotated = supplied > Some(before.root);
        let rotated = if rotated { Some(file.rotate_root()?) } else { None };
        Ok::<_, KeyfileError>((turned, rotated, file.snapshot().generation()))
    });
    let done = turning.await.map_err(|error| KeyfileError::Io(std::io::Error::other(error)))?;
    let (turned, rotated, generation) = done?;
    let changed = |class, number| Event::KeysRotated { class, number, generation };
    let mut events = Vec::new();
    if turned.epoch != before.epoch {
        events.push(changed(KeyClass::Epoch, turned.epoch));
    }
    let gone = |number: &u32| Event::KeyDestroyed { class: KeyClass::Epoch, number: *number };
    events.extend(turned.destroyed.iter().map(gone));
    if let Some(rotated) = rotated {
        events.push(changed(KeyClass::Root, rotated.root));
        if !rotated.left.contains(&before.root) {
            events.push(Event::KeyDestroyed { class: KeyClass::Root, number: before.root });
        }
    }
    for event in events {
        tracing::info!(event = ?event, "keys changed");
        broker.exchanges.keys_changed(&broker.name, event, broker.clock.now_ms());
    }
    Ok(())
}
