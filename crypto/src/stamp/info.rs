//! What an authority signs (TSTInfo).
//!
//! What must hold: fractions of a second are read as RFC 3161 writes them; an extension that is critical is one that
//! nobody here knows.

use der::DateTime;

use super::element::{
    BOOLEAN, Element, Elements, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    algorithm, inner,
};
use super::{Policy, StampError, oid};

/// The fields that count.
pub(super) struct Info<'a> {
    pub(super) policy: Policy,
    /// SHA-256 of what is stamped.
    pub(super) digest: &'a [u8],
    pub(super) serial: &'a [u8],
    /// Unix milliseconds.
    pub(super) at_ms: u64,
    pub(super) nonce: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, StampError> {
        let mut parts = Element::only(bytes, SEQUENCE)?.elements()?;
        if parts.take(INTEGER)?.natural()? != [1] {
            return Err(StampError::Malformed);
        }
        let policy = Policy::from_value(parts.take(OBJECT_IDENTIFIER)?.value)?;
        let mut imprint = parts.take(SEQUENCE)?.elements()?;
        if algorithm(imprint.take(SEQUENCE)?)? != oid::SHA_256 {
            return Err(StampError::OtherBytes);
        }
        let digest = imprint.take(OCTET_STRING)?.value;
        imprint.end()?;
        let serial = parts.take(INTEGER)?.natural()?;
        let at_ms = moment(parts.take(GENERALIZED_TIME)?.value).ok_or(StampError::Malformed)?;
        // Accuracy and ordering: nothing here depends on them.
        parts.optional(SEQUENCE)?;
        parts.optional(BOOLEAN)?;
        let nonce = parts.optional(INTEGER)?.map(|nonce| nonce.natural()).transpose()?;
        parts.optional(inner(0))?;
        if let Some(extensions) = parts.optional(inner(1))? {
            known(extensions.elements()?)?;
        }
        parts.end()?;
        Ok(Self { policy, digest, serial, at_ms, nonce })
    }
}

/// None of the extensions is critical.
fn known(mut extensions: Elements<'_>) -> Result<(), StampError> {
    while let Some(extension) = extensions.optional(SEQUENCE)? {
        let mut parts = extension.elements()?;
        parts.take(OBJECT_IDENTIFIER)?;
        if parts.optional(BOOLEAN)?.is_some_and(|critical| critical.value != [0]) {
            return Err(StampError::Malformed);
        }
        parts.take(OCTET_STRING)?;
        parts.end()?;
    }
    extensions.end()
}

/// `YYYYMMDDhhmmss[.s…]Z` as Unix milliseconds. A fraction has no trailing zero; a leap second is no time here.
fn moment(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_once('.') {
        Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to)?.parse::<u8>().ok();
    let year = whole.get(..4)?.parse().ok()?;
    let time =
        DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?).ok()?;
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    time.unix_duration().as_secs().checked_mul(1_000)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_form_and_may_have_fractions() {
        assert_eq!(moment(b"20261122063000Z"), Some(1_795_329_000_000));
        assert_eq!(moment(b"20261122063000.5Z"), Some(1_795_329_000_500));
        assert_eq!(moment(b"20261122063000.123456789Z"), Some(1_795_329_000_123));
        let bad: [&[u8]; 9] = [
            b"20261122063000",
            b"20261122063000.Z",
            b"20261122063000.50Z",
            b"20261122063000.1234567891Z",
            b"20261122063060Z",
            b"20261322063000Z",
            b"20260229063000Z",
            b"202611220630Z",
            b"20261122063000+0900",
        ];
        for text in bad {
            assert_eq!(moment(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
