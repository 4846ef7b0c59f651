//! What a peer that is not ours, or wants too much, does not get: other protocols, anonymity, resumption,
//! early data, datagrams, one-way streams, connections and streams without end (R20, R40).

use std::sync::Arc;

use chukei_relay_client::connection::ConnectionError;
use chukei_relay_client::endpoint::{EndpointError, ServerEndpoint, ServerLimits};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;

use crate::authority::Authority;
use crate::stage::{BROKER, LOOPBACK, NODE, Stage, admitted, dialling, identity, listen, soon};

/// The certificate carries no DNS name, so a stranger must not look for one to get far enough to be refused.
mod credulous {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct BelievesAnyone;

    impl ServerCertVerifier for BelievesAnyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            chukei_crypto::tls::provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

/// A client of somebody else's making; with an authority, it has a certificate for `uris`.
fn foreign(authority: Option<&Authority>, uris: &[&str], alpn: &[u8]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(chukei_crypto::tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(RootCertStore::empty());
    let mut config = match authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let (certificate, key) = authority.write(uris);
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    config.dangerous().set_certificate_verifier(Arc::new(credulous::BelievesAnyone));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = true;
    config
}

fn dial_foreign(server: &ServerEndpoint, config: ClientConfig) -> (quinn::Endpoint, quinn::Connecting) {
    let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let connecting = endpoint.connect_with(config, server.local_address().unwrap(), "localhost").unwrap();
    (endpoint, connecting)
}

async fn refused(server: &ServerEndpoint, config: ClientConfig) {
    let (_endpoint, connecting) = dial_foreign(server, config);
    let (admitted, dialled) = tokio::join!(admitted(server), connecting);
    assert!(
        matches!(admitted, Err(EndpointError::Connection(ConnectionError::Transport(_)))),
        "{admitted:?}"
    );
    if let Ok(connection) = dialled {
        assert!(matches!(connection.closed().await, quinn::ConnectionError::ConnectionClosed(_)));
    }
}

fn a_server(authority: &Authority, limits: ServerLimits) -> ServerEndpoint {
    listen(&authority.issue(BROKER), authority.clock(), limits)
}

#[tokio::test]
async fn r20_a_client_without_certificate_gets_nothing() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    refused(&server, foreign(None, &[], b"chukei/1")).await;
}

#[tokio::test]
async fn r20_a_client_with_two_identities_or_none_of_ours_gets_nothing() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    for uris in [&[NODE, BROKER][..], &[], &["https://node-a.example"]] {
        refused(&server, foreign(Some(&authority), uris, b"chukei/1")).await;
    }
}

#[tokio::test]
async fn an_unknown_protocol_is_refused() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    refused(&server, foreign(Some(&authority), &[NODE], b"h3")).await;
}

#[tokio::test]
async fn r20_nothing_is_resumed_and_no_early_data_taken() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    let config = foreign(Some(&authority), &[NODE], b"chukei/1");
    let (_first, connecting) = dial_foreign(&server, config.clone());
    let (at_server, connection) = tokio::join!(admitted(&server), connecting);
    // A whole exchange, so that a ticket would have arrived before its end.
    let connection = connection.unwrap();
    let (mut send, _recv) = connection.open_bi().await.unwrap();
    send.write_all(b"x").await.unwrap();
    let (mut answer, _heard) = at_server.unwrap().accept().await.unwrap();
    answer.finish().await.unwrap();
    answer.finished_ack().await.unwrap();
    let (_second, connecting) = dial_foreign(&server, config);
    assert!(connecting.into_0rtt().is_err());
}

#[tokio::test]
async fn only_two_way_streams_exist() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    let (_endpoint, connecting) = dial_foreign(&server, foreign(Some(&authority), &[NODE], b"chukei/1"));
    let (at_server, connection) = tokio::join!(admitted(&server), connecting);
    let (connection, _at_server) = (connection.unwrap(), at_server.unwrap());
    assert_eq!(connection.max_datagram_size(), None);
    assert!(tokio::time::timeout_at(Instant::now(), connection.open_uni()).await.is_err());
}

#[tokio::test]
async fn r40_streams_in_flight_are_bounded() {
    let stage = Stage::with(ServerLimits { streams: 2, ..ServerLimits::default() }).await;
    let first = stage.stream().await;
    let second = stage.stream().await;
    let third = stage.at_node.open(Instant::now()).await;
    assert_eq!(third.unwrap_err(), ConnectionError::Deadline);
    drop((first, second));
    assert!(stage.at_node.open(soon()).await.is_ok());
}

#[tokio::test]
async fn r40_connections_are_bounded() {
    let stage = Stage::with(ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let server = Arc::clone(&stage.server);
    let accepting = tokio::spawn(async move { server.accept().await.is_some() });
    let address = stage.server.local_address().unwrap();
    let second = stage.client.connect(&stage.node, &stage.clock, address, &identity(BROKER)).await;
    assert!(matches!(second, Err(EndpointError::Connection(ConnectionError::Transport(2)))), "{second:?}");
    stage.server.shutdown(std::time::Duration::from_secs(5)).await;
    assert!(!accepting.await.unwrap(), "the second was let in");
}

#[tokio::test]
async fn r40_under_pressure_an_address_proves_itself_and_is_served() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits { retry_above: 0, ..ServerLimits::default() });
    let node = authority.issue(NODE);
    let (client, clock, expected) = (dialling(), authority.clock(), identity(BROKER));
    let address = server.local_address().unwrap();
    let (admitted, dialled) =
        tokio::join!(admitted(&server), client.connect(&node, &clock, address, &expected));
    assert!(admitted.is_ok());
    assert!(dialled.is_ok());
}
