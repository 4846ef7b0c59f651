//! What may stand in a text: any assigned Unicode character, stored exactly as it came.
//!
//! Private-use characters (外字, gaiji) are refused: they look different, or like nothing, elsewhere.
//! Deliberately absent: any change to the text. Normalisation is for checks only.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Whether every character is assigned and none is for private use.
pub(crate) fn is_assigned(text: &str) -> bool {
    text.is_ascii() || text.chars().all(is_assigned_char)
}

fn is_assigned_char(character: char) -> bool {
    !matches!(character.general_category(), GeneralCategory::Unassigned | GeneralCategory::PrivateUse)
}

/// Whether `text` has 1 to `max` assigned characters (Unicode scalar values, not bytes).
pub(crate) fn fits(text: &str, max: usize) -> bool {
    // A text has at least as many bytes as characters: most texts need no counting.
    let short = text.len() <= max || text.chars().nth(max).is_none();
    !text.is_empty() && short && is_assigned(text)
}

/// As [`fits`], on one line: no control characters either.
pub(crate) fn fits_line(text: &str, max: usize) -> bool {
    fits(text, max) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
