//! What a token's signer is, by its certificate.

use super::element::{
    BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, inner, plain,
};
use super::{StampError, oid};

/// digitalSignature and nonRepudiation, of the first byte of a key usage.
const SIGNS: u8 = 0xc0;

/// The parts of a certificate that say whose it is and what for. The rest is `webpki`'s.
pub(super) struct Certificate<'a> {
    /// All of it.
    pub(super) der: &'a [u8],
    issuer: &'a [u8],
    serial: &'a [u8],
    key_id: Option<&'a [u8]>,
    stamps: bool,
}

impl<'a> Certificate<'a> {
    pub(super) fn read(whole: Element<'a>) -> Result<Self, StampError> {
        let mut parts = whole.elements()?.take(SEQUENCE)?.elements()?;
        parts.optional(inner(0))?;
        let serial = parts.take(INTEGER)?.whole;
        parts.take(SEQUENCE)?;
        let issuer = parts.take(SEQUENCE)?.whole;
        // Validity, subject, public key.
        for _ in 0..3 {
            parts.take(SEQUENCE)?;
        }
        parts.optional(plain(1))?;
        parts.optional(plain(2))?;
        let mut read = Self { der: whole.whole, issuer, serial, key_id: None, stamps: false };
        if let Some(extensions) = parts.optional(inner(3))? {
            read.extensions(Element::only(extensions.value, SEQUENCE)?)?;
        }
        parts.end()?;
        Ok(read)
    }

    fn extensions(&mut self, list: Element<'a>) -> Result<(), StampError> {
        let mut extensions = list.elements()?;
        let (mut stamping, mut signs) = (false, true);
        while let Some(extension) = extensions.optional(SEQUENCE)? {
            let mut parts = extension.elements()?;
            let name = parts.take(OBJECT_IDENTIFIER)?.value;
            let critical = parts.optional(BOOLEAN)?.is_some_and(|critical| critical.value == [0xff]);
            let value = parts.take(OCTET_STRING)?.value;
            parts.end()?;
            match name {
                oid::SUBJECT_KEY => self.key_id = Some(Element::only(value, OCTET_STRING)?.value),
                oid::EXTENDED_KEY_USAGE => stamping = critical && is_for_stamping_alone(value)?,
                oid::KEY_USAGE => {
                    let bits = Element::only(value, BIT_STRING)?.value;
                    signs = bits.get(1).is_some_and(|bits| bits & SIGNS != 0);
                }
                _ => {}
            }
        }
        self.stamps = stamping && signs;
        extensions.end()
    }

    /// Whether it is for time stamping and nothing else, and says so as RFC 3161 asks: critically.
    pub(super) fn stamps(&self) -> bool {
        self.stamps
    }

    /// Whether it is the one that a signer names: by issuer and serial number, or by its key.
    pub(super) fn is_named(&self, signer: Element<'_>) -> Result<bool, StampError> {
        if signer.tag == plain(0) {
            return Ok(self.key_id == Some(signer.value));
        }
        let mut parts = signer.elements()?;
        let (issuer, serial) = (parts.take(SEQUENCE)?, parts.take(INTEGER)?);
        parts.end()?;
        Ok(self.issuer == issuer.whole && self.serial == serial.whole)
    }
}

fn is_for_stamping_alone(value: &[u8]) -> Result<bool, StampError> {
    let mut purposes = Element::only(value, SEQUENCE)?.elements()?;
    let first = purposes.take(OBJECT_IDENTIFIER)?.value;
    Ok(first == oid::TIME_STAMPING && purposes.any()?.is_none())
}
