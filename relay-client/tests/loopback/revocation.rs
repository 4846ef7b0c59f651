//! R20: who was revoked begins nothing more, at either end; and where nobody knows, nobody gets in.

use std::fs;
use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::{ConnectionError, PeerConnection};
use chukei_relay_client::endpoint::{ClientEndpoint, EndpointError, ServerEndpoint, ServerLimits};
use chukei_relay_client::tls::{
    CredentialError, CrlError, HopCredentials, TlsFile, TlsFiles, TlsNews, Unfit,
};

use crate::authority::Authority;
use crate::stage::{BROKER, NODE, admitted, dialling, identity, listen, news, soon};

/// A broker that listens and a node, both of whom follow the authority's list number 1: nobody is revoked.
struct Followed {
    authority: Authority,
    clock: Clock,
    broker: Arc<HopCredentials>,
    node: Arc<HopCredentials>,
    server: ServerEndpoint,
    client: ClientEndpoint,
}

impl Followed {
    fn set() -> Self {
        let authority = Authority::new();
        authority.revoke(1, &[], 2027);
        let (broker, node) = (authority.followed(BROKER), authority.followed(NODE));
        let clock = authority.clock();
        let server = listen(&broker, clock.clone(), ServerLimits::default());
        Self { clock, broker, node, server, client: dialling(), authority }
    }

    /// A connection as the broker and the node see it.
    async fn connect(
        &self,
        node: &HopCredentials,
    ) -> (Result<PeerConnection, EndpointError>, Result<PeerConnection, EndpointError>) {
        let (address, expected) = (self.server.local_address().unwrap(), identity(BROKER));
        tokio::join!(admitted(&self.server), self.client.connect(node, &self.clock, address, &expected))
    }

