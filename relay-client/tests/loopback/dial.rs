//! Links that come back by themselves, and are handed out only when they are ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::{Dialer, Hook, HookFailed, Target, no_hook};
use chukei_relay_client::endpoint::{EndpointError, ServerEndpoint, ServerLimits, server_endpoint};
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::stage::{BROKER, NODE, dialling, identity, listen, soon};

/// A broker that lets everybody in and keeps them.
struct Broker {
    server: Arc<ServerEndpoint>,
    accepting: JoinHandle<()>,
}

impl Broker {
    fn start(authority: &Authority, uri: &str) -> Self {
        Self::serve(listen(&authority.issue(uri), authority.clock(), ServerLimits::default()))
    }

    /// The port is free once the last task of the broker before has let go of it.
    async fn start_again(authority: &Authority, uri: &str, address: SocketAddr) -> Self {
        let credentials = authority.issue(uri);
        loop {
            match server_endpoint(address, &credentials, authority.clock(), ServerLimits::default()) {
                Ok(server) => return Self::serve(server),
                Err(EndpointError::Bind(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn serve(server: ServerEndpoint) -> Self {
        let server = Arc::new(server);
        let accepting = tokio::spawn({
            let server = Arc::clone(&server);
            async move {
                let mut peers = Vec::new();
                while let Some(pending) = server.accept().await {
                    peers.extend(pending.establish().await);
                }
            }
        });
        Self { server, accepting }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_address().unwrap()
    }

    async fn stop(self) {
        self.server.shutdown(Duration::from_secs(5)).await;
        self.accepting.await.unwrap();
    }
}

fn target(name: &str, broker: &Broker) -> Target {
    let identity = identity(&format!("chukei://broker/{name}"));
    Target { name: name.to_owned(), address: broker.address().to_string(), identity }
}

fn dial(authority: &Authority, targets: Vec<Target>, hook: Hook) -> Dialer {
    Dialer::start(dialling(), authority.issue(NODE), authority.clock(), targets, hook)
}

async fn another_than(dialer: &Dialer, old: &PeerConnection) -> PeerConnection {
    loop {
        let peer = dialer.wait_any(soon()).await.expect("no connection before the deadline");
        if peer.id() != old.id() {
            return peer;
        }
        old.closed().await;
    }
}

#[tokio::test]
async fn a_link_comes_back_after_the_peer_restarts() {
    let authority = Authority::new();
    let broker = Broker::start(&authority, BROKER);
    let address = broker.address();
    let dialer = dial(&authority, vec![target("broker-a", &broker)], no_hook());
    let first = dialer.wait_any(soon()).await.unwrap();
    assert_eq!(first.identity(), &identity(BROKER));
    broker.stop().await;
    first.closed().await;
    let again = Broker::start_again(&authority, BROKER, address).await;
    let second = another_than(&dialer, &first).await;
    assert!(!second.is_closed());
    assert!(dialer.states()[0].connected);
    assert_eq!(dialer.states()[0].connects, 2);
    drop(dialer);
    again.stop().await;
}

#[tokio::test]
async fn a_connection_is_handed_out_only_after_its_hook() {
    let authority = Authority::new();
    let broker = Broker::start(&authority, BROKER);
    let runs = Arc::new(AtomicUsize::new(0));
    let hook: Hook = Arc::new({
        let runs = Arc::clone(&runs);
        move |name, _peer| {
            assert_eq!(name, "broker-a");
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move { if first { Err(HookFailed) } else { Ok(()) } })
        }
    });
    let dialer = dial(&authority, vec![target("broker-a", &broker)], hook);
    dialer.wait_any(soon()).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    let state = &dialer.states()[0];
    assert_eq!((state.connects, state.failures), (1, 1));
}

#[tokio::test]
async fn r20_another_identity_at_the_address_is_never_handed_out() {
    let authority = Authority::new();
    let broker = Broker::start(&authority, "chukei://broker/impostor");
    let dialer = dial(&authority, vec![target("broker-a", &broker)], no_hook());
    while dialer.states()[0].failures < 2 {
        tokio::task::yield_now().await;
    }
    assert!(dialer.current("broker-a").is_none());
    assert!(dialer.any().is_none());
}

#[tokio::test]
async fn live_links_take_turns_and_a_dead_one_is_passed_over() {
    let authority = Authority::new();
    let a = Broker::start(&authority, BROKER);
    let b = Broker::start(&authority, "chukei://broker/broker-b");
    let targets = vec![target("broker-a", &a), target("broker-b", &b)];
    let mut dialer = dial(&authority, targets, no_hook());
    while dialer.all().len() < 2 {
        tokio::task::yield_now().await;
    }
    let names: Vec<String> = (0..4).map(|_| dialer.any().unwrap().identity().name().to_owned()).collect();
    assert_eq!(names.iter().filter(|name| *name == "broker-a").count(), 2);
    assert_eq!(names[0], names[2]);

    let lost = dialer.current("broker-a").unwrap();
    a.stop().await;
    lost.closed().await;
    for _ in 0..4 {
        assert_eq!(dialer.any().unwrap().identity().name(), "broker-b");
    }
    let last = dialer.current("broker-b").unwrap();
    dialer.shutdown().await;
    last.closed().await;
    assert!(dialer.any().is_none());
    b.stop().await;
}
