//! Signed notes (C2SP `signed-note`): text, an empty line, and signature lines.
//!
//! What must hold: a note is taken in its one form or refused whole; what it says counts only once a pinned key's
//! signature was verified. Signatures of keys that are not pinned are carried along and mean nothing.

mod key;
mod signature;

use std::fmt;

use super::text::is_line;

pub use key::{KeyError, KeyKind, VerifierKey};
pub use signature::Signature;

/// Longest note, in bytes.
pub const NOTE_MAX: usize = 64 * 1024;
/// Most signatures of a note; the specification asks for 16 at least.
pub const SIGNATURES_MAX: usize = 32;
/// Longest name of a key or origin of a log, in bytes of UTF-8.
pub const NAME_MAX: usize = 255;

/// Why a note was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_MAX`], or more signatures than [`SIGNATURES_MAX`].
    #[error("the note is too large")]
    TooLarge,
    /// Not text, an empty line and signature lines, in UTF-8 without control characters.
    #[error("not a signed note")]
    Malformed,
    /// Two signatures that name the same key.
    #[error("a key has signed twice")]
    Doubled,
    /// A pinned key's signature does not verify.
    #[error("a signature does not verify")]
    BadSignature,
    /// None of the signatures is of a pinned key.
    #[error("not signed by a known key")]
    UnknownKeys,
}

/// A note and its signatures, which nobody has verified yet. Written as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature that verifies, by the key that was pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The pinned key.
    pub key: &'a VerifierKey,
    /// When a witness signed, in Unix seconds; `None` for a log's signature, which has no time.
    pub time: Option<u64>,
}

impl Note {
    /// A note of `text`, which ends in a newline and may have empty lines, with its first signature.
    pub fn new(text: String, signature: Signature) -> Result<Self, NoteError> {
        let lines = text.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        if !lines.split('\n').all(|line| line.is_empty() || is_line(line)) {
            return Err(NoteError::Malformed);
        }
        let mut note = Self { text, signatures: Vec::new() };
        note.add(signature)?;
        Ok(note)
    }

    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        let (before, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let mut lines = lines.split('\n').map(Signature::parse);
        let first = lines.next().ok_or(NoteError::Malformed)??;
        let mut note = Self::new(format!("{before}\n"), first)?;
        for line in lines {
            note.add(line?)?;
        }
        Ok(note)
    }

    /// Adds a signature behind the others.
    pub fn add(&mut self, signature: Signature) -> Result<(), NoteError> {
        if self.signatures.iter().any(|held| held.names_the_key_of(&signature)) {
            return Err(NoteError::Doubled);
        }
        let room = self.length() + signature.to_string().len() <= NOTE_MAX;
        if !room || self.signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// What is signed: whole lines, the last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not, in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The signatures of pinned keys: one at least. Any of them that does not verify refuses the whole note.
    pub fn verify<'a>(
        &self,
        pinned: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut verified = Vec::new();
        for key in pinned {
            let Some(signature) = self.signatures.iter().find(|signature| signature.is_of(key)) else {
                continue;
            };
            let time = key.check(&self.text, signature.bytes()).map_err(|_| NoteError::BadSignature)?;
            verified.push(Verified { key, time });
        }
        if verified.is_empty() { Err(NoteError::UnknownKeys) } else { Ok(verified) }
    }

    /// Bytes of the whole note.
    fn length(&self) -> usize {
        let signatures: usize = self.signatures.iter().map(|signature| signature.to_string().len()).sum();
        self.text.len() + 1 + signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}
