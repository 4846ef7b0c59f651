//! Verifier keys of notes: a name, a kind and an Ed25519 public key, as one line of text that a portal pins.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};

use super::NAME_MAX;
use crate::hash::sha256_joined;
use crate::sign::{self, BadSignature};
use crate::tlog::text::{base64, is_name};
use crate::tlog::witness::{TIME_MAX, cosigned_message};

/// Bytes of a public key.
const PUBLIC: usize = 32;

/// Why something is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name with spaces, plus signs or control characters, an empty one, or one longer than [`NAME_MAX`].
    #[error("not the name of a key")]
    Name,
    /// Not `<name>+<id>+<key>` in its one form.
    #[error("not a verifier key")]
    Malformed,
    /// Neither a log's key nor a witness's.
    #[error("not a kind of key that is used here")]
    Kind,
    /// The id is not the one of this name and key.
    #[error("the id is not the key's")]
    Id,
}

/// What a key signs, with the byte that C2SP gives its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Ed25519 over the text of a note: a log's checkpoints.
    Log = 1,
    /// Ed25519 over a time and the text: a witness's cosignatures (`cosignature/v1`).
    Witness = 4,
}

/// A public key by which signatures of notes are verified. Written as `<name>+<id>+<key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; PUBLIC],
    id: [u8; 4],
}

impl VerifierKey {
    /// The key with this name; for a log, its origin.
    pub fn new(name: &str, kind: KeyKind, public: [u8; PUBLIC]) -> Result<Self, KeyError> {
        if !is_name(name, NAME_MAX) {
            return Err(KeyError::Name);
        }
        let hash = sha256_joined(&[name.as_bytes(), b"\n", &[kind as u8], &public]);
        let [a, b, c, d, ..] = hash;
        Ok(Self { name: name.to_owned(), kind, public, id: [a, b, c, d] })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> &[u8; PUBLIC] {
        &self.public
    }

    /// The first four bytes of SHA-256 over name, newline, kind and key: finds a signature, proves nothing.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Checks what a signature line holds behind the id, over the text of its note: for a witness's, says when it
    /// signed, in Unix seconds.
    pub(in crate::tlog) fn check(&self, text: &str, bytes: &[u8]) -> Result<Option<u64>, BadSignature> {
        match self.kind {
            KeyKind::Log => sign::verify(&self.public, text.as_bytes(), bytes).map(|()| None),
            KeyKind::Witness => {
                let (time, signature) = bytes.split_first_chunk().ok_or(BadSignature)?;
                let time = u64::from_be_bytes(*time);
                if time > TIME_MAX {
                    return Err(BadSignature);
                }
                let message = cosigned_message(text, time);
                sign::verify(&self.public, message.as_bytes(), signature).map(|()| Some(time))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Malformed)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Malformed)?;
        // Base64 of a kind and a key: 33 bytes.
        let key = if key.len() == 44 { base64(key) } else { None };
        let key = key.ok_or(KeyError::Malformed)?;
        let (kind, public) = key.split_first().ok_or(KeyError::Malformed)?;
        let kind = match kind {
            1 => KeyKind::Log,
            4 => KeyKind::Witness,
            _ => return Err(KeyError::Kind),
        };
        let public = public.try_into().map_err(|_| KeyError::Malformed)?;
        let key = Self::new(name, kind, public)?;
        if HEXLOWER.encode(&key.id) == id { Ok(key) } else { Err(KeyError::Id) }
    }
}
