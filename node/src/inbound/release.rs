//! Releases an authorised answer and records what became of it.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::channel::proves_receipt;
use chukei_domain::event::{Outcome as Ending, Target};
use chukei_relay_client::channel::write_sealed;
use chukei_relay_client::session::AcceptedRequest;
use chukei_relay_client::stream::StreamError;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::admission::NOT_READY;
use crate::app::Node;
use crate::audit::Verdict;
use crate::inbound::answer::Prepared;
use crate::inbound::hop::refuse;
use crate::inbound::job::Job;

/// How long the portal may take to prove that it opened an answer.
const RECEIPT_WAIT: Duration = Duration::from_secs(10);

/// Sends the answer, then waits for the portal's proof that it opened it.
pub async fn release(
    node: &Arc<Node>,
    job: &Job,
    prepared: Prepared,
    mut request: AcceptedRequest,
) -> ResultName {
    let Some(sealed) = prepared.sealed else {
        // Nothing can be sealed any more: the broker learns that, and nothing of what was found.
        refuse(&mut request, unsealed(prepared.result)).await;
        return prepared.result;
    };
    let receipt = sealed.receipt;
    let sent = async {
        request.put_status(Outcome::Answered).await.map_err(|_| StreamError::Ended)?;
        write_sealed(&mut request.send, sealed).await?;
        request.send.finish().await
    };
    let sent: Result<(), StreamError> = sent.await;
    if prepared.verdict == Verdict::Authorised {
        let ending = match sent {
            Ok(()) => proof(&mut request, &receipt).await,
            Err(_) => Ending::Aborted,
        };
        let (log, actor) = (job.grant.body().audit(), job.grant.scope().actor());
        let person = prepared.person.map(Target::Person);
        log.outcome(actor, job.header.request_id, person, ending, node.clock.now_ms());
    }
    prepared.result
}

/// The outer outcome of an answer that cannot be sealed.
fn unsealed(result: ResultName) -> Outcome {
    match result {
        ResultName::NotReady => NOT_READY,
        _ => Outcome::Refused(ResultName::IntegrityStop),
    }
}

async fn proof(request: &mut AcceptedRequest, receipt: &[u8; 16]) -> Ending {
    request.recv.set_deadline(Instant::now() + RECEIPT_WAIT);
    match request.recv.expect(FrameType::Message).await {
        Ok(tag) if proves_receipt(receipt, &tag) => Ending::Delivered,
        _ => Ending::Aborted,
    }
}
