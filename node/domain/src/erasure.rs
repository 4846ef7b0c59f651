//! The record of a crypto-erasure (R23): what of a body can be read no more, since when in the live store, and since
//! when in every backup. It is what a certificate says, ready to be signed by the body's identity.
//!
//! What must hold: one byte form, which is what is signed; nothing in it names or points at a person. Deliberately
//! absent: who decided. The reference leads to that.

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::codes::InfoNameCode;
use crate::local_body_code::LocalBodyCode;

/// Format version written.
pub const VERSION: u8 = 1;
/// Bytes of the longest encoded record.
pub const RECORD_MAX: usize = 4 * 1024;
/// Characters of the longest reference.
pub const REFERENCE_MAX: usize = 64;
/// What stands before a record in the bytes that are signed, so that no other signature can be taken for one of it.
pub const SIGNED_LABEL: &[u8] = b"chukei erasure record v1\0";

/// What is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErasureScope {
    /// Everything about one person; which one, the record does not say.
    #[serde(rename = "person")]
    Person,
    /// Every copy of one dataset.
    #[serde(rename = "dataset")]
    Dataset(InfoNameCode),
    /// Everything of the body but its log.
    #[serde(rename = "body")]
    Body,
}

/// Kinds of keys that an erasure destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErasedKeyKind {
    /// A page key: `of` is the page. What only it opened is gone; everybody else's keys were sealed anew.
    #[serde(rename = "page")]
    Page,
    /// An epoch of the keyring.
    #[serde(rename = "epoch")]
    Epoch,
    /// A root of the keyring.
    #[serde(rename = "root")]
    Root,
    /// Every key of the keyring but those of the log; `number` is the last generation that had them.
    #[serde(rename = "keyring")]
    Keyring,
}

/// One key that was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ErasedKey {
    /// What kind of key.
    #[serde(rename = "k")]
    pub kind: ErasedKeyKind,
    /// Of what it was the key, where there are several: the page.
    #[serde(rename = "o")]
    pub of: u32,
    /// Its number; of an epoch, its day.
    #[serde(rename = "n")]
    pub number: u64,
}

/// When it is final in backups: once the last epoch is destroyed under which a keyring with the keys was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InBackups {
    /// Not before the beginning of this day in Japan, days since 1970-01-01.
    #[serde(rename = "from")]
    From(u32),
    /// Since then, Unix milliseconds.
    #[serde(rename = "since")]
    Since(u64),
}

/// What was erased, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    /// The erasure, a random id.
    #[serde(rename = "i", with = "serde_bytes")]
    pub id: [u8; 16],
    /// The body.
    #[serde(rename = "b")]
    pub body: LocalBodyCode,
    /// What is erased.
    #[serde(rename = "s")]
    pub scope: ErasureScope,
    /// The body's reference of the request, see [`is_reference`].
    #[serde(rename = "f")]
    pub reference: String,
    /// When it was begun, Unix milliseconds.
    #[serde(rename = "t")]
    pub begun_ms: u64,
    /// Final in the live store since then, Unix milliseconds.
    #[serde(rename = "l")]
    pub live_ms: u64,
    /// The newest epoch under which a keyring with the keys was sealed, its day.
    #[serde(rename = "e")]
    pub epoch: u32,
    /// Final in every backup.
    #[serde(rename = "u")]
    pub backups: InBackups,
    /// Rows that were removed from the live store.
    #[serde(rename = "r")]
    pub rows: u64,
    /// Keys that were destroyed.
    #[serde(rename = "k")]
    pub keys: Vec<ErasedKey>,
}

/// Whether a text may be the reference of a request: 1 to [`REFERENCE_MAX`] of letters, digits and `-_./`, and without
/// twelve digits on end, so that no number of a person can be one (R10).
pub fn is_reference(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    (1..=REFERENCE_MAX).contains(&text.len()) && text.bytes().all(allowed) && digits < 12
}

impl ErasureRecord {
    /// The one byte form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(VERSION, self, RECORD_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let record: Self = codec::decode(VERSION, bytes, RECORD_MAX)?;
        if is_reference(&record.reference) { Ok(record) } else { Err(CodecError::Malformed) }
    }

    /// What the body's identity signs (ECDSA P-256 with SHA-256): [`SIGNED_LABEL`] and the byte form.
    pub fn to_signed_bytes(&self) -> Result<Vec<u8>, CodecError> {
        Ok([SIGNED_LABEL, &self.to_bytes()?].concat())
    }
}

#[cfg(test)]
mod tests;
