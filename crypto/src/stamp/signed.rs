//! The envelope that a stamp is signed in (SignedData of RFC 5652), as far as time stamps use it: one signer, signed
//! attributes, certificates within.

use ring::digest;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::{EndEntityCert, ring as verify};

use super::attributes::{Attributes, hash};
use super::certificate::Certificate;
use super::element::{
    Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, algorithm, inner, plain,
};
use super::{CERTIFICATES_MAX, Roots, StampError, oid};

/// A token, of which nothing is verified yet.
pub(super) struct Signed<'a> {
    /// The DER of the stamp.
    pub(super) content: &'a [u8],
    certificates: Vec<Element<'a>>,
    signer: Signer<'a>,
}

struct Signer<'a> {
    /// Issuer and serial number, or a key's identifier.
    name: Element<'a>,
    hash: &'static digest::Algorithm,
    attributes: Element<'a>,
    with: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(super) fn read(token: &'a [u8]) -> Result<Self, StampError> {
        let mut info = Element::only(token, SEQUENCE)?.elements()?;
        if info.take(OBJECT_IDENTIFIER)?.value != oid::SIGNED_DATA {
            return Err(StampError::Malformed);
        }
        let data = Element::only(info.take(inner(0))?.value, SEQUENCE)?;
        info.end()?;
        let mut parts = data.elements()?;
        if parts.take(INTEGER)?.natural()? != [3] {
            return Err(StampError::Malformed);
        }
        // The hashes of all signers: the one signer names its own.
        parts.take(SET)?;
        let content = content(parts.take(SEQUENCE)?)?;
        let certificates = match parts.optional(inner(0))? {
            Some(field) => certificates(field.elements()?)?,
            None => return Err(StampError::NoCertificate),
        };
        // Revocation lists, which nobody looks at here.
        parts.optional(inner(1))?;
        let signer = Signer::read(Element::only(parts.take(SET)?.value, SEQUENCE)?)?;
        parts.end()?;
        Ok(Self { content, certificates, signer })
    }

    /// Verifies all but what the stamp says: signer, purpose, signature, and the chain at this time.
    pub(super) fn verify(&self, roots: &Roots, at_ms: u64) -> Result<(), StampError> {
        let attributes = Attributes::read(self.signer.attributes)?;
        if !attributes.is_of(self.content, self.signer.hash) {
            return Err(StampError::Attributes);
        }
        let mut signers = Vec::new();
        for whole in &self.certificates {
            let certificate = Certificate::read(*whole)?;
            if certificate.is_named(self.signer.name)? {
                signers.push(certificate);
            }
        }
        let [signer] = signers.as_slice() else { return Err(StampError::NoCertificate) };
        if !attributes.names(signer.der)? {
            return Err(StampError::Attributes);
        }
        if !signer.stamps() {
            return Err(StampError::Purpose);
        }
        let der = CertificateDer::from(signer.der);
        let certificate = EndEntityCert::try_from(&der).map_err(|_| StampError::Untrusted)?;
        self.signer.verify(&certificate)?;
        let others = self.certificates.iter().filter(|other| other.whole != signer.der);
        let others: Vec<_> = others.map(|other| CertificateDer::from(other.whole)).collect();
        roots.trust(&certificate, &others, at_ms)
    }
}

/// The bytes of a stamp in their envelope.
fn content(whole: Element<'_>) -> Result<&[u8], StampError> {
    let mut parts = whole.elements()?;
    if parts.take(OBJECT_IDENTIFIER)?.value != oid::TST_INFO {
        return Err(StampError::Malformed);
    }
    let content = Element::only(parts.take(inner(0))?.value, OCTET_STRING)?.value;
    parts.end()?;
    Ok(content)
}

fn certificates<'a>(mut field: Elements<'a>) -> Result<Vec<Element<'a>>, StampError> {
    let mut certificates = Vec::new();
    while let Some(certificate) = field.optional(SEQUENCE)? {
        certificates.push(certificate);
        if certificates.len() > CERTIFICATES_MAX {
            return Err(StampError::TooLarge);
        }
    }
    field.end()?;
    Ok(certificates)
}

impl<'a> Signer<'a> {
    fn read(whole: Element<'a>) -> Result<Self, StampError> {
        let mut parts = whole.elements()?;
        let version = parts.take(INTEGER)?.natural()?;
        let name = parts.any()?.ok_or(StampError::Malformed)?;
        match (version, name.tag) {
            ([1], SEQUENCE) => {}
            ([3], tag) if tag == plain(0) => {}
            _ => return Err(StampError::Malformed),
        }
        let hash = hash(algorithm(parts.take(SEQUENCE)?)?)?;
        let attributes = parts.optional(inner(0))?.ok_or(StampError::Attributes)?;
        let with = algorithm(parts.take(SEQUENCE)?)?;
        let signature = parts.take(OCTET_STRING)?.value;
        // Unsigned attributes: nobody vouches for them, and nobody looks.
        parts.optional(inner(1))?;
        parts.end()?;
        Ok(Self { name, hash, attributes, with, signature })
    }

    /// The signature over the attributes, which are signed as the SET that they are (RFC 5652, 5.4).
    fn verify(&self, certificate: &EndEntityCert<'_>) -> Result<(), StampError> {
        let mut signed = self.attributes.whole.to_vec();
        if let Some(tag) = signed.first_mut() {
            *tag = SET;
        }
        for algorithm in self.algorithms()? {
            match certificate.verify_signature(algorithm, &signed, self.signature) {
                Ok(()) => return Ok(()),
                // The key is of another kind or curve.
                Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
                Err(_) => return Err(StampError::Signature),
            }
        }
        Err(StampError::Algorithm)
    }

    fn algorithms(&self) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, StampError> {
        let hash = self.hash;
        Ok(match self.with {
            oid::RSA | oid::RSA_SHA_256 if *hash == digest::SHA256 => {
                vec![verify::RSA_PKCS1_2048_8192_SHA256]
            }
            oid::RSA | oid::RSA_SHA_384 if *hash == digest::SHA384 => {
                vec![verify::RSA_PKCS1_2048_8192_SHA384]
            }
            oid::RSA | oid::RSA_SHA_512 if *hash == digest::SHA512 => {
                vec![verify::RSA_PKCS1_2048_8192_SHA512]
            }
            oid::ECDSA_SHA_256 if *hash == digest::SHA256 => {
                vec![verify::ECDSA_P256_SHA256, verify::ECDSA_P384_SHA256]
            }
            oid::ECDSA_SHA_384 if *hash == digest::SHA384 => {
                vec![verify::ECDSA_P384_SHA384, verify::ECDSA_P256_SHA384]
            }
            _ => return Err(StampError::Algorithm),
        })
    }
}
