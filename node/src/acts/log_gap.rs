//! That a log which came back from a backup goes on in its new epoch (R43): two persons decide it, and the body's identity
//! signs it for the witnesses.
//!
//! What must hold: the log tells of it, with both persons, before the statement is there for anybody; a log that was never
//! restored has no gap, and one that was restored again since has another.

use chukei_domain::act::{Act, Subject};
use chukei_relay_client::log_gap::sign_gap;
use chukei_relay_client::log_key::LogOrigin;
use chukei_wire::message::log::LogGapClaims;
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use super::ActError;
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::audit::{Begun, FIRST_EPOCH, GapTold};
use crate::checkpoints::gap::{self, Witnessed};
use crate::hosted::HostedBody;

/// What there is to decide now.
pub(super) async fn wanted(body: &HostedBody) -> Result<Subject, ActError> {
    let epoch_ms = epoch(body)?;
    if gap::stated(body).await?.is_some_and(|gap| gap.claims.epoch == epoch_ms) {
        return Err(ResultName::NotFound.into());
    }
    let Begun { first, .. } = begun(body, epoch_ms).await?;
    Ok(Subject::LogGap { epoch_ms, first })
}

/// States it.
pub(super) async fn state(
    node: &Node,
    grant: &Grant<Write>,
    act: &Act,
    epoch_ms: u64,
    first: u64,
) -> Result<(), ActError> {
    let body = grant.body();
    if epoch(body)? != epoch_ms {
        return Err(ResultName::NotFound.into());
    }
    if gap::stated(body).await?.is_some_and(|gap| gap.claims.epoch == epoch_ms) {
        return Ok(());
    }
    let approved = act.approved.as_ref().ok_or(ResultName::TwoPersonRequired)?;
    let persons = [act.requested.by.clone(), approved.by.clone()];
    let backup = begun(body, epoch_ms).await?.backup;
    let last =
        gap::witnessed(body).await?.filter(|last| last.origin().is_some_and(|it| is_before(&it, epoch_ms)));
    let [requested_by, approved_by] = persons.clone();
    let witnessed = last.as_ref().map_or(0, Witnessed::size);
    let told = GapTold { epoch_ms, first, backup, witnessed, requested_by, approved_by };
    let now_ms = node.clock.now_ms();
    body.audit().log_gap(grant.scope().actor(), told, now_ms).await?;
    let claims = LogGapClaims {
        body: body.code(),
        epoch: epoch_ms,
        last: last.map(|last| ByteBuf::from(last.note.into_bytes())),
        backup,
        first,
        persons,
        at_ms: now_ms,
    };
    let identity = body.identity();
    let signed = tokio::task::spawn_blocking(move || sign_gap(claims, &identity)).await;
    let signed = signed.map_err(|_| ResultName::NotReady)?.map_err(|error| {
        tracing::error!(body = %body.code(), %error, "the beginning of the log's epoch is not signed");
        ResultName::NotReady
    })?;
    Ok(gap::store(body, &signed).await?)
}

fn is_before(origin: &LogOrigin, epoch: u64) -> bool {
    origin.epoch < epoch
}

/// The epoch that the log is in, where it is not its first.
fn epoch(body: &HostedBody) -> Result<u64, ActError> {
    let tree = body.audit().tree();
    if !tree.is_open() {
        return Err(ResultName::NotReady.into());
    }
    match tree.head().1 {
        FIRST_EPOCH => Err(ResultName::NotFound.into()),
        epoch => Ok(epoch),
    }
}

/// With which record it began.
async fn begun(body: &HostedBody, epoch_ms: u64) -> Result<Begun, ActError> {
    let log = body.audit().clone();
    let found = tokio::task::spawn_blocking(move || log.begun(epoch_ms)).await;
    Ok(found.map_err(|_| ResultName::NotReady)?.ok_or(ResultName::NotFound)?)
}
