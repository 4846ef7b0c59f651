//! Which device a connection comes from: shown by the device's own key, over what only this connection exports.
//!
//! What must hold: a device is proven or it is none; what proves it on one connection proves nothing on another. The
//! exporter is unknown to everybody but the connection's two ends, and its context is the user's identity. Deliberately
//! absent: what a device may do, and how healthy it is.

use std::path::Path;
use std::sync::Arc;

use chukei_wire::identity::Identity;
use chukei_wire::limits::DEVICE_CHAIN_MAX;
use chukei_wire::message::control::DeviceProof;
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use serde_bytes::ByteBuf;
use webpki::EndEntityCert;

use super::credentials::Followed;
use super::files::{CredentialError, certificates, key};
use super::identity::{BadCertificate, CertificateFacts};
use super::trust::Unfit;
use crate::clock::Clock;
use crate::connection::{ConnectionError, PeerConnection};

/// Label of the exporter that a device signs.
const DEVICE_LABEL: &[u8] = b"chukei device v1";

/// What a device proves itself with.
pub struct DeviceCredentials {
    key: Arc<CertifiedKey>,
    identity: Identity,
}

/// Why a device could not prove itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The connection is over.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The key signs by none of the algorithms in use (R21), or failed.
    #[error("the device's key did not sign")]
    Signing,
}

/// Why a proof was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// The certificate is no device's.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// It counts no more.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The device belongs to another body than its user, or to none.
    #[error("the device belongs to another body than its user")]
    AnothersDevice,
    /// The signature is not the device's over this connection.
    #[error("the signature is not the device's over this connection")]
    Signature,
    /// A device was shown before: a connection comes from one.
    #[error("a device was shown before")]
    Second,
    /// The connection is over.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl DeviceCredentials {
    /// Reads a device's certificate chain and its key from PEM files.
    pub fn load(certificate: &Path, private_key: &Path) -> Result<Self, CredentialError> {
        let chain = certificates(certificate).ok_or(CredentialError::Certificate)?;
        let leaf = chain.first().ok_or(CredentialError::Certificate)?;
        let identity = CertificateFacts::of_device(leaf)?.identity;
        let key = key(private_key).ok_or(CredentialError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &chukei_crypto::tls::provider())
            .map_err(|_| CredentialError::Key)?;
        Ok(Self { key: Arc::new(key), identity })
    }

    /// Which device it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A proof for this connection, on which this process's own certificate is `user`'s.
    pub fn prove(&self, connection: &PeerConnection, user: &Identity) -> Result<DeviceProof, DeviceError> {
        let schemes = chukei_crypto::tls::provider().signature_verification_algorithms.supported_schemes();
        let signer = self.key.key.choose_scheme(&schemes).ok_or(DeviceError::Signing)?;
        let signed = signed(connection, user)?;
        Ok(DeviceProof {
            chain: self.key.cert.iter().map(|der| ByteBuf::from(der.to_vec())).collect(),
            scheme: u16::from(signer.scheme()),
            signature: signer.sign(&signed).map_err(|_| DeviceError::Signing)?,
        })
    }
}

impl std::fmt::Debug for DeviceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceCredentials").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Whose device the proof shows, if it is one for this connection.
pub(crate) fn check_proof(
    followed: &Followed,
    clock: &Clock,
    connection: &PeerConnection,
    proof: &DeviceProof,
) -> Result<CertificateFacts, DeviceRefusal> {
    if proof.chain.len() > DEVICE_CHAIN_MAX {
        return Err(BadCertificate::Malformed.into());
    }
    let chain: Vec<CertificateDer<'_>> = proof.chain.iter().map(|der| der.as_slice().into()).collect();
    let leaf = chain.first().ok_or(BadCertificate::Malformed)?;
    if !followed.anchors(&chain, false, clock) {
        return Err(Unfit::Untrusted.into());
    }
    let facts = CertificateFacts::of_device(leaf)?;
    followed.standing(&facts, clock.now_ms())?;
    if facts.identity.body() != connection.identity().body() {
        return Err(DeviceRefusal::AnothersDevice);
    }
    let signed = signed(connection, connection.identity())?;
    let scheme = SignatureScheme::from(proof.scheme);
    let algorithms = chukei_crypto::tls::provider().signature_verification_algorithms;
    let meant =
        algorithms.mapping.iter().find(|(known, _)| *known == scheme).and_then(|(_, meant)| meant.first());
    let leaf = EndEntityCert::try_from(leaf).map_err(|_| BadCertificate::Malformed)?;
    let verified =
        meant.is_some_and(|meant| leaf.verify_signature(*meant, &signed, &proof.signature).is_ok());
    if verified { Ok(facts) } else { Err(DeviceRefusal::Signature) }
}

/// What is signed: the label, so that the key signs the like of it for nothing else, and the export.
fn signed(connection: &PeerConnection, user: &Identity) -> Result<Vec<u8>, ConnectionError> {
    let exported = connection.export_key(DEVICE_LABEL, user.to_string().as_bytes())?;
    Ok([DEVICE_LABEL, &[0], &exported[..]].concat())
}
