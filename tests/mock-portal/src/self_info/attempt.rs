//! One try: channel, request, reply, receipt.

use chukei_relay_client::channel::{Channel, OpenedBody, read_sealed, write_sealed};
use chukei_relay_client::session::{OpenRequest, open_request};
use chukei_wire::codec;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::limits::SEALED_BODY_MAX;
use chukei_wire::message::binding;
use chukei_wire::message::self_info::SelfInfoRequest;
use chukei_wire::result::ResultName;
use zeroize::Zeroizing;

use super::{Asked, answer};
use crate::asking::{Broken, Tried, Try, not_answered, on_channel};
use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::SelfInfo;
use crate::storage::disclosures::Disclosed;

/// Tries once. The id is that of the request, where one was sent.
pub(super) async fn attempt(core: &Core, asked: &Asked, of: &Try) -> (Option<RequestId>, Tried<SelfInfo>) {
    let whom = (Kind::SelfInfo, asked.body, &asked.login);
    on_channel(core, of, whom, |channel, header| async move {
        let header = Header { datasets: asked.datasets.clone(), ..header };
        exchange(core, of, asked, &channel, &header).await
    })
    .await
}

async fn exchange(
    core: &Core,
    of: &Try,
    asked: &Asked,
    channel: &Channel,
    header: &Header,
) -> Result<Tried<SelfInfo>, Broken> {
    let hop = Hop { sender_code: Some(asked.person.code), permit: None, leave: None };
    let mut open = open_request(&of.broker, header, &hop).await?;
    let hash = open.header_hash;
    let content = codec::encode(&SelfInfoRequest { binding_tags: binding::prove(&asked.bindings, hash) })?;
    write_sealed(&mut open.send, channel.seal_body(hash, None, &content, 0)?).await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Ok(not_answered(core, channel, other)),
    }
    let raw = read_sealed(&mut open.recv, SEALED_BODY_MAX).await?;
    let opened = channel.open_body(hash, Some(&asked.bindings), &raw)?;
    Ok(Tried::Ended(take(core, asked, channel, header.request_id, &opened, open)))
}

/// Checks an opened answer, keeps it in the folder and proves that it was opened.
fn take(
    core: &Core,
    asked: &Asked,
    channel: &Channel,
    id: RequestId,
    opened: &OpenedBody,
    open: OpenRequest,
) -> Result<SelfInfo, Failure> {
    let checked = answer::check(opened, &asked.datasets, asked.body, id).map_err(|name| {
        // Whatever it is, it is not an answer to this request about this person (R30, R35).
        let kind = if name == ResultName::SubjectMismatch { "subject_mismatch" } else { "answer" };
        core.metrics.alarm(kind, &id);
        channel.stop();
        Failure::refused(name)
    })?;
    let kept = Zeroizing::new(opened.content().to_vec());
    core.folders.keep(asked.login, kept, core.clock.now_ms())?;
    let noted = checked.leaf.map(|leaf| {
        let disclosed = Disclosed { person: asked.person.person, body: asked.body, request: id, leaf };
        let (noted, full) = core.vault.note_disclosure(disclosed, core.clock.now_ms());
        if full {
            core.metrics.alarm("disclosures_full", &id);
        }
        noted
    });
    tokio::spawn(async move {
        // Dropped unproven, the request ends at the body as one of which nobody knows whether it arrived.
        if is_kept(noted).await {
            prove(open, &checked.receipt).await;
        }
    });
    answer::outcome(checked.shown)
}

/// Whether it is durable here where the body's log has the record, or there is none: the body learns that an answer arrived
/// only where the portal would notice that its record does not.
async fn is_kept<T, E: std::fmt::Display>(noted: Option<impl Future<Output = Result<T, E>>>) -> bool {
    let Some(noted) = noted else { return true };
    let kept = noted.await;
    if let Err(error) = &kept {
        tracing::error!(%error, "the place of a disclosure is not kept: the answer is not acknowledged");
    }
    kept.is_ok()
}

/// Sends the receipt tag and waits for the end of the reply, so that the broker sees an orderly one.
async fn prove(mut open: OpenRequest, receipt: &[u8; 16]) {
    let sent = async {
        open.send.write_frame(FrameType::Message, receipt).await?;
        open.send.finish().await?;
        open.recv.expect_end().await
    };
    if let Err(error) = sent.await {
        // The person has the answer; the body records the delivery as unknown.
        tracing::warn!(%error, "a receipt was not taken");
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[tokio::test]
    async fn r43_what_is_not_durable_here_is_not_proven() {
        assert!(!is_kept(Some(ready(Err::<u64, _>("the disk failed")))).await);
        assert!(is_kept(Some(ready(Ok::<u64, &str>(1)))).await);
        assert!(
            is_kept(None::<std::future::Ready<Result<u64, &str>>>).await,
            "a refusal has no record of its own"
        );
    }
}
