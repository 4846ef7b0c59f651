//! Plain messages of one hop about backups: a body's staff ask their node for an image of the body's rows.
//!
//! What travels is sealed under keys that neither side of this hop needs, and hashes; its form is the store's. Deliberately
//! absent: keys, and anything that says what a row holds.

use serde::{Deserialize, Serialize};

/// What to back up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRequest {
    /// The backup that this one is to build on; absent for a complete one.
    pub base: Option<BackupBase>,
}

/// A backup as another builds on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupBase {
    /// SHA-256 of its signed manifest.
    #[serde(with = "serde_bytes")]
    pub id: [u8; 32],
    /// The line of versions it is of.
    #[serde(with = "serde_bytes")]
    pub lineage: [u8; 16],
    /// The newest version in it.
    pub newest: u64,
    /// Number of the last entry of the journal in it.
    pub last_number: u64,
}

/// What the node has begun to send: the first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupBegun {
    /// The body's code, once more: the file is named after it.
    pub body: String,
    /// The node's time, Unix milliseconds.
    pub at_ms: u64,
    /// About as many bytes will follow; for showing progress only.
    pub bytes: u64,
}

/// To which file of a backup bytes belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupFile {
    /// The rows.
    #[serde(rename = "rows")]
    Rows,
    /// The entries of the journal.
    #[serde(rename = "journal")]
    Journal,
    /// The signed manifest, which comes last.
    #[serde(rename = "manifest")]
    Manifest,
}

/// A piece of a chunk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPiece {
    /// The file.
    pub file: BackupFile,
    /// Whether the chunk, or the manifest, ends with it.
    pub ends: bool,
    /// Its bytes, at most [`crate::limits::BACKUP_PIECE_MAX`].
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

unprinted!(BackupPiece);
