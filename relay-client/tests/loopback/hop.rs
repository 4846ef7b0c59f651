//! Who gets in on a hop: one authority, one identity, certificates that are valid by our clock (R20).

use chukei_relay_client::connection::ConnectionError;
use chukei_relay_client::endpoint::{EndpointError, ServerLimits};
use chukei_relay_client::tls::{BadCertificate, CredentialError, HopCredentials, Unfit};

use crate::authority::Authority;
use crate::stage::{BROKER, LOOPBACK, NODE, Stage, admitted, dialling, identity, listen, soon};

#[tokio::test]
async fn both_sides_know_each_other_by_certificate() {
    let stage = Stage::set().await;
    assert_eq!(stage.at_node.identity(), &identity(BROKER));
    assert_eq!(stage.at_broker.identity(), &identity(NODE));
}

#[tokio::test]
async fn both_sides_export_the_same_key_for_the_same_use_only() {
    let stage = Stage::set().await;
    let key = stage.at_node.export_key(b"permit", b"1").unwrap();
    assert_eq!(key, stage.at_broker.export_key(b"permit", b"1").unwrap());
    assert_ne!(key, stage.at_broker.export_key(b"permit", b"2").unwrap());
    assert_ne!(key, stage.at_broker.export_key(b"other", b"1").unwrap());
}

#[tokio::test]
async fn r20_a_server_under_another_authority_is_not_dialled() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = listen(&theirs.issue(BROKER), theirs.clock(), ServerLimits::default());
    refused_by_client(&server, &ours.issue(NODE), &ours).await;
}

#[tokio::test]
async fn r20_a_client_under_another_authority_gets_nothing() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = listen(&ours.issue(BROKER), ours.clock(), ServerLimits::default());
    // It believes our authority, but its own certificate is of another.
    let (certificate, key) = theirs.write(&[NODE]);
    let stranger = HopCredentials::load(&certificate, &key, &ours.path("ca.pem")).unwrap();
    refused_by_server(&server, &stranger, &ours).await;
}

#[tokio::test]
async fn r20_the_server_must_be_the_one_that_was_dialled() {
    let authority = Authority::new();
    let other = authority.issue("chukei://broker/broker-b");
    let server = listen(&other, authority.clock(), ServerLimits::default());
    refused_by_client(&server, &authority.issue(NODE), &authority).await;
}

#[tokio::test]
async fn r20_a_certificate_with_two_identities_or_none_is_refused_by_its_holder() {
    let authority = Authority::new();
    for uris in [&[NODE, BROKER][..], &[]] {
        assert!(matches!(
            authority.try_issue(uris),
            Err(CredentialError::Identity(BadCertificate::NotOneIdentity))
        ));
    }
    assert!(matches!(
        authority.try_issue(&["https://node-a.example"]),
        Err(CredentialError::Identity(BadCertificate::UnknownIdentity))
    ));
    assert!(matches!(
        authority.try_issue(&["chukei://body/982016/device/t-01"]),
        Err(CredentialError::Identity(BadCertificate::WrongKind))
    ));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let (certificate, _) = authority.write(&[NODE]);
    let (_, key) = authority.write(&[BROKER]);
    let mixed = HopCredentials::load(&certificate, &key, &authority.path("ca.pem"));
    assert!(matches!(mixed, Err(CredentialError::Key)));
}

#[tokio::test]
async fn r20_expiry_is_judged_by_our_clock_on_either_side() {
    let authority = Authority::new();
    let (broker, node) = (authority.issue(BROKER), authority.issue(NODE));
    let later = authority.clock_at("2027-02-01T00:00:00Z");
    let address_of = |server: &chukei_relay_client::endpoint::ServerEndpoint| server.local_address().unwrap();

    let server = listen(&broker, authority.clock(), ServerLimits::default());
    let client = dialling();
    let expected = identity(BROKER);
    let (_, dialled) =
        tokio::join!(admitted(&server), client.connect(&node, &later, address_of(&server), &expected));
    assert!(matches!(dialled, Err(EndpointError::Connection(ConnectionError::Transport(_)))), "{dialled:?}");

    let server = listen(&broker, later, ServerLimits::default());
    refused_by_server(&server, &node, &authority).await;
}

#[tokio::test]
async fn r20_an_open_connection_ends_with_the_certificate() {
    let stage = Stage::set().await;
    assert!(stage.at_node.open(soon()).await.is_ok());
    let path = stage.authority.path("clock-2026-06-01T000000Z");
    std::fs::write(path, "2027-02-01T00:00:00+00:00").unwrap();
    while stage.at_node.fitness(stage.clock.now_ms()).is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.at_node.open(soon()).await.unwrap_err(), ConnectionError::Unfit(Unfit::Over));
    assert_eq!(stage.at_broker.closed().await, ConnectionError::ClosedByPeer(1));
}

async fn refused_by_client(
    server: &chukei_relay_client::endpoint::ServerEndpoint,
    node: &HopCredentials,
    authority: &Authority,
) {
    let (client, clock, expected) = (dialling(), authority.clock(), identity(BROKER));
    let address = server.local_address().unwrap();
    let (admitted, dialled) =
        tokio::join!(admitted(server), client.connect(node, &clock, address, &expected));
    assert!(matches!(dialled, Err(EndpointError::Connection(ConnectionError::Transport(_)))), "{dialled:?}");
    assert!(admitted.is_err());
}

/// A client may think for a moment that it is connected: its certificate is judged last.
async fn refused_by_server(
    server: &chukei_relay_client::endpoint::ServerEndpoint,
    node: &HopCredentials,
    authority: &Authority,
) {
    let (client, clock, expected) = (dialling(), authority.clock(), identity(BROKER));
    let address = server.local_address().unwrap();
    let (admitted, dialled) =
        tokio::join!(admitted(server), client.connect(node, &clock, address, &expected));
    assert!(
        matches!(admitted, Err(EndpointError::Connection(ConnectionError::Transport(_)))),
        "{admitted:?}"
    );
    if let Ok(peer) = dialled {
        assert_eq!(peer.closed().await, ConnectionError::CertificateRefused);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let authority = Authority::new();
    let broker = authority.issue(BROKER);
    let first = listen(&broker, authority.clock(), ServerLimits::default());
    let taken = first.local_address().unwrap();
    assert_ne!(taken, LOOPBACK);
    let second = chukei_relay_client::endpoint::server_endpoint(
        taken,
        &broker,
        authority.clock(),
        ServerLimits::default(),
    );
    assert!(matches!(second, Err(EndpointError::Bind(_))));
}
