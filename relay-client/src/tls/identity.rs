//! What a certificate says: whose it is, how long it is valid, and by what a revocation list would name it.

use chukei_wire::identity::Identity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// The identity in a certificate, its end, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// From the certificate's only URI name.
    pub identity: Identity,
    /// Last moment of validity, Unix milliseconds.
    pub not_after_ms: u64,
    /// Serial number, big-endian without leading zeros.
    pub serial: Vec<u8>,
    /// Name of the authority that signed it, DER.
    pub issuer: Vec<u8>,
}

/// Why a certificate names nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not an X.509 certificate.
    #[error("not an X.509 certificate")]
    Malformed,
    /// No URI name, or more than one: it must say exactly one identity.
    #[error("a certificate must hold exactly one URI name")]
    NotOneIdentity,
    /// A URI that is no identity of this system.
    #[error("the URI name is not an identity")]
    UnknownIdentity,
    /// A device's certificate, where a user's or a role's is due; or the reverse.
    #[error("a certificate of another kind is due")]
    WrongKind,
}

impl CertificateFacts {
    /// Reads a DER certificate (RFC 5280, 4.2.1.6). Says nothing about whether it is trusted.
    pub fn from_der(der: &[u8]) -> Result<Self, BadCertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| BadCertificate::Malformed)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| BadCertificate::Malformed)?
            .ok_or(BadCertificate::NotOneIdentity)?;
        let mut uris = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let (Some(uri), None) = (uris.next(), uris.next()) else {
            return Err(BadCertificate::NotOneIdentity);
        };
        let identity = uri.parse().map_err(|_| BadCertificate::UnknownIdentity)?;
        let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Self {
            identity,
            not_after_ms: seconds.saturating_mul(1000),
            serial: without_zeros(certificate.raw_serial()).to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
        })
    }

    /// The same of whoever may stand at an end of a connection.
    pub(crate) fn of_peer(der: &[u8]) -> Result<Self, BadCertificate> {
        Self::of_kind(der, Identity::connects)
    }

    /// The same of a device.
    pub(crate) fn of_device(der: &[u8]) -> Result<Self, BadCertificate> {
        Self::of_kind(der, |identity| matches!(identity, Identity::Device(..)))
    }

    fn of_kind(der: &[u8], due: impl FnOnce(&Identity) -> bool) -> Result<Self, BadCertificate> {
        let facts = Self::from_der(der)?;
        if due(&facts.identity) { Ok(facts) } else { Err(BadCertificate::WrongKind) }
    }
}

/// An unsigned integer as two encoders that disagree on padding would both have it.
pub(super) fn without_zeros(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    integer.get(zeros..).unwrap_or_default()
}
