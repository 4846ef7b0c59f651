//! Releases an authorised answer and records what became of it.
//!
//! What must hold: whatever was authorised has an outcome, also where the answer could not be sealed any more, or its
//! sender had no time left.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::channel::proves_receipt;
use chukei_domain::event::{Outcome as Ended, Target};
use chukei_relay_client::channel::{SealedBody, write_sealed};
use chukei_relay_client::session::AcceptedRequest;
use chukei_relay_client::stream::StreamError;
use chukei_store::journal::Appending;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::admission::NOT_READY;
use crate::app::Node;
use crate::audit::{AuditError, Ending, OpenPlace};
use crate::hosted::persons::PersonId;
use crate::inbound::hop::refuse;
use crate::inbound::job::Job;

/// How long the portal may take to prove that it opened an answer.
const RECEIPT_WAIT: Duration = Duration::from_secs(10);

/// An answer whose event is durable.
pub struct Authorised {
    /// Result for metrics.
    pub result: ResultName,
    /// What is sent; `None` where nothing can be sealed any more.
    pub sealed: Option<SealedBody>,
    /// Where information may leave: what its outcome is to be told of.
    pub unended: Option<Unended>,
}

/// An authorised request whose outcome is not known yet: aborted, where nothing else is said before it is dropped.
pub struct Unended {
    node: Arc<Node>,
    job: Arc<Job>,
    person: Option<PersonId>,
    /// Its event, until that is durable.
    decided: Option<Appending>,
    /// Its place among those that are open; absent of what was refused, or never became durable.
    place: Option<OpenPlace>,
    outcome: Ended,
}
impl Unended {
    /// Of this request, about this person, with its event on its way into the log, and its place if it is authorised by that.
    pub fn new(
        node: Arc<Node>,
        job: Arc<Job>,
        person: Option<PersonId>,
        decided: Appending,
        place: Option<OpenPlace>,
    ) -> Self {
        Self { node, job, person, decided: Some(decided), place, outcome: Ended::Aborted }
    }

    /// Returns once its event is durable. Where that fails nothing was authorised, and nothing has an end.
    pub async fn durable(&mut self) -> Result<(), AuditError> {
        let Some(decided) = &mut self.decided else { return Ok(()) };
        let durable = decided.await;
        self.decided = None;
        if durable.is_err() {
            self.place = None;
        }
        Ok(durable.map(drop)?)
    }
}

impl Drop for Unended {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        let grant = &self.job.grant;
        let ending = Ending {
            actor: grant.scope().actor().to_owned(),
            request: self.job.header.request_id,
            target: self.person.map(Target::Person),
            outcome: self.outcome,
        };
        grant.body().audit().end(place, ending, self.decided.take(), self.node.clock.now_ms());
    }
}

/// Sends the answer, then waits for the portal's proof that it opened it.
pub async fn release(authorised: Authorised, mut request: AcceptedRequest) -> ResultName {
    let Authorised { result, sealed, unended } = authorised;
    let Some(sealed) = sealed else {
        // Nothing can be sealed any more: the broker learns that, and nothing of what was found.
        refuse(&mut request, unsealed(result)).await;
        return result;
    };
    let receipt = sealed.receipt;
    let sent = send(&mut request, sealed).await;
    if let Some(mut unended) = unended
        && sent.is_ok()
    {
        unended.outcome = proof(&mut request, &receipt).await;
    }
    result
}

/// Sends a sealed answer.
pub async fn send(request: &mut AcceptedRequest, sealed: SealedBody) -> Result<(), StreamError> {
    request.put_status(Outcome::Answered).await.map_err(|_| StreamError::Ended)?;
    write_sealed(&mut request.send, sealed).await?;
    request.send.finish().await
}

/// The outer outcome of an answer that cannot be sealed.
pub fn unsealed(result: ResultName) -> Outcome {
    match result {
        ResultName::NotReady => NOT_READY,
        _ => Outcome::Refused(ResultName::IntegrityStop),
    }
}

async fn proof(request: &mut AcceptedRequest, receipt: &[u8; 16]) -> Ended {
    request.recv.set_deadline(Instant::now() + RECEIPT_WAIT);
    match request.recv.expect(FrameType::Message).await {
        Ok(tag) if proves_receipt(receipt, &tag) => Ended::Delivered,
        _ => Ended::Aborted,
    }
}
