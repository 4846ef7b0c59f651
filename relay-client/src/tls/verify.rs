//! Verifiers of the other side's certificate: chain, validity at our clock, exactly one identity, not revoked.

use std::fmt;
use std::sync::Arc;

use chukei_wire::identity::Identity;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme,
};

use super::credentials::Followed;
use super::identity::CertificateFacts;

/// Accepts the one server that was dialled: chain first, then its URI name equal to `expected`.
pub(crate) struct ServerVerifier {
    followed: Arc<Followed>,
    algorithms: WebPkiSupportedAlgorithms,
    expected: Identity,
}

impl ServerVerifier {
    pub(crate) fn new(followed: Arc<Followed>, expected: Identity) -> Self {
        let algorithms = chukei_crypto::tls::provider().signature_verification_algorithms;
        Self { followed, algorithms, expected }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let identity = verify(&self.followed, end_entity, intermediates, true, now)?;
        if identity != self.expected {
            tracing::warn!(expected = %self.expected, found = %identity, "another peer than was dialled");
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerVerifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Accepts any client of the authority that says exactly one identity; what it may do is decided later.
pub(crate) struct ClientVerifier {
    followed: Arc<Followed>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientVerifier {
    pub(crate) fn new(followed: Arc<Followed>) -> Self {
        let algorithms = chukei_crypto::tls::provider().signature_verification_algorithms;
        Self { followed, algorithms }
    }
}

impl ClientCertVerifier for ClientVerifier {
    /// None: a stranger is not told whom we trust.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        verify(&self.followed, end_entity, intermediates, false, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientVerifier")
    }
}

/// Whose certificate it is, if it counts now. Why it does not stands in our log: an alert says little (RFC 8446, 6.2).
fn verify(
    followed: &Followed,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    of_server: bool,
    now: UnixTime,
) -> Result<Identity, Error> {
    let trust = followed.trust.load();
    // Nothing of a certificate is read that no authority vouches for.
    trust.anchors(leaf, intermediates, of_server, now).inspect_err(|error| {
        tracing::warn!(%error, "a peer's certificate was refused");
    })?;
    let facts = CertificateFacts::of_peer(leaf).map_err(|bad| {
        tracing::warn!(%bad, "a peer's certificate was refused");
        CertificateError::ApplicationVerificationFailure
    })?;
    trust.standing(&facts, now.as_secs().saturating_mul(1_000)).map_err(|unfit| {
        tracing::warn!(peer = %facts.identity, %unfit, "a peer's certificate was refused");
        Error::from(unfit)
    })?;
    Ok(facts.identity)
}
