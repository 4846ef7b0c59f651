//! What a reviewer may write on an item.

use unicode_normalization::UnicodeNormalization;

use crate::individual_number;
use crate::outcome::Refusal;

/// Characters of the longest note.
pub const NOTE_MAX: usize = 500;
/// Digits on end from which on a number may be somebody's: individual and addressee numbers have 12 and 15.
const DIGITS: usize = 12;

/// Refuses a note that is empty, too long or holds control characters, and one that holds what may be the number of a
/// person (R10): a note says what was found, and the log says about whom.
pub fn check_note(note: &str) -> Result<(), Refusal> {
    if individual_number::find(note) || has_long_number(note) {
        return Err(Refusal::ForbiddenIdentifier);
    }
    let length = note.chars().take(NOTE_MAX + 1).count();
    if note.trim().is_empty() || length > NOTE_MAX || note.chars().any(char::is_control) {
        return Err(Refusal::BadFormat);
    }
    Ok(())
}

fn has_long_number(note: &str) -> bool {
    let mut run = 0;
    note.nfkc().any(|character| {
        run = if character.is_ascii_digit() { run + 1 } else { 0 };
        run >= DIGITS
    })
}
