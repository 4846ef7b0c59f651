//! `audit-stamps`: time stamps of an authority on the body's checkpoints, with what shows that the log goes on from each.

use std::sync::Arc;

use chukei_wire::limits::AUDIT_STAMPS_BYTES;
use chukei_wire::message::audit::{AuditStampsPage, AuditStampsRequest, FollowedHead, TimeStamped};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::checkpoints::{ProofError, Vouched};
use crate::hosted::HostedBody;
use crate::time_stamps::{self, Kept};

/// One page per question, until the caller has said all.
pub async fn page(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let body = grant.scope().body().clone();
    let mut sent = 0;
    while let Some(asked) = call.next::<AuditStampsRequest>().await? {
        let page = one(&body, asked).await?;
        sent += page.stamps.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(sent))
}

async fn one(body: &HostedBody, asked: AuditStampsRequest) -> Result<AuditStampsPage, CallError> {
    let (kept, more) = time_stamps::page(body, asked.after, AUDIT_STAMPS_BYTES).await?;
    let mut page = AuditStampsPage { stamps: Vec::new(), next: None, head: None };
    if !kept.is_empty() {
        // After a start, until a broker has cosigned again.
        let vouched = body.vouched().newest().ok_or(CallError::NotNow(ResultName::NotReady))?;
        page.next = kept.last().filter(|_| more).map(|last| last.day);
        page.head = Some(vouched.followed());
        page.stamps = shown(body, &vouched, kept).await?;
    }
    Ok(page)
}

async fn shown(body: &HostedBody, vouched: &Vouched, kept: Vec<Kept>) -> Result<Vec<TimeStamped>, CallError> {
    let mut tree = vouched.tree.clone();
    let mut shown = Vec::with_capacity(kept.len());
    for Kept { day, note, key, certificate, token } in kept {
        let size = chukei_crypto::tlog::SignedCheckpoint::parse(note.as_bytes())
            .map_err(|_| CallError::Refused(ResultName::IntegrityFailure))?
            .unverified()
            .head()
            .size;
        let proof = match tree.consistency(body, size).await {
            Ok(proof) => Some(ByteBuf::from(proof.to_bytes())),
            // A log that was set back, or a tree that is damaged: whoever asks finds that out by what is missing.
            Err(ProofError::OutOfRange | ProofError::Tile) => None,
            Err(ProofError::Rows(error)) => return Err(error.into()),
        };
        let head = FollowedHead { checkpoint: ByteBuf::from(note.into_bytes()), key, certificate };
        shown.push(TimeStamped { day, head, token, proof });
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoints::samples;
    use crate::hosted::samples::Sample;
    use crate::time_stamps::samples::kept;

    /// What is stamped is the newest checkpoint that any broker has cosigned.
    #[tokio::test]
    async fn r43_a_stamp_is_shown_with_its_proof_while_one_of_the_brokers_is_away() {
        let sample = Sample::new().await;
        let body = sample.body("982016");
        let erased = || body.audit().erased("chukei://node/node-a", "notices", 1, 1_795_219_200_000);
        erased().await.unwrap();
        samples::vouch(&body).await;
        erased().await.unwrap();
        samples::vouch_in_part(&body).await;
        kept(&body, &body.vouched().newest().unwrap(), 100).await;
        let page = one(&body, AuditStampsRequest { after: None }).await.ok().unwrap();
        assert_eq!(page.stamps.len(), 1);
        assert!(page.stamps[0].proof.is_some());
        assert_eq!(page.head.unwrap().checkpoint, page.stamps[0].head.checkpoint);
    }
}
