//! The roots that somebody pins for an authority, and whether a chain leads to one of them.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring as verify};

use std::time::Duration;

use super::{StampError, oid};

/// Most roots.
const ROOTS_MAX: usize = 64;

/// What certificates of a chain may be signed with.
const CHAIN: &[&dyn rustls::pki_types::SignatureVerificationAlgorithm] = &[
    verify::ECDSA_P256_SHA256,
    verify::ECDSA_P256_SHA384,
    verify::ECDSA_P384_SHA256,
    verify::ECDSA_P384_SHA384,
    verify::RSA_PKCS1_2048_8192_SHA256,
    verify::RSA_PKCS1_2048_8192_SHA384,
    verify::RSA_PKCS1_2048_8192_SHA512,
];

/// No roots could be made of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRoots {
    /// Not PEM, or a certificate in it is none.
    #[error("not certificates in PEM")]
    Malformed,
    /// None, or more than 64.
    #[error("from 1 to 64 certificates")]
    Number,
}

/// Pinned roots.
#[derive(Clone, Debug)]
pub struct Roots(Vec<TrustAnchor<'static>>);

impl Roots {
    /// Out of the certificates of a PEM file, each of which is trusted as it is.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadRoots> {
        let mut roots = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| BadRoots::Malformed)?;
            let anchor = anchor_from_trusted_cert(&certificate).map_err(|_| BadRoots::Malformed)?;
            roots.push(anchor.to_owned());
            if roots.len() > ROOTS_MAX {
                return Err(BadRoots::Number);
            }
        }
        if roots.is_empty() { Err(BadRoots::Number) } else { Ok(Self(roots)) }
    }

    /// A chain leads from `signer` through some of `others` to a root, valid at this time.
    pub(super) fn trust(
        &self,
        signer: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        at_ms: u64,
    ) -> Result<(), StampError> {
        let time = UnixTime::since_unix_epoch(Duration::from_millis(at_ms));
        // Authorities above the signer need not say what they are for; the signer does, see `certificate`.
        let usage = KeyUsage::required_if_present(oid::TIME_STAMPING);
        match signer.verify_for_usage(CHAIN, &self.0, others, time, usage, None, None) {
            Ok(_) => Ok(()),
            Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
                Err(StampError::NotValidThen)
            }
            Err(_) => Err(StampError::Untrusted),
        }
    }
}
