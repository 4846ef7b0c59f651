//! Accepts nodes, portals and other brokers, and hands each of their streams to a task of its own.
//!
//! What must hold: anybody else is dropped at once; a portal and a broker must stand in the signed peer list (a
//! node's bodies do, by their delegations); routes go with the connection they came over.

use std::sync::Arc;

use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::endpoint::ServerEndpoint;
use chukei_wire::identity::Identity;
use prometheus::IntGauge;

use crate::broker::Broker;
use crate::broker::peer::Peer;
use crate::broker::requests;

/// Accepts until the endpoint closes.
pub(super) async fn serve(broker: Arc<Broker>, endpoint: Arc<ServerEndpoint>) {
    while let Some(pending) = endpoint.accept().await {
        let broker = broker.clone();
        tokio::spawn(async move {
            match pending.establish().await {
                Ok(connection) => serve_peer(broker, connection).await,
                Err(error) => tracing::info!(%error, "a peer was not accepted"),
            }
        });
    }
}

async fn serve_peer(broker: Arc<Broker>, connection: PeerConnection) {
    let identity = connection.identity().clone();
    let Some(role) = role(&broker, &identity) else {
        tracing::warn!(peer = %identity, "a peer without business here");
        connection.close(CloseCode::NotPermitted);
        return;
    };
    let peer = match Peer::new(connection, &broker.name) {
        Ok(peer) => Arc::new(peer),
        Err(error) => {
            tracing::info!(peer = %identity, %error, "connection lost");
            return;
        }
    };
    let _counted = Counted::new(broker.metrics.connections.with_label_values(&[role]));
    tracing::info!(peer = %identity, "connected");
    if let Identity::Portal(name) = &identity {
        broker.routes.portal_came(name, &peer);
    }
    let end = loop {
        match peer.connection.accept().await {
            Ok((send, recv)) => {
                tokio::spawn(requests::serve(broker.clone(), peer.clone(), send, recv));
            }
            Err(end) => break end,
        }
    };
    broker.routes.forget(&peer);
    broker.roots.end(&peer.permits);
    tracing::info!(peer = %identity, %end, "connection ended");
}

/// Who may connect, as metrics name it.
fn role(broker: &Broker, identity: &Identity) -> Option<&'static str> {
    match identity {
        Identity::Node(_) => Some("node"),
        Identity::Portal(name) => broker.peers.load().portal(name).map(|_| "portal"),
        Identity::Broker(name) if *name != broker.name => broker.peers.load().broker(name).map(|_| "broker"),
        _ => None,
    }
}

/// One connection in the gauge, for as long as it lives.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
