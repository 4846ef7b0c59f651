//! Certificate revocation lists (RFC 5280, section 5): read strictly, believed under an authority's signature alone.
//!
//! What must hold: a list that is signed by none of ours, that leaves certificates out of its scope (a delta, an
//! indirect or a partial one), or that says something critical we do not understand, is not used.

use std::collections::HashSet;
use std::path::Path;

use chukei_crypto::hash::sha256;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use webpki::{BorrowedCertRevocationList, EndEntityCert};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::files::LISTS_MAX;
use super::identity::without_zeros;
use super::trust::Authority;
use crate::bounded_file;

/// Lists in one file.
const LISTS: usize = 16;
const PEM: &[u8] = b"-----BEGIN";

/// Why a file of revocation lists was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Missing, unreadable, or longer than 8 MiB.
    #[error("the file is missing, unreadable or too long")]
    Unreadable,
    /// No list in it, or one that is malformed or of a kind that is not used: delta, indirect, partial, unnumbered.
    #[error("the file holds no complete list in its plain form")]
    Malformed,
    /// The name is an authority's and the signature is not.
    #[error("a list was not signed by the authority that it names")]
    BadSignature,
    /// None of the lists is of a trusted authority.
    #[error("no list of a trusted authority")]
    Foreign,
    /// A list with a lower number than the one that is held, or with the same number and other content.
    #[error("a list is older than the one in force")]
    Older,
}

/// A list whose signature was verified.
#[derive(Debug)]
pub(super) struct RevocationList {
    /// The authority that signed it; see [`Authority::id`].
    pub(super) authority: [u8; 32],
    /// Time of issue, Unix milliseconds.
    pub(super) issued_ms: u64,
    /// When the next one is due; this one then says nothing any more. Unix milliseconds.
    pub(super) ends_ms: u64,
    number: Vec<u8>,
    digest: [u8; 32],
    serials: HashSet<Box<[u8]>>,
}

/// The lists of these authorities in `path`, at most one of each: the one with the highest number.
pub(super) fn read(path: &Path, authorities: &[Authority]) -> Result<Vec<RevocationList>, CrlError> {
    let bytes = bounded_file::read(path, LISTS_MAX).map_err(|_| CrlError::Unreadable)?;
    let mut lists: Vec<RevocationList> = Vec::new();
    for der in ders(&bytes)? {
        let Some(list) = RevocationList::verify(&der, authorities)? else { continue };
        match lists.iter_mut().find(|other| other.authority == list.authority) {
            Some(other) if list.supersedes(other) => *other = list,
            Some(_) => {}
            None => lists.push(list),
        }
    }
    if lists.is_empty() { Err(CrlError::Foreign) } else { Ok(lists) }
}

fn ders(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'_>>, CrlError> {
    if !bytes.trim_ascii_start().starts_with(PEM) {
        return Ok(vec![bytes.into()]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).take(LISTS).collect();
    lists.ok().filter(|lists| !lists.is_empty()).ok_or(CrlError::Malformed)
}

impl RevocationList {
    /// Reads a list; `None` where it is of no authority that is trusted.
    fn verify(der: &[u8], authorities: &[Authority]) -> Result<Option<Self>, CrlError> {
        let malformed = CrlError::Malformed;
        // Refuses deltas, indirect lists and unknown critical extensions, those of entries included.
        let strict = BorrowedCertRevocationList::from_der(der).map_err(|_| malformed)?;
        let strict: webpki::CertRevocationList<'_> = strict.to_owned().map_err(|_| malformed)?.into();
        if strict.issuing_distribution_point().is_some() {
            return Err(malformed);
        }
        let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| malformed)?;
        if !rest.is_empty() {
            return Err(malformed);
        }
        let issuer = list.issuer().as_raw();
        let mut named = authorities.iter().filter(|authority| authority.subject == issuer).peekable();
        if named.peek().is_none() {
            return Ok(None);
        }
        let (signed, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
        let authority = named.find(|authority| authority.has_signed(signed, signature));
        let authority = authority.ok_or(CrlError::BadSignature)?.id;
        let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000);
        Ok(Some(Self {
            authority,
            issued_ms: ms(list.last_update().timestamp()),
            ends_ms: ms(list.next_update().ok_or(malformed)?.timestamp()),
            number: without_zeros(&list.crl_number().ok_or(malformed)?.to_bytes_be()).to_vec(),
            digest: sha256(der),
            serials: list
                .iter_revoked_certificates()
                .map(|revoked| without_zeros(revoked.raw_serial()).into())
                .collect(),
        }))
    }

    /// Whether this certificate is on the list.
    pub(super) fn names(&self, serial: &[u8]) -> bool {
        self.serials.contains(serial)
    }

    /// Whether both are the same list.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether this one may take the other's place.
    pub(super) fn supersedes(&self, other: &Self) -> bool {
        let order = |list: &Self| (list.number.len(), list.number.clone());
        order(self) > order(other)
    }
}

impl Authority {
    /// Whether the authority may sign lists, and has signed these bytes.
    fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(&self.certificate) else { return false };
        let usage = certificate.key_usage().ok().flatten();
        if usage.is_some_and(|usage| !usage.value.crl_sign()) {
            return false;
        }
        let Ok(certificate) = EndEntityCert::try_from(&self.certificate) else { return false };
        let algorithms = chukei_crypto::tls::provider().signature_verification_algorithms.all;
        // Those that do not fit the authority's key are told apart before any arithmetic.
        algorithms.iter().any(|algorithm| certificate.verify_signature(*algorithm, signed, signature).is_ok())
    }
}

#[cfg(test)]
mod tests;
