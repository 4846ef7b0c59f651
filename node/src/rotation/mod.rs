//! Rotation of a body's keys by its own staff: root, epoch and standing keys, and the rewrite at leisure of what
//! stands under old numbers. No data is rewritten for the keys to change.
//!
//! What must hold: a rotation is acknowledged when keyring and event are durable; whatever was stored before opens
//! after it; a number goes only when nothing stands under it and nothing more can come under it.

mod rewrite;
mod rotate;
mod status;

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_keys::KeyfileError;

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::key_gate::Shut;

pub use rewrite::{Rewriting, run};
pub(crate) use rotate::rotate;
pub(crate) use status::status;

/// What a purpose is called in events and answers.
pub(crate) fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Copies => "copies",
        Purpose::Notices => "notices",
        Purpose::Answers => "answers",
        Purpose::Audit => "audit",
        Purpose::Exchange => "exchange",
        Purpose::Names => "names",
        Purpose::Search => "search",
    }
}

/// A change of the keyring, on a thread that may wait for files and for the provider.
pub(crate) async fn blocking<T: Send + 'static>(
    body: &Arc<HostedBody>,
    work: impl FnOnce(&HostedBody) -> Result<T, KeyfileError> + Send + 'static,
) -> Result<T, RowError> {
    body.gate().pass()?;
    let body = body.clone();
    let done = tokio::task::spawn_blocking(move || work(&body)).await;
    Ok(done.map_err(|_| Shut)??)
}

#[cfg(test)]
mod tests;
