//! `audit-follow`: the body's log as it lies, sealed, for a follower on another machine.
//!
//! What must hold: nothing here is opened (R2); leaves come from the tree that brokers have cosigned, and a checkpoint goes with
//! the last leaf that it covers alone. A page is bounded; whoever lacks more asks again.

use std::sync::Arc;

use chukei_crypto::tlog::{HashSource, Subtree, Tiles};
use chukei_wire::id::RequestId;
use chukei_wire::limits::{AUDIT_FOLLOW_BYTES, AUDIT_FOLLOW_LEAVES};
use chukei_wire::message::audit::{AuditFollowPage, AuditFollowRequest, FollowedEntry, FollowedHead};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::audit::{AuditLog, BadRecord};
use crate::bodies::call::{Call, CallError, Done};
use crate::checkpoints::{StoredTree, Vouched};

/// Bytes that an entry takes beside its sealed content.
const ENTRY: usize = 96;

/// One page per question, until the caller has said all.
pub async fn follow(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut sent = 0;
    while let Some(asked) = call.next::<AuditFollowRequest>().await? {
        let body = grant.scope().body().clone();
        let vouched = body.vouched().over(None);
        let tiles = vouched.as_ref().map(|vouched| StoredTree::at(&body, &vouched.tree));
        let log = body.audit().clone();
        let paged = tokio::task::spawn_blocking(move || page(&log, vouched.as_deref(), tiles, asked));
        let page = paged.await.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
        let page = page.map_err(|BadRecord| CallError::Refused(ResultName::IntegrityFailure))?;
        sent += page.entries.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(sent))
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
        page.checkpoint = (until == size || asked.size > size).then(|| head(vouched));
    }
    Ok(page)
}

fn head(vouched: &Vouched) -> FollowedHead {
    FollowedHead {
        checkpoint: ByteBuf::from(vouched.checkpoint.to_string().into_bytes()),
        key: vouched.key.public,
        certificate: vouched.key.signature,
    }
}
