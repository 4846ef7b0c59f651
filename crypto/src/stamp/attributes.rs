//! What a token's signer signs beside the stamp: its type, its digest, and the signer's own certificate.

use ring::digest;

use super::element::{Element, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};
use super::{StampError, oid};

/// A hash of the list (R21), by its identifier.
pub(super) fn hash(name: &[u8]) -> Result<&'static digest::Algorithm, StampError> {
    match name {
        oid::SHA_256 => Ok(&digest::SHA256),
        oid::SHA_384 => Ok(&digest::SHA384),
        oid::SHA_512 => Ok(&digest::SHA512),
        _ => Err(StampError::Algorithm),
    }
}

/// The three attributes that a token needs, each of which stands there once with one value.
pub(super) struct Attributes<'a> {
    content_type: &'a [u8],
    digest: &'a [u8],
    /// The identifier of its certificate: of the first one, where authorities are named behind it.
    signer: Element<'a>,
}

impl<'a> Attributes<'a> {
    /// Reads what stands in the field of signed attributes.
    pub(super) fn read(field: Element<'a>) -> Result<Self, StampError> {
        let (mut content_type, mut digest, mut signer) = (None, None, None);
        let mut attributes = field.elements()?;
        while let Some(attribute) = attributes.optional(SEQUENCE)? {
            let mut parts = attribute.elements()?;
            let name = parts.take(OBJECT_IDENTIFIER)?.value;
            let values = parts.take(SET)?;
            parts.end()?;
            let (place, tag) = match name {
                oid::CONTENT_TYPE => (&mut content_type, OBJECT_IDENTIFIER),
                oid::MESSAGE_DIGEST => (&mut digest, OCTET_STRING),
                oid::SIGNING_CERTIFICATE => (&mut signer, SEQUENCE),
                _ => continue,
            };
            if place.replace(Element::only(values.value, tag)?).is_some() {
                return Err(StampError::Attributes);
            }
        }
        attributes.end()?;
        let (Some(content_type), Some(digest), Some(signer)) = (content_type, digest, signer) else {
            return Err(StampError::Attributes);
        };
        let signer = signer.elements()?.take(SEQUENCE)?.elements()?.take(SEQUENCE)?;
        Ok(Self { content_type: content_type.value, digest: digest.value, signer })
    }

    /// Whether it says of this stamp what it is.
    pub(super) fn is_of(&self, content: &[u8], hash: &'static digest::Algorithm) -> bool {
        let is = digest::digest(hash, content);
        self.content_type == oid::TST_INFO && self.digest == is.as_ref()
    }

    /// Whether it names this certificate as the signer's (ESSCertIDv2: SHA-256 where it names no hash).
    pub(super) fn names(&self, certificate: &[u8]) -> Result<bool, StampError> {
        let mut parts = self.signer.elements()?;
        let algorithm = match parts.optional(SEQUENCE)? {
            Some(named) => hash(super::element::algorithm(named)?)?,
            None => &digest::SHA256,
        };
        let is = digest::digest(algorithm, certificate);
        Ok(parts.take(OCTET_STRING)?.value == is.as_ref())
    }
}
