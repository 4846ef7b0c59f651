//! How a body's keys stand: numbers, days and counts.

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_wire::message::keys::{KeysStatusReply, PurposeKeys, Rewrite};

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::rotation::rewrite::count_outdated;
use crate::rotation::{blocking, purpose_name};

/// Looks at the whole store where rows are to be `counted`.
pub(crate) async fn status(body: &Arc<HostedBody>, counted: bool) -> Result<KeysStatusReply, RowError> {
    let epochs = blocking(body, |body| Ok(body.keyring().provider().epochs(body.keyring().owner())?)).await?;
    let left = if counted { Some(count_outdated(body).await?) } else { None };
    let (ids, keys) = (body.keyring().ids(), body.keys());
    let purposes = Purpose::ALL.into_iter().map(|purpose| PurposeKeys {
        purpose: purpose_name(purpose).to_owned(),
        days: u32::try_from(keys.days(purpose).len()).unwrap_or(u32::MAX),
        standing: keys.day_numbers(purpose, 0),
    });
    let rewriting = body.rewriting();
    Ok(KeysStatusReply {
        generation: keys.generation(),
        root: ids.root,
        epoch: ids.epoch,
        epochs,
        purposes: purposes.collect(),
        pages: u32::try_from(keys.pages().len()).unwrap_or(u32::MAX),
        rewrite: Rewrite { running: rewriting.is_running(), rewritten: rewriting.rewritten(), left },
    })
}
