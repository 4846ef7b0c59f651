//! `audit-follow`: the body's log as it lies, sealed, for a follower on another machine.
//!
//! What must hold: nothing here is opened (R2); leaves come from the tree that brokers have cosigned, and a checkpoint goes with
//! the last leaf that it covers alone. A page is bounded; whoever lacks more asks again.

use std::sync::Arc;

use chukei_crypto::tlog::{HashSource, Subtree, Tiles};
use chukei_wire::id::RequestId;
use chukei_wire::limits::{AUDIT_FOLLOW_BYTES, AUDIT_FOLLOW_LEAVES};
use chukei_wire::message::audit::{AuditFollowPage, AuditFollowRequest, FollowedEntry};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::audit::{AuditLog, BadRecord};
use crate::bodies::call::{Call, CallError, Done};
use crate::checkpoints::{StoredTree, Vouched};
use crate::hosted::HostedBody;

/// Bytes that an entry takes beside its sealed content.
const ENTRY: usize = 96;

/// One page per question, until the caller has said all.
pub async fn follow(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut sent = 0;
    while let Some(asked) = call.next::<AuditFollowRequest>().await? {
        let page = one(grant.scope().body(), asked).await?;
        sent += page.entries.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(sent))
}

async fn one(body: &Arc<HostedBody>, asked: AuditFollowRequest) -> Result<AuditFollowPage, CallError> {
    let vouched = body.vouched().newest();
    let tiles = vouched.as_ref().map(|vouched| StoredTree::at(body, &vouched.tree));
    let log = body.audit().clone();
    let paged = tokio::task::spawn_blocking(move || page(&log, vouched.as_deref(), tiles, asked));
    let page = paged.await.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    page.map_err(|BadRecord| CallError::Refused(ResultName::IntegrityFailure))
}

fn page(
    log: &AuditLog,
    vouched: Option<&Vouched>,
    tiles: Option<StoredTree>,
    asked: AuditFollowRequest,
) -> Result<AuditFollowPage, BadRecord> {
    let (first, last) = (log.first_number(), log.last_number());
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in log.entries(asked.from.max(first)) {
        let entry = entry.map_err(|_| BadRecord)?;
        bytes += entry.sealed.len() + ENTRY;
        if bytes > AUDIT_FOLLOW_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(FollowedEntry {
            number: entry.seq,
            at_ms: entry.at_ms,
            kind: entry.kind,
            request: entry.replay.map(RequestId),
            sealed: ByteBuf::from(entry.sealed),
        });
    }
    let mut page = AuditFollowPage { first, last, entries, leaves: ByteBuf::new(), checkpoint: None };
    if let (Some(vouched), Some(tiles)) = (vouched, tiles) {
        let size = vouched.tree.head().size;
        let until = size.min(asked.size.saturating_add(AUDIT_FOLLOW_LEAVES as u64));
        let mut tiles = Tiles::new(tiles, size);
        for index in asked.size..until {
            let at = Subtree::new(0, index).ok_or(BadRecord)?;
            page.leaves.extend_from_slice(&tiles.hash(at).map_err(|_| BadRecord)?);
        }
        // A follower that has more than the checkpoint covers is told so by it.
        page.checkpoint = (until == size || asked.size > size).then(|| vouched.followed());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use chukei_crypto::tlog::SignedCheckpoint;

    use super::*;
    use crate::checkpoints::samples;
    use crate::hosted::samples::Sample;

    #[tokio::test(flavor = "multi_thread")]
    async fn r43_a_follower_gets_leaves_and_checkpoints_while_one_of_the_brokers_is_away() {
        let sample = Sample::new().await;
        let body = sample.body("982016");
        let page = async |size| one(&body, AuditFollowRequest { from: 1, size }).await.ok().unwrap();
        body.audit().erased("chukei://node/node-a", "notices", 1, 1_795_219_200_000).await.unwrap();
        samples::vouch(&body).await;
        let all = page(0).await;
        assert_eq!(all.leaves.len(), 32);
        body.audit().erased("chukei://node/node-a", "notices", 1, 1_795_219_200_000).await.unwrap();
        samples::vouch_in_part(&body).await;
        let more = page(1).await;
        let stated = SignedCheckpoint::parse(&more.checkpoint.unwrap().checkpoint).unwrap();
        assert_eq!((more.leaves.len(), stated.unverified().head().size), (32, 2));
    }
}
