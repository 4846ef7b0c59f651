//! Two peers on one connection, and the pieces tests take to make others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{
    ClientEndpoint, EndpointError, ServerEndpoint, ServerLimits, client_endpoint, server_endpoint,
};
use chukei_relay_client::stream::{RecvHalf, SendHalf};
use chukei_relay_client::tls::{HopCredentials, TlsNews};
use chukei_wire::identity::Identity;
use tokio::time::Instant;

use crate::authority::Authority;

pub(crate) const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
pub(crate) const BROKER: &str = "chukei://broker/broker-a";
pub(crate) const NODE: &str = "chukei://node/node-a";

pub(crate) fn identity(uri: &str) -> Identity {
    uri.parse().unwrap()
}

/// Far enough away that only a fault reaches it.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

pub(crate) fn listen(credentials: &HopCredentials, clock: Clock, limits: ServerLimits) -> ServerEndpoint {
    server_endpoint(LOOPBACK, credentials, clock, limits).unwrap()
}

pub(crate) fn dialling() -> ClientEndpoint {
    client_endpoint(LOOPBACK).unwrap()
}

/// A broker that listens and a node that is connected to it.
pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) server: Arc<ServerEndpoint>,
    pub(crate) client: ClientEndpoint,
    pub(crate) clock: Clock,
    pub(crate) node: Arc<HopCredentials>,
    /// The node's end of the connection.
    pub(crate) at_node: PeerConnection,
    /// The broker's end.
    pub(crate) at_broker: PeerConnection,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(ServerLimits::default()).await
    }

    pub(crate) async fn with(limits: ServerLimits) -> Self {
        let authority = Authority::new();
        let clock = authority.clock();
        let (broker, node) = (authority.issue(BROKER), authority.issue(NODE));
        let server = Arc::new(listen(&broker, clock.clone(), limits));
        let client = dialling();
        let address = server.local_address().unwrap();
        let expected = identity(BROKER);
        let (at_broker, at_node) =
            tokio::join!(admitted(&server), client.connect(&node, &clock, address, &expected));
        let (at_broker, at_node) = (at_broker.unwrap(), at_node.unwrap());
        Self { authority, server, client, clock, node, at_node, at_broker }
    }

    /// A stream the node has opened: its halves at the node, then at the broker. The first frame is on it,
    /// since a peer learns of a stream by its first bytes.
    pub(crate) async fn stream(&self) -> ((SendHalf, RecvHalf), (SendHalf, RecvHalf)) {
        use chukei_wire::frame::FrameType;
        let (mut send, recv) = self.at_node.open(soon()).await.unwrap();
        send.write_frame(FrameType::Message, b"first").await.unwrap();
        let (answer, mut heard) = self.at_broker.accept().await.unwrap();
        assert_eq!(heard.expect(FrameType::Message).await.unwrap().as_ref(), b"first");
        ((send, recv), (answer, heard))
    }
}

/// Lets the next peer in.
pub(crate) async fn admitted(server: &ServerEndpoint) -> Result<PeerConnection, EndpointError> {
    server.accept().await.unwrap().establish().await
}

/// Looks until there is news: a fault counts only when it is still there a moment later.
pub(crate) async fn news(credentials: &HopCredentials, now_ms: u64) -> Vec<TlsNews> {
    loop {
        match credentials.look(now_ms) {
            none if none.is_empty() => tokio::task::yield_now().await,
            news => return news,
        }
    }
}
