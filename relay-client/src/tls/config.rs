//! TLS configurations of a hop, as quinn takes them.

use std::sync::Arc;

use chukei_wire::identity::Identity;
use chukei_wire::limits::ALPN;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use super::OwnCertificate;
use super::credentials::Followed;
use super::verify::{ClientVerifier, ServerVerifier};
use crate::clock::Clock;

/// The algorithms cannot carry QUIC: a fault of the build, never of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the TLS algorithms cannot carry QUIC")]
pub struct TlsUnusable;

/// For dialling `expected` and nobody else, showing `own`.
pub(crate) fn client(
    followed: &Arc<Followed>,
    own: &OwnCertificate,
    clock: &Clock,
    expected: &Identity,
) -> Result<QuicClientConfig, TlsUnusable> {
    let provider = chukei_crypto::tls::provider();
    let verifier = ServerVerifier::new(followed.clone(), expected.clone());
    let mut config = ClientConfig::builder_with_details(provider, clock.tls_time())
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| TlsUnusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.key.clone())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the certificate checks (R20).
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    QuicClientConfig::try_from(config).map_err(|_| TlsUnusable)
}

/// For accepting any peer of the authority, showing the certificate that is in force at each handshake.
pub(crate) fn server(followed: &Arc<Followed>, clock: &Clock) -> Result<QuicServerConfig, TlsUnusable> {
    let provider = chukei_crypto::tls::provider();
    let mut config = ServerConfig::builder_with_details(provider, clock.tls_time())
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| TlsUnusable)?
        .with_client_cert_verifier(Arc::new(ClientVerifier::new(followed.clone())))
        .with_cert_resolver(Arc::new(InForce(followed.clone())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    config.send_half_rtt_data = false;
    QuicServerConfig::try_from(config).map_err(|_| TlsUnusable)
}

/// The certificate in force.
#[derive(Debug)]
struct InForce(Arc<Followed>);

impl ResolvesServerCert for InForce {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own().key.clone())
    }
}
