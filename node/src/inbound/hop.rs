//! What the node keeps of one connection to a broker, and how a request is turned away on it.

use chukei_crypto::permit::PermitKey;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::permit::{self, VerifiedPermit};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;

/// One connection to a broker.
pub struct BrokerHop {
    name: String,
    permit_key: PermitKey,
}

impl BrokerHop {
    /// Takes the permit key from the connection's TLS session.
    pub fn new(connection: &PeerConnection) -> Option<Self> {
        let secret = connection.export_key(permit::EXPORT_LABEL, b"").ok()?;
        Some(Self {
            name: connection.identity().name().to_owned(),
            permit_key: PermitKey::from_bytes(*secret),
        })
    }

    /// Name of the broker.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Verifies the permit that came with a request (R22).
    pub fn verify(&self, request: &AcceptedRequest, now_ms: u64) -> Result<VerifiedPermit, ResultName> {
        let permit = request.hop.permit.clone().ok_or(ResultName::PermitScope)?;
        permit::verify(&self.permit_key, permit, &request.header, request.header_hash, &self.name, now_ms)
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
