//! TLS configuration of an end-to-end channel: mutual raw public keys (RFC 7250), each pinned to the keys of one
//! party: one, or two while the older is being replaced.
//!
//! A channel's identities are those of the signed peer list: no certificate, no authority, no name, no validity
//! in time. The handshake travels through the broker, which therefore can delay it but neither read nor join.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    ServerConfig, SignatureScheme,
};

use super::{SIGNATURES, provider};
use crate::sign::IdentityKey;

/// Configuration of the side that opens a channel to the holder of one of `peers` (SubjectPublicKeyInfo).
///
/// Fails only if rustls and the provider do not fit together.
pub fn channel_client<'a>(
    identity: &IdentityKey,
    peers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Arc<ClientConfig>, Error> {
    client_of(provider(), identity, peers)
}

pub(super) fn client_of<'a>(
    provider: Arc<CryptoProvider>,
    identity: &IdentityKey,
    peers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Arc<ClientConfig>, Error> {
    let resolver = AlwaysResolvesClientRawPublicKeys::new(identity.rustls_certified_key());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Timeless))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Pinned::to(peers))
        .with_client_cert_resolver(Arc::new(resolver));
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Configuration of the side that accepts a channel from the holder of one of `peers` (SubjectPublicKeyInfo).
///
/// Fails only if rustls and the provider do not fit together.
pub fn channel_server<'a>(
    identity: &IdentityKey,
    peers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Arc<ServerConfig>, Error> {
    server_of(provider(), identity, peers)
}

pub(super) fn server_of<'a>(
    provider: Arc<CryptoProvider>,
    identity: &IdentityKey,
    peers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Arc<ServerConfig>, Error> {
    let resolver = AlwaysResolvesServerRawPublicKeys::new(identity.rustls_certified_key());
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(Timeless))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Pinned::to(peers))
        .with_cert_resolver(Arc::new(resolver));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.send_half_rtt_data = false;
    Ok(Arc::new(config))
}

/// The server name rustls asks for. It is neither sent nor checked: the pinned key is the identity.
pub fn channel_peer_name() -> ServerName<'static> {
    ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])))
}

/// rustls wants a time for certificates; a raw public key has none, and nothing here reads it.
#[derive(Debug)]
struct Timeless;

impl TimeProvider for Timeless {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::ZERO))
    }
}

/// Accepts the public keys of one party and nothing else.
#[derive(Debug)]
struct Pinned {
    spkis: Vec<Vec<u8>>,
}

impl Pinned {
    fn to<'a>(spkis: impl IntoIterator<Item = &'a [u8]>) -> Arc<Self> {
        Arc::new(Self { spkis: spkis.into_iter().map(<[u8]>::to_vec).collect() })
    }

    fn check(&self, presented: &[u8], others: &[CertificateDer<'_>]) -> Result<(), Error> {
        if self.spkis.iter().any(|spki| spki == presented) && others.is_empty() {
            Ok(())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn check_signature(
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signed, &SIGNATURES)
    }
}

fn tls12_refused() -> Error {
    Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled)
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(presented, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_refused())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::check_signature(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(presented, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_refused())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::check_signature(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
