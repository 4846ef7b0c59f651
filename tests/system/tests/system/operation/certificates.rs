//! R20: who gets in. A certificate that is foreign, expired or ambiguous ends at the handshake.

use chukei_harness::layout::Layout;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::connection::ConnectionError;
use chukei_relay_client::endpoint::{EndpointError, client_endpoint};
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::identity::Identity;

use crate::group::Test;
use crate::hop::{LOOPBACK, address, credentials, dial_staff};
use crate::stage::Stage;
use chukei_harness::role::Role;

pub(super) const TESTS: &[Test<Stage>] = &[
    ("r20_a_foreign_or_expired_certificate_does_not_get_in", foreign_and_expired),
    ("r20_a_node_under_another_name_is_not_spoken_to", another_name),
    ("r20_who_has_no_certificate_does_not_get_in", no_certificate),
];

const BODY: &str = "982016";

/// How a dial ends: refused at the handshake, or just behind it, because a client speaks first in TLS 1.3.
#[track_caller]
fn is_refused(stage: &Stage, credentials: &HopCredentials, what: &str) {
    let dialled = stage.runtime.block_on(dial_staff(stage.layout(), credentials));
    let end = match dialled {
        Err(_) => return,
        Ok(caller) => stage.runtime.block_on(caller.peer.closed()),
    };
    assert_eq!(end, ConnectionError::CertificateRefused, "{what}");
}

fn foreign_and_expired(stage: &Stage) {
    let layout = stage.layout();
    let now_ms = layout.clock().now_ms();
    let body = BODY.parse().unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = Pki::init(elsewhere.path(), now_ms).unwrap();
    let paths = foreign.issue_staff(body, "u-tax-07", Validity::hop(now_ms)).unwrap();
    // It trusts the stage's authority, and shows a certificate of its own.
    let own_authority = layout.dir().join("pki/ca.pem");
    let foreign = HopCredentials::load(&paths.certificate, &paths.key, &own_authority).unwrap();
    is_refused(stage, &foreign, "of another authority");

    let pki = Pki::open(&layout.dir().join("pki")).unwrap();
    let day_ms = 86_400_000;
    let past = Validity { now_ms: now_ms - 30 * day_ms, days: 2 };
    pki.issue_staff(body, "u-past-01", past).unwrap();
    is_refused_or_cannot_dial(stage, "u-past-01");
    let future = Validity { now_ms: now_ms + 30 * day_ms, days: 2 };
    pki.issue_staff(body, "u-future-01", future).unwrap();
    is_refused_or_cannot_dial(stage, "u-future-01");

    let good = credentials(layout, &format!("staff-{BODY}-u-tax-07"));
    let caller = stage.runtime.block_on(dial_staff(layout, &good)).unwrap();
    assert!(!caller.peer.is_closed());
}

#[track_caller]
fn is_refused_or_cannot_dial(stage: &Stage, name: &str) {
    let credentials = credentials(stage.layout(), &format!("staff-{BODY}-{name}"));
    is_refused(stage, &credentials, name);
}

fn another_name(stage: &Stage) {
    let layout: &Layout = stage.layout();
    let credentials = credentials(layout, &format!("staff-{BODY}-u-tax-07"));
    let dialled = stage.runtime.block_on(async {
        let endpoint = client_endpoint(LOOPBACK).unwrap();
        let to = address(layout, Role::Node, "staff");
        endpoint.connect(&credentials, &layout.clock(), to, &Identity::Node("node-b".into())).await
    });
    assert!(matches!(dialled, Err(EndpointError::Connection(_))), "{dialled:?}");
}

fn no_certificate(stage: &Stage) {
    let layout = stage.layout();
    for (role, key) in [(Role::Node, "staff"), (Role::Broker, "relay")] {
        let to = address(layout, role, key);
        let end = stage.runtime.block_on(async {
            let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
            let connection = match endpoint.connect_with(anonymous(), to, "127.0.0.1").unwrap().await {
                Ok(connection) => connection,
                Err(error) => return error,
            };
            connection.closed().await
        });
        assert!(
            matches!(
                end,
                quinn::ConnectionError::ConnectionClosed(_) | quinn::ConnectionError::TransportError(_)
            ),
            "{role}: {end:?}"
        );
    }
}

/// A client that speaks the right protocol, trusts anybody, and shows nothing.
fn anonymous() -> quinn::ClientConfig {
    let provider = chukei_crypto::tls::provider();
    let mut tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(std::sync::Arc::new(Anybody(provider)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![chukei_wire::limits::ALPN.to_vec()];
    let quic = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    quinn::ClientConfig::new(std::sync::Arc::new(quic))
}

/// Trusts whoever answers: it is the other side that must refuse.
#[derive(Debug)]
struct Anybody(std::sync::Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
