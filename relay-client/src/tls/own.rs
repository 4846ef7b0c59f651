//! The certificate that this process shows, with its key.

use std::fmt;
use std::sync::Arc;

use chukei_crypto::derive::expand;
use chukei_crypto::hash::sha256;
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::files::{CredentialError, TlsFiles, certificates, key};
use super::identity::CertificateFacts;

/// A certificate chain, its key and what the leaf says.
pub(crate) struct OwnCertificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(crate) facts: CertificateFacts,
    /// Behind stateless resets (RFC 9000, 10.3): the same after a restart, so that peers learn at once that the
    /// process they spoke to is gone.
    pub(crate) reset_secret: Zeroizing<[u8; 32]>,
    leaf: [u8; 32],
}

impl OwnCertificate {
    pub(super) fn load(files: &TlsFiles) -> Result<Self, CredentialError> {
        let chain = certificates(&files.certificate).ok_or(CredentialError::Certificate)?;
        let leaf = chain.first().ok_or(CredentialError::Certificate)?;
        let (facts, digest) = (CertificateFacts::of_peer(leaf)?, sha256(leaf));
        let key = key(&files.key).ok_or(CredentialError::Key)?;
        let mut reset_secret = Zeroizing::new([0; 32]);
        expand(key.secret_der(), "chukei stateless reset v1", &[], &mut reset_secret[..])
            .map_err(|_| CredentialError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &chukei_crypto::tls::provider())
            .map_err(|_| CredentialError::Key)?;
        Ok(Self { key: Arc::new(key), facts, reset_secret, leaf: digest })
    }

    /// Whether both show the same certificate.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.leaf == other.leaf
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnCertificate").field("facts", &self.facts).finish_non_exhaustive()
    }
}
