//! New roots, epochs and standing keys, each with its event.

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_domain::event::{Event, KeyClass};
use chukei_keys::KeyfileError;
use chukei_wire::message::keys::KeysRotateRequest;
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Write};
use crate::bodies::call::CallError;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::rotation::blocking;

/// Rotates what is asked for on the day `today`, which no clock alone has reached. Each part is durable, with its event,
/// before the next begins.
pub(crate) async fn rotate(
    grant: &Grant<Write>,
    asked: KeysRotateRequest,
    epochs_kept: u32,
    today: u32,
    now_ms: u64,
) -> Result<(), CallError> {
    if asked.root {
        root(grant, now_ms).await?;
    }
    if asked.epoch {
        epoch(grant, epochs_kept, today, now_ms).await?;
    }
    if asked.standing {
        standing(grant, now_ms).await?;
    }
    if asked.rewrite {
        grant.body().ask_for_rewrite().await?;
    }
    Ok(())
}

async fn root(grant: &Grant<Write>, now_ms: u64) -> Result<(), CallError> {
    let body = grant.scope().body();
    let before = body.keyring().ids().root;
    let rotated = blocking(body, |body| body.keyring().rotate_root()).await.map_err(|error| match error {
        // Somebody else makes the roots: a newer one is to be mounted first.
        RowError::Keyfile(KeyfileError::NoNewerRoot) => CallError::Refused(ResultName::NotFound),
        error => CallError::Row(error),
    })?;
    changed(grant, rotated_to(body, KeyClass::Root, rotated.root), now_ms).await?;
    if !rotated.left.contains(&before) {
        changed(grant, Event::KeyDestroyed { class: KeyClass::Root, number: before }, now_ms).await?;
    }
    Ok(())
}

/// At most one day ahead of `today`: an epoch of tomorrow is kept a day longer, and no other is destroyed for it.
async fn epoch(grant: &Grant<Write>, epochs_kept: u32, today: u32, now_ms: u64) -> Result<(), CallError> {
    let body = grant.scope().body();
    let before = body.keyring().ids().epoch;
    let day = before.saturating_add(1).clamp(today, today.saturating_add(1));
    let keep = epochs_kept.saturating_add(day - today);
    let turned = blocking(body, move |body| body.keyring().turn_epoch(day, keep)).await?;
    if turned.epoch != before {
        changed(grant, rotated_to(body, KeyClass::Epoch, turned.epoch), now_ms).await?;
    }
    for number in turned.destroyed {
        changed(grant, Event::KeyDestroyed { class: KeyClass::Epoch, number }, now_ms).await?;
    }
    Ok(())
}

async fn standing(grant: &Grant<Write>, now_ms: u64) -> Result<(), CallError> {
    let body = grant.scope().body();
    blocking(body, |body| {
        body.keyring().rotate_standing()?;
        body.forget_old_pages();
        Ok(())
    })
    .await?;
    let first = Purpose::ALL.first().and_then(|purpose| body.keys().day_numbers(*purpose, 0).last().copied());
    changed(grant, rotated_to(body, KeyClass::Standing, first.unwrap_or_default()), now_ms).await
}

fn rotated_to(body: &Arc<HostedBody>, class: KeyClass, number: u32) -> Event {
    Event::KeysRotated { class, number, generation: body.keys().generation() }
}

async fn changed(grant: &Grant<Write>, event: Event, now_ms: u64) -> Result<(), CallError> {
    let (body, by) = (grant.body(), grant.scope().by());
    tracing::info!(body = %body.code(), event = ?event, "keys changed");
    Ok(body.audit().keys_changed(by, "keys_rotate", event, now_ms).await?)
}
