//! Credentials that change while they are used: connections go on, new handshakes show what lies there now (R20).

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::dial::{Dialer, Target, no_hook};
use chukei_relay_client::endpoint::ServerLimits;
use chukei_relay_client::tls::{BadCertificate, CredentialError, TlsFile, TlsNews};
use chukei_wire::frame::FrameType;

use crate::authority::Authority;
use crate::stage::{BROKER, NODE, Stage, admitted, dialling, identity, listen, news, soon};

const NEW_CERTIFICATE: &[TlsNews] = &[TlsNews::Replaced(TlsFile::Certificate)];

#[tokio::test]
async fn a_server_shows_the_new_certificate_to_new_peers_and_old_connections_go_on() {
    let authority = Authority::new();
    let (broker, node, clock) = (authority.issue(BROKER), authority.issue(NODE), authority.clock());
    let server = listen(&broker, clock.clone(), ServerLimits::default());
    let (client, address, expected) = (dialling(), server.local_address().unwrap(), identity(BROKER));
    let dial = || client.connect(&node, &clock, address, &expected);
    let (at_broker, before) = tokio::join!(admitted(&server), dial());
    let (at_broker, before) = (at_broker.unwrap(), before.unwrap());
    let (mut send, _recv) = before.open(soon()).await.unwrap();
    send.write_frame(FrameType::Message, b"begun").await.unwrap();
    let (_answer, mut heard) = at_broker.accept().await.unwrap();

    authority.write(&[BROKER]);
    assert_eq!(broker.look(clock.now_ms()), NEW_CERTIFICATE);
    assert!(!at_broker.shows_current_certificate());
    let (after_at_broker, after) = tokio::join!(admitted(&server), dial());
    assert!(after_at_broker.unwrap().shows_current_certificate());
    assert!(after.unwrap().open(soon()).await.is_ok());

    send.write_frame(FrameType::Message, b"and ended").await.unwrap();
    assert_eq!(heard.expect(FrameType::Message).await.unwrap().as_ref(), b"begun");
    assert_eq!(heard.expect(FrameType::Message).await.unwrap().as_ref(), b"and ended");
    assert!(before.open(soon()).await.is_ok());
}

#[tokio::test]
async fn a_link_is_remade_under_the_new_certificate_before_the_old_one_is_let_go() {
    let authority = Authority::new();
    let (broker, node, clock) = (authority.issue(BROKER), authority.issue(NODE), authority.clock());
    let server = Arc::new(listen(&broker, clock.clone(), ServerLimits::default()));
    let target = Target {
        name: "broker-a".to_owned(),
        address: server.local_address().unwrap().to_string(),
        identity: identity(BROKER),
    };
    let at_broker: Arc<Mutex<Vec<PeerConnection>>> = Arc::default();
    tokio::spawn({
        let (server, at_broker) = (server.clone(), at_broker.clone());
        async move {
            while let Some(pending) = server.accept().await {
                let peer = pending.establish().await;
                at_broker.lock().unwrap().extend(peer);
            }
        }
    });
    let dialer = Dialer::start(dialling(), node.clone(), clock.clone(), vec![target], no_hook());
    let first = dialer.wait_any(soon()).await.unwrap();
    let (mut send, _recv) = first.open(soon()).await.unwrap();

    authority.write(&[NODE]);
    assert_eq!(node.look(clock.now_ms()), NEW_CERTIFICATE);
    let second = loop {
        let now = dialer.any().expect("there is a connection at every moment");
        if now.id() != first.id() {
            break now;
        }
        tokio::task::yield_now().await;
    };
    assert!(second.shows_current_certificate() && !first.shows_current_certificate());
    assert!(!first.is_closed());
    send.write_frame(FrameType::Message, b"still").await.unwrap();
    let served = at_broker.lock().unwrap()[0].clone();
    let (_answer, mut heard) = served.accept().await.unwrap();
    assert_eq!(heard.expect(FrameType::Message).await.unwrap().as_ref(), b"still");
    assert_eq!((dialer.states()[0].connects, dialer.states()[0].failures), (2, 0));
    first.close(CloseCode::Shutdown);
    assert!(dialer.any().is_some());
    server.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_cannot_be_used_stays_out_and_the_certificate_in_use_stands() {
    let authority = Authority::new();
    let (node, clock) = (authority.issue(NODE), authority.clock());
    let now_ms = clock.now_ms();
    let path = |name: &str| authority.path(&format!("{}.{name}", NODE.replace([':', '/'], "-")));
    let fault = |error| vec![TlsNews::Fault(TlsFile::Certificate, error)];
    let good = [fs::read(path("pem")).unwrap(), fs::read(path("key")).unwrap()];

    let (other, other_key) = authority.write(&["chukei://node/node-b"]);
    fs::copy(&other, path("pem")).unwrap();
    assert_eq!(news(&node, now_ms).await, fault(CredentialError::Key));
    fs::copy(&other_key, path("key")).unwrap();
    assert_eq!(news(&node, now_ms).await, fault(CredentialError::AnotherIdentity));
    fs::write(path("pem"), vec![b'x'; 300_000]).unwrap();
    assert_eq!(news(&node, now_ms).await, fault(CredentialError::Certificate));
    let (both, both_key) = authority.write(&[NODE, BROKER]);
    assert_eq!((&both, &both_key), (&path("pem"), &path("key")));
    assert_eq!(news(&node, now_ms).await, fault(BadCertificate::NotOneIdentity.into()));
    authority.write(&[NODE]);
    let later = authority.clock_at("2027-02-01T00:00:00Z").now_ms();
    assert_eq!(news(&node, later).await, fault(CredentialError::Over));
    assert_eq!(node.identity(), &identity(NODE));
    for (name, bytes) in ["pem", "key"].iter().zip(good) {
        fs::write(path(name), bytes).unwrap();
    }
    assert_eq!(news(&node, now_ms).await, [TlsNews::Mended(TlsFile::Certificate)]);
}

#[tokio::test]
async fn r20_a_peer_of_an_authority_that_is_trusted_no_more_is_dropped() {
    let stage = Stage::set().await;
    let now_ms = stage.clock.now_ms();
    let other = Authority::new();
    let ca = stage.authority.path("ca.pem");
    let both = [fs::read(&ca).unwrap(), fs::read(other.path("ca.pem")).unwrap()].concat();
    fs::write(&ca, both).unwrap();
    assert_eq!(stage.node.look(now_ms), [TlsNews::Replaced(TlsFile::Authority)]);
    assert!(stage.at_node.open(soon()).await.is_ok(), "one more is trusted");
    fs::copy(other.path("ca.pem"), &ca).unwrap();
    assert_eq!(news(&stage.node, now_ms).await, [TlsNews::Replaced(TlsFile::Authority)]);
    assert!(stage.at_node.is_closed());
    stage.at_broker.closed().await;
}
