//! A process's own certificate and key, and the authority it trusts.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chukei_crypto::derive::expand;
use chukei_wire::identity::Identity;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::identity::{BadCertificate, CertificateFacts};

/// Certificates read from one file.
const CERTIFICATES_MAX: usize = 16;

/// What a process shows to its peers and whom it believes.
pub struct HopCredentials {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) roots: Arc<RootCertStore>,
    /// Behind stateless resets (RFC 9000, 10.3): the same after a restart, so that peers learn at once that the
    /// process they spoke to is gone.
    pub(crate) reset_secret: Zeroizing<[u8; 32]>,
    facts: CertificateFacts,
}

/// Which of the three files could not be used, and why. No contents of a file are repeated.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The certificate file is unreadable or holds no PEM certificate.
    #[error("the certificate file cannot be read as PEM certificates")]
    Certificate,
    /// The certificate names nobody.
    #[error("the certificate is unusable: {0}")]
    Identity(#[from] BadCertificate),
    /// The key file is unreadable, or holds a key that does not fit the certificate or the algorithms (R21).
    #[error("the key file is unreadable or does not fit the certificate")]
    Key,
    /// The authority file is unreadable or holds no usable certificate.
    #[error("the authority file cannot be read as PEM certificates")]
    Authority,
}

impl HopCredentials {
    /// Reads certificate chain, private key and authority from PEM files (RFC 7468).
    pub fn load(certificate: &Path, key: &Path, authority: &Path) -> Result<Arc<Self>, CredentialError> {
        let chain = read_certificates(certificate).ok_or(CredentialError::Certificate)?;
        let leaf = chain.first().ok_or(CredentialError::Certificate)?;
        let facts = CertificateFacts::from_der(leaf)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|_| CredentialError::Key)?;
        let mut reset_secret = Zeroizing::new([0; 32]);
        expand(key.secret_der(), "chukei stateless reset v1", &[], &mut reset_secret[..])
            .map_err(|_| CredentialError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &chukei_crypto::tls::provider())
            .map_err(|_| CredentialError::Key)?;
        let mut roots = RootCertStore::empty();
        for root in read_certificates(authority).ok_or(CredentialError::Authority)? {
            roots.add(root).map_err(|_| CredentialError::Authority)?;
        }
        Ok(Arc::new(Self { key: Arc::new(key), roots: Arc::new(roots), reset_secret, facts }))
    }

    /// Who this process is.
    pub fn identity(&self) -> &Identity {
        &self.facts.identity
    }

    /// Last moment of the certificate's validity, Unix milliseconds.
    pub fn not_after_ms(&self) -> u64 {
        self.facts.not_after_ms
    }
}

impl fmt::Debug for HopCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopCredentials").field("facts", &self.facts).finish_non_exhaustive()
    }
}

fn read_certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).ok()?.take(CERTIFICATES_MAX).collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}
