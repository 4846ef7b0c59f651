//! Streams that a broker opens on the connection this node keeps to it.

use std::sync::Arc;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::session::{AcceptedRequest, accept_request};
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::admission::NOT_READY;
use crate::app::Node;
use crate::inbound::hop::{BrokerHop, refuse};
use crate::inbound::{records, self_info, setup};

/// Serves the broker's streams until the connection ends.
pub async fn serve(node: Arc<Node>, connection: PeerConnection, hop: BrokerHop) {
    let hop = Arc::new(hop);
    let gauge = node.metrics.connections.with_label_values(&["broker"]);
    gauge.inc();
    while let Ok((send, recv)) = connection.accept().await {
        let (node, hop) = (node.clone(), hop.clone());
        tokio::spawn(async move {
            match accept_request(send, recv).await {
                Ok(request) => route(node, hop, request).await,
                Err(error) => tracing::warn!(%error, broker = hop.name(), "malformed request from a broker"),
            }
        });
    }
    gauge.dec();
}

async fn route(node: Arc<Node>, hop: Arc<BrokerHop>, mut request: AcceptedRequest) {
    let started = std::time::Instant::now();
    let _in_work = node.begin();
    let (id, kind) = (request.header.request_id, request.header.kind);
    // Before anything is verified: what a body may not have costs nobody anything (R40).
    let entered = node.body_limits.of(request.header.body).enter();
    let result = match (entered, node.log_disk.admits(kind), kind) {
        _ if node.is_draining() => refuse(&mut request, NOT_READY).await,
        (Err(shed), _, _) => {
            node.metrics.count_shed(shed.reason);
            refuse(&mut request, shed.outcome()).await
        }
        (Ok(()), Err(degraded), _) => refuse(&mut request, degraded.outcome()).await,
        (Ok(()), Ok(()), Kind::SelfInfo) => self_info::serve(&node, &hop, request).await,
        (Ok(()), Ok(()), Kind::PersonRecords) => records::serve(&node, &hop, request).await,
        (Ok(()), Ok(()), Kind::ChannelSetup) => setup::serve(&node, &hop, request).await,
        _ => refuse(&mut request, Outcome::Refused(ResultName::NotPermitted)).await,
    };
    node.ended(id, kind, result, started.elapsed());
}
