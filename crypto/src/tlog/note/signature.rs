//! Signature lines: an em dash, the key's name, and the base64 of its id and what it signed.

use std::fmt;

use data_encoding::BASE64;

use super::{NAME_MAX, NoteError, VerifierKey};
use crate::tlog::text::{base64, is_name};

/// What every signature line begins with: U+2014 and a space.
const DASH: &str = "\u{2014} ";
/// Bytes of a key's id.
const ID: usize = 4;

/// One signature of a note. Written as its line, with the newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: [u8; ID],
    bytes: Vec<u8>,
}

impl Signature {
    /// The line for what a key has signed: 64 bytes of a log's key, eight of time before them of a witness's.
    pub fn new(key: &VerifierKey, bytes: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), bytes }
    }

    /// Reads a line with its newline, as a witness sends one back.
    pub fn from_line(line: &str) -> Result<Self, NoteError> {
        if line.len() > super::NOTE_MAX {
            return Err(NoteError::TooLarge);
        }
        line.strip_suffix('\n').ok_or(NoteError::Malformed).and_then(Self::parse)
    }

    /// Reads a line without its newline.
    pub(super) fn parse(line: &str) -> Result<Self, NoteError> {
        read(line).ok_or(NoteError::Malformed)
    }

    /// The name of the key that the line says has signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of that key.
    pub fn id(&self) -> [u8; ID] {
        self.id
    }

    /// What the key signed, without its id: at least one byte.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the line names this key. That the key has signed is not said by that.
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }

    pub(super) fn names_the_key_of(&self, other: &Self) -> bool {
        self.name == other.name && self.id == other.id
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.bytes].concat();
        writeln!(f, "{DASH}{} {}", self.name, BASE64.encode(&bytes))
    }
}

fn read(line: &str) -> Option<Signature> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    let decoded = base64(encoded)?;
    let (id, bytes) = decoded.split_first_chunk::<ID>()?;
    let fits = is_name(name, NAME_MAX) && !bytes.is_empty();
    fits.then(|| Signature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
}
