//! Pieces of C2SP's texts, each in its one form: names, decimal numbers, hashes, lines.

use data_encoding::BASE64;

use super::Hash;

/// The bytes that this is the base64 of, with padding and without stray bits (RFC 4648, 3.5).
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    // The decoder takes padded pieces one after the other as well: padding is looked for before the end.
    let padded_before = text.trim_end_matches('=').contains('=');
    if padded_before { None } else { BASE64.decode(text.as_bytes()).ok() }
}

/// The hash that this is the base64 of: 44 characters.
pub(super) fn hash(text: &str) -> Option<Hash> {
    // A longer text is refused before it is decoded.
    let bytes = if text.len() == 44 { base64(text)? } else { return None };
    Hash::try_from(bytes).ok()
}

/// A decimal number without leading zeros, signs or anything else.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    if digits && shortest { text.parse().ok() } else { None }
}

/// Whether a key or a log can be called so: `signed-note` allows neither Unicode spaces nor plus signs, and no text of
/// a note has control characters.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    let letters = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control() && letter != '+');
    !text.is_empty() && text.len() <= longest && letters
}

/// Whether this can be a line of a note: not empty, without control characters below U+0020.
pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter >= ' ')
}
