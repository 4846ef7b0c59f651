//! Streams that a broker opens on the connection this node keeps to it.

use std::sync::Arc;

use chukei_crypto::permit::PermitKey;
use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::permit::{self, VerifiedPermit};
use chukei_relay_client::session::{AcceptedRequest, accept_request};
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::app::Node;
use crate::inbound::{self_info, setup};

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

    /// Verifies the permit that came with a request (R22).
    pub fn verify(&self, request: &AcceptedRequest, now_ms: u64) -> Result<VerifiedPermit, ResultName> {
        let permit = request.hop.permit.clone().ok_or(ResultName::PermitScope)?;
        permit::verify(&self.permit_key, permit, &request.header, request.header_hash, &self.name, now_ms)
    }
}

/// Serves the broker's streams until the connection ends.
pub async fn serve(node: Arc<Node>, connection: PeerConnection) {
    let Some(hop) = BrokerHop::new(&connection).map(Arc::new) else {
        connection.close(CloseCode::Misbehaved);
        return;
    };
    let gauge = node.metrics.connections.with_label_values(&["broker"]);
    gauge.inc();
    while let Ok((send, recv)) = connection.accept().await {
        if !connection.still_valid(node.clock.now_ms()) {
            connection.close(CloseCode::CertificateOver);
            break;
        }
        let (node, hop) = (node.clone(), hop.clone());
        tokio::spawn(async move {
            match accept_request(send, recv).await {
                Ok(request) => route(node, hop, request).await,
                Err(error) => tracing::warn!(%error, broker = %hop.name, "malformed request from a broker"),
            }
        });
    }
    gauge.dec();
}

async fn route(node: Arc<Node>, hop: Arc<BrokerHop>, mut request: AcceptedRequest) {
    let started = std::time::Instant::now();
    let _in_work = node.begin();
    let (id, kind) = (request.header.request_id, request.header.kind);
    let result = match kind {
        _ if node.is_draining() => {
            refuse(&mut request, Outcome::RetryAfter(ResultName::NotReady, 1_000)).await
        }
        Kind::SelfInfo => self_info::serve(&node, &hop, request).await,
        Kind::ChannelSetup => setup::serve(&node, &hop, request).await,
        _ => refuse(&mut request, Outcome::Refused(ResultName::NotPermitted)).await,
    };
    node.ended(id, kind, result, started.elapsed());
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
