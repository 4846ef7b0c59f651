//! The printed form of an acquisition number, and its division into what each reader needs.

use data_encoding::BASE64URL_NOPAD;

use super::{BROKER_SEALED, HEAD, PARTY_SEALED, SIGNATURE, TEXT_MAX, VERSION};
use crate::hash::sha256;

/// Not the text of an acquisition number of a known version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an acquisition number")]
pub struct Malformed;

/// A number divided. Each part carries the hash of the other and the registry's signature over both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// For the broker alone: self-contained, 194 bytes.
    pub broker_part: Vec<u8>,
    /// For the party alone: 235 bytes; empty where the number has no party part.
    pub party_part: Vec<u8>,
}

pub(super) fn encode(number: &[u8]) -> String {
    BASE64URL_NOPAD.encode(number)
}

/// Divides a number. Nothing is authenticated yet: that is for whoever opens a part.
pub fn split(text: &str) -> Result<Parts, Malformed> {
    if text.len() > TEXT_MAX {
        return Err(Malformed);
    }
    let number = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Malformed)?;
    let (head, rest) = number.split_first_chunk::<HEAD>().ok_or(Malformed)?;
    let (broker, rest) = rest.split_first_chunk::<BROKER_SEALED>().ok_or(Malformed)?;
    let (party, signature) = rest.split_last_chunk::<SIGNATURE>().ok_or(Malformed)?;
    if head.first() != Some(&VERSION) || !(party.is_empty() || party.len() == PARTY_SEALED) {
        return Err(Malformed);
    }
    let broker_part = [&head[..], broker, &sha256(party), signature].concat();
    let party_part =
        if party.is_empty() { Vec::new() } else { [&head[..], &sha256(broker), party, signature].concat() };
    Ok(Parts { broker_part, party_part })
}

/// Whether twelve digits stand together, or grouped 4-4-4 by hyphens (R10): what a check downstream would take
/// for an individual number.
pub(super) fn resembles_individual_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let grouped = |window: &[u8]| {
        window.iter().enumerate().all(|(i, byte)| match i {
            4 | 9 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    bytes.windows(12).any(|window| window.iter().all(u8::is_ascii_digit)) || bytes.windows(14).any(grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_twelve_digits_are_seen_however_grouped() {
        for text in ["ab123456789018cd", "123456789018", "x1234-5678-9018", "1234567890123"] {
            assert!(resembles_individual_number(text), "{text}");
        }
        for text in ["12345678901a2", "1234-5678-901", "1234-56789-012", "12345678901", "", "1234_5678_9018"]
        {
            assert!(!resembles_individual_number(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "AQ", "not base64!", "あ", &"A".repeat(513), &"A".repeat(387)] {
            assert_eq!(split(text), Err(Malformed));
        }
    }
}
