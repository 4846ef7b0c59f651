//! What a body's log says of one person (情報提供等の記録), for that person: from the verified permit to a page of places, each
//! closed or opened with its proof.
//!
//! What must hold: the reply is bound to the person (R22, R30), and its size tells how many places there are and nothing
//! of what is closed (R50); nothing leaves before the event of the call is durable, which has no place among the person's
//! records. Deliberately absent: a receipt of this reply; who asks again is answered again, under a new id.

mod page;
mod pairs;

use std::sync::Arc;

use chukei_relay_client::channel::SealedBody;
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::limits::{LOG_PROOF_MAX, RECORDS_CHECKPOINT_MAX, RECORDS_PLACE};
use chukei_wire::message::records::{RecordsReply, RecordsRequest};
use chukei_wire::result::ResultName;

use crate::admission::Way;
use crate::app::Node;
use crate::audit::AuditError;
use crate::inbound::hop::{BrokerHop, refuse};
use crate::inbound::job::Job;
use crate::inbound::release::{send, unsealed};
use crate::inbound::subject::{Refused, Subject, opened, proven, seal};
use crate::inbound::taken::{decline, in_turn, take_on, told};

/// Bytes of a hash in a proof.
const HASH: usize = 32;

/// Serves one request.
pub async fn serve(node: &Arc<Node>, hop: &BrokerHop, mut request: AcceptedRequest) -> ResultName {
    let job = match take_on(node, hop, &mut request).await {
        Ok(job) => job,
        Err(not_taken) => return decline(node, not_taken, &mut request).await,
    };
    let (of, held) = (node.clone(), job.clone());
    let work = async move { authorise(&of, &held).await };
    let (result, sealed) = match in_turn(node, &job, work).await {
        Ok(authorised) => authorised,
        Err(outcome) => return refuse(&mut request, outcome).await,
    };
    let Some(sealed) = sealed else {
        refuse(&mut request, unsealed(result)).await;
        return result;
    };
    node.body_limits.of(job.header.body).charge(Way::Out, sealed.frames.len());
    if let Err(error) = send(&mut request, sealed).await {
        tracing::debug!(request_id = %request.header.request_id, %error, "records not taken");
    }
    result
}

/// Prepares the reply, and makes the event of the call durable.
async fn authorise(node: &Node, job: &Job) -> Result<(ResultName, Option<SealedBody>), AuditError> {
    let now_ms = node.clock.now_ms();
    let (result, person, sealed) = match answer(job).await {
        Ok((subject, reply)) => {
            // As if every place was open, whatever is, and the checkpoint continued another by a long proof.
            let as_if = RECORDS_CHECKPOINT_MAX + LOG_PROOF_MAX * HASH + reply.places.len() * RECORDS_PLACE;
            let sealed = seal(job, Some(&subject.binding), &reply, as_if).ok();
            let result = sealed.as_ref().map_or(ResultName::NotReady, |_| reply.result);
            (result, Some(subject.person.person.id), sealed)
        }
        Err(refused) => {
            let sealed = refused.sealed(node, job, &refusal(refused.result), now_ms);
            (refused.result, refused.person, sealed)
        }
    };
    job.grant.body().audit().records_asked(told(node, job), person, result, now_ms).await?;
    Ok((result, sealed))
}

/// A refusal says its name and nothing else.
fn refusal(result: ResultName) -> RecordsReply {
    RecordsReply { result, log: None, count: 0, places: Vec::new() }
}

async fn answer(job: &Job) -> Result<(Subject, RecordsReply), Refused> {
    let request: RecordsRequest = opened(job)?;
    let (subject, _) = proven(job, &request.binding_tags, &[]).await?;
    let person = &subject.person;
    if request.from == 0 {
        return Err(Refused::because(ResultName::BadFormat, Some(person)));
    }
    let reply = page::page(job.grant.body(), person, &request).await;
    let reply = reply.map_err(|error| error.refused(person))?;
    Ok((subject, reply))
}

#[cfg(test)]
mod tests;
