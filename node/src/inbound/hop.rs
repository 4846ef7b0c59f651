//! What the node keeps of one connection to a broker, and how a request is turned away on it.

use std::sync::Arc;

use chukei_relay_client::permit::{PermitReceiver, VerifiedPermit};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;

/// One connection to a broker.
pub struct BrokerHop {
    permits: Arc<PermitReceiver>,
}

impl BrokerHop {
    /// Of the connection whose permits these are.
    pub fn new(permits: Arc<PermitReceiver>) -> Self {
        Self { permits }
    }

    /// Name of the broker.
    pub fn name(&self) -> &str {
        self.permits.broker()
    }

    /// Verifies the permit that came with a request, and uses it up (R22).
    pub fn verify(&self, request: &AcceptedRequest, now_ms: u64) -> Result<VerifiedPermit, ResultName> {
        let permit = request.hop.permit.clone();
        self.permits.verify(permit, &request.header, request.header_hash, now_ms)
    }
}

/// Ends a request with an outer status alone; the name is what metrics count it as.
pub async fn refuse(request: &mut AcceptedRequest, outcome: Outcome) -> ResultName {
    let name = match &outcome {
        Outcome::Refused(name) | Outcome::RetryAfter(name, _) => *name,
        Outcome::ChannelUnknown => ResultName::NotReady,
        Outcome::Answered => ResultName::Done,
    };
    if let Err(error) = request.end_with(outcome).await {
        tracing::debug!(request_id = %request.header.request_id, %error, "status not taken");
    }
    name
}
