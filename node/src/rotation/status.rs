//! How a body's keys stand: numbers, days and counts.

use chukei_crypto::seal::Purpose;
use chukei_keys::KeyfileError;
use chukei_wire::message::keys::{KeysStatusReply, PurposeKeys, Rewrite};

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::rotation::purpose_name;
use crate::rotation::rewrite::count_outdated;

/// Blocks on the provider, and on the whole store where rows are to be `counted`.
pub(crate) fn status(body: &HostedBody, counted: bool) -> Result<KeysStatusReply, RowError> {
    let (file, keys) = (body.keyring(), body.keys());
    let ids = file.ids();
    let epochs = file.provider().epochs(file.owner()).map_err(KeyfileError::from)?;
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
        rewrite: Rewrite {
            running: rewriting.is_running(),
            rewritten: rewriting.rewritten(),
            left: counted.then(|| count_outdated(body)).transpose()?,
        },
    })
}
