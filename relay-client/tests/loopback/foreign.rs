//! A client of somebody else's making: what our own client would never do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chukei_relay_client::endpoint::ServerEndpoint;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore, SignatureScheme};

use crate::authority::Authority;
use crate::stage::LOOPBACK;

/// A client of somebody else's making; with an authority, it has a certificate for `uris`.
pub(crate) fn foreign(authority: Option<&Authority>, uris: &[&str], alpn: &[u8]) -> ClientConfig {
    foreign_with((*chukei_crypto::tls::provider()).clone(), authority, uris, alpn)
}

/// The same with other algorithms.
pub(crate) fn foreign_with(
    provider: CryptoProvider,
    authority: Option<&Authority>,
    uris: &[&str],
    alpn: &[u8],
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
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
    config.dangerous().set_certificate_verifier(Arc::new(BelievesAnyone));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = true;
    config
}

pub(crate) fn dial_foreign(
    server: &ServerEndpoint,
    config: ClientConfig,
) -> (quinn::Endpoint, quinn::Connecting) {
    let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let connecting = endpoint.connect_with(config, server.local_address().unwrap(), "localhost").unwrap();
    (endpoint, connecting)
}

/// The certificates carry no DNS name: a stranger must not look for one to get far enough to be refused.
#[derive(Debug)]
struct BelievesAnyone;

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

/// Counts the tickets it is given, and keeps none.
#[derive(Debug, Default)]
pub(crate) struct Tickets(AtomicUsize);

impl Tickets {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
