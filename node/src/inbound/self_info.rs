//! A person's own information (自己情報提供): from the verified permit to the released answer.
//!
//! What must hold: one immutable job per request (R30); nothing leaves before `authorised` is durable; a request
//! is answered once; every provision and every refusal leaves its events.

use std::sync::Arc;

use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::result::ResultName;

use crate::admission::Way;
use crate::app::Node;
use crate::audit::{AuditError, Verdict};
use crate::inbound::answer::prepare;
use crate::inbound::hop::{BrokerHop, refuse};
use crate::inbound::job::Job;
use crate::inbound::release::{Authorised, Unended, release};
use crate::inbound::taken::{decline, in_turn, take_on, told};

/// Serves one request.
pub async fn serve(node: &Arc<Node>, hop: &BrokerHop, mut request: AcceptedRequest) -> ResultName {
    let job = match take_on(node, hop, &mut request).await {
        Ok(job) => job,
        Err(not_taken) => return decline(node, not_taken, &mut request).await,
    };
    let (of, held) = (node.clone(), job.clone());
    let work = async move { authorise(&of, &held).await };
    match in_turn(node, &job, work).await {
        Ok(authorised) => {
            let length = authorised.sealed.as_ref().map_or(0, |sealed| sealed.frames.len());
            node.body_limits.of(job.header.body).charge(Way::Out, length);
            release(authorised, request).await
        }
        Err(outcome) => refuse(&mut request, outcome).await,
    }
}

/// Prepares the answer and makes its event durable; only then may it be released. The answer names the leaf that the event
/// becomes, and is sealed while the disk writes.
async fn authorise(node: &Arc<Node>, job: &Arc<Job>) -> Result<Authorised, AuditError> {
    let now_ms = node.clock.now_ms();
    let log = job.grant.body().audit();
    // Of every request: who is refused is not told from who is not (R50).
    let place = log.open_request()?;
    let prepared = prepare(node, job, now_ms).await;
    let (verdict, person, mut result) = (prepared.verdict, prepared.person, prepared.result);
    let slack = node.metrics.slack();
    let (leaf, decided) = log.decided(slack, told(node, job), verdict, person, result, now_ms);
    let place = Some(place).filter(|_| verdict == Verdict::Authorised && leaf.is_some());
    let mut unended = Unended::new(node.clone(), job.clone(), person, decided, place);
    let sealed = prepared.reply.sealed(job, leaf);
    unended.durable().await?;
    if sealed.is_none() && verdict == Verdict::Authorised {
        // The channel went meanwhile.
        result = ResultName::NotReady;
    }
    Ok(Authorised { result, sealed, unended: (verdict == Verdict::Authorised).then_some(unended) })
}
