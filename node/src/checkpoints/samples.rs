//! Checkpoints of a body's log as if brokers had cosigned them, for tests.

use std::sync::Arc;

use super::logs::Log;
use super::proofs::Snapshot;
use super::statement::Signatory;
use super::vouched::Vouched;
use crate::hosted::HostedBody;

/// Lets the tree grow over everything that is durable, and its checkpoint be what every broker vouches for.
pub(crate) async fn vouch(body: &Arc<HostedBody>) {
    vouched(body, true).await;
}

/// The same, while some brokers are away.
pub(crate) async fn vouch_in_part(body: &Arc<HostedBody>) {
    vouched(body, false).await;
}

async fn vouched(body: &Arc<HostedBody>, whole: bool) {
    grow(body).await;
    let tree = Snapshot::of(body);
    let signatory = Signatory::of(body, tree.epoch()).unwrap();
    let checkpoint = signatory.sign(tree.head()).unwrap();
    body.vouched().take(Vouched { checkpoint, key: signatory.key.clone(), tree }, whole);
}

/// Lets the tree grow over everything that is durable.
pub(crate) async fn grow(body: &Arc<HostedBody>) {
    Log::default().turn(body).await.unwrap();
}