    async fn connected(&self) -> (PeerConnection, PeerConnection) {
        let (at_broker, at_node) = self.connect(&self.node).await;
        (at_broker.unwrap(), at_node.unwrap())
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

const NEW_LIST: &[TlsNews] = &[TlsNews::Replaced(TlsFile::Crl)];

#[tokio::test]
async fn a_revoked_client_begins_nothing_more_on_an_open_connection_and_another_goes_on() {
    let stage = Followed::set();
    let other = stage.authority.followed("chukei://node/node-b");
    let (at_broker, at_node) = stage.connected().await;
    let (other_at_broker, other_at_node) = stage.connect(&other).await;
    stage.authority.revoke(2, &[NODE], 2027);
    assert!(at_node.open(soon()).await.is_ok(), "not known yet");
    assert_eq!(stage.broker.look(stage.now_ms()), NEW_LIST);
    assert_eq!(at_broker.fitness(stage.now_ms()), Err(Unfit::Revoked));
    assert!(at_broker.is_closed());
    let end = at_node.closed().await;
    assert!(end == ConnectionError::ClosedByPeer(1) && end.refuses_certificate(), "{end:?}");
    assert!(!other_at_broker.unwrap().is_closed());
    assert!(other_at_node.unwrap().open(soon()).await.is_ok());

    let (at_broker, at_node) = stage.connect(&stage.node).await;
    assert!(at_broker.is_err());
    if let Ok(at_node) = at_node {
        assert_eq!(at_node.closed().await, ConnectionError::CertificateRefused);
    }
}

#[tokio::test]
async fn a_revoked_server_is_asked_nothing_more_and_not_dialled_again() {
    let stage = Followed::set();
    let (at_broker, at_node) = stage.connected().await;
    stage.authority.revoke(2, &[BROKER], 2027);
    assert_eq!(stage.node.look(stage.now_ms()), NEW_LIST);
    assert_eq!(at_node.open(soon()).await.unwrap_err(), ConnectionError::Unfit(Unfit::Revoked));
    assert_eq!(at_broker.closed().await, ConnectionError::ClosedByPeer(1));
    let (_, dialled) = stage.connect(&stage.node).await;
    assert!(matches!(dialled, Err(EndpointError::Connection(ConnectionError::Transport(_)))), "{dialled:?}");
}

#[tokio::test]
async fn the_next_stream_is_refused_even_where_nobody_has_reviewed_the_connection() {
    let stage = Followed::set();
    let (at_broker, at_node) = stage.connected().await;
    fs::write(stage.authority.path("clock-2026-06-01T000000Z"), "2027-01-01T00:00:00+00:00").unwrap();
    while at_broker.fitness(stage.now_ms()).is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!at_broker.is_closed());
    // It is the list that is over: the certificate is valid to the end of that very second.
    assert_eq!(at_broker.fitness(1_798_761_600_000), Err(Unfit::ListOver));
    assert!(at_node.open(soon()).await.is_err());
    assert_eq!(at_broker.closed().await, ConnectionError::ClosedByPeer(1));
}

#[tokio::test]
async fn following_closes_without_being_asked() {
    let stage = Followed::set();
    let (at_broker, at_node) = stage.connected().await;
    tokio::spawn(stage.broker.follow(stage.clock.clone(), |_| ()));
    stage.authority.revoke(2, &[NODE], 2027);
    assert_eq!(at_node.closed().await, ConnectionError::ClosedByPeer(1));
    assert!(at_broker.is_closed());
}

#[tokio::test]
async fn once_a_list_is_configured_none_or_one_that_is_over_lets_nobody_in() {
    let authority = Authority::new();
    let open = |name: &str| {
        let (certificate, key) = authority.write(&[name]);
        let crl = Some(authority.path("ca.crl"));
        HopCredentials::open(TlsFiles { certificate, key, authority: authority.path("ca.pem"), crl })
    };
    assert_eq!(open(BROKER).unwrap_err(), CredentialError::Crl(CrlError::Unreadable));
    authority.revoke(1, &[], 2026);
    let broker = open(BROKER).unwrap();
    assert_eq!(broker.fitness(authority.clock().now_ms()), Err(Unfit::ListOver));
    let server = listen(&broker, authority.clock(), ServerLimits::default());
    let (client, clock, expected) = (dialling(), authority.clock(), identity(BROKER));
    let node = authority.issue(NODE);
    let dial = || client.connect(&node, &clock, server.local_address().unwrap(), &expected);
    let (let_in, _) = tokio::join!(admitted(&server), dial());
    assert!(let_in.is_err());

    authority.revoke(2, &[], 2027);
    assert_eq!(broker.look(clock.now_ms()), NEW_LIST);
    let (let_in, dialled) = tokio::join!(admitted(&server), dial());
    assert!(let_in.is_ok() && dialled.is_ok(), "a newer list opens the door again");
}

#[tokio::test]
async fn an_older_list_leaves_the_one_in_force() {
    let stage = Followed::set();
    let now_ms = stage.now_ms();
    let fault = |error| vec![TlsNews::Fault(TlsFile::Crl, CredentialError::Crl(error))];
    stage.authority.revoke(5, &[NODE], 2027);
    assert_eq!(stage.broker.look(now_ms), NEW_LIST);
    stage.authority.revoke(4, &[], 2027);
    assert_eq!(news(&stage.broker, now_ms).await, fault(CrlError::Older));
    let (at_broker, _) = stage.connect(&stage.node).await;
    assert!(at_broker.is_err(), "revoked it stays");
    // A number names one list.
    stage.authority.revoke(5, &[], 2027);
    while !stage.broker.look(now_ms).is_empty() {}
    assert_eq!(stage.broker.faults(), [(TlsFile::Crl, CredentialError::Crl(CrlError::Older))]);
    stage.authority.revoke(6, &[], 2027);
    assert_eq!(stage.broker.look(now_ms), NEW_LIST);
    assert!(stage.broker.faults().is_empty());
}

#[tokio::test]
async fn a_list_of_another_s_or_none_is_told_and_mended() {
    let stage = Followed::set();
    let (now_ms, path) = (stage.now_ms(), stage.authority.path("ca.crl"));
    let good = fs::read(&path).unwrap();
    let stranger = Authority::new();
    stranger.revoke(9, &[], 2027);
    fs::copy(stranger.path("ca.crl"), &path).unwrap();
    let [TlsNews::Fault(TlsFile::Crl, fault)] = news(&stage.broker, now_ms).await[..] else { panic!() };
    assert!(matches!(fault, CredentialError::Crl(CrlError::Foreign | CrlError::BadSignature)), "{fault}");
    assert_eq!(stage.broker.faults(), [(TlsFile::Crl, fault)]);
    fs::remove_file(&path).unwrap();
    let missing = TlsNews::Fault(TlsFile::Crl, CredentialError::Crl(CrlError::Unreadable));
    assert_eq!(news(&stage.broker, now_ms).await, [missing]);
    assert!(stage.connected().await.0.fitness(now_ms).is_ok(), "the one before is believed to its end");
    fs::write(&path, good).unwrap();
    assert_eq!(news(&stage.broker, now_ms).await, [TlsNews::Mended(TlsFile::Crl)]);
    assert_eq!(stage.broker.faults(), []);
}
