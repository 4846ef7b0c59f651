//! The files a hop's credentials are read from, each bounded before it is read.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::crl::CrlError;
use super::identity::BadCertificate;
use crate::bounded_file;

/// Certificates read from one file.
const CERTIFICATES_MAX: usize = 16;
/// Longest file of certificates or of a key, bytes.
const PEM_MAX: usize = 256 * 1024;
/// Longest file of revocation lists, bytes: some hundred thousand certificates.
pub(super) const LISTS_MAX: usize = 8 * 1024 * 1024;

/// Where a role's certificate, its key, the authority and the revocation lists lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM certificate chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM certificates of the authority.
    pub authority: PathBuf,
    /// Revocation lists, PEM or one in DER. Once named, a list that is missing or over lets nobody in.
    pub crl: Option<PathBuf>,
}

/// Which file could not be used, and why. No contents of a file are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The certificate file is unreadable or holds no PEM certificate.
    #[error("the certificate file cannot be read as PEM certificates")]
    Certificate,
    /// The certificate names nobody.
    #[error("the certificate is unusable: {0}")]
    Identity(#[from] BadCertificate),
    /// The certificate names somebody else than the one that it is to replace.
    #[error("the certificate is another's than the one in use")]
    AnotherIdentity,
    /// The certificate that is to replace the one in use is over.
    #[error("the certificate is over")]
    Over,
    /// The key file is unreadable, or holds a key that does not fit the certificate or the algorithms (R21).
    #[error("the key file is unreadable or does not fit the certificate")]
    Key,
    /// The authority file is unreadable or holds no usable certificate.
    #[error("the authority file cannot be read as PEM certificates")]
    Authority,
    /// The file of revocation lists cannot be used.
    #[error("revocation list: {0}")]
    Crl(#[from] CrlError),
}

/// The certificates in `path`, at least one.
pub(super) fn certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let text = bounded_file::read(path, PEM_MAX).ok()?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .take(CERTIFICATES_MAX)
        .map(|certificate| certificate.map(CertificateDer::into_owned))
        .collect::<Result<_, _>>()
        .ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

/// The private key in `path`.
pub(super) fn key(path: &Path) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&Zeroizing::new(bounded_file::read(path, PEM_MAX).ok()?)).ok()
}
