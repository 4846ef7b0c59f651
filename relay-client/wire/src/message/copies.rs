//! Second copies of a broker's entries, which another broker holds: sent as they are durable, and brought back to a broker
//! that has lost them.
//!
//! What must hold: entries of one kind go in the order of their numbers, without a gap but for what the sender has given up;
//! what is sealed stays sealed. Lengths within a message are for the reader to check.

use serde::{Deserialize, Serialize};

/// Which of a broker's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CopyOf {
    /// Exchange records (情報提供等の記録), sealed under the broker's own keys.
    #[serde(rename = "records")]
    Records,
    /// Evidence of its permits.
    #[serde(rename = "permits")]
    Permits,
    /// What it has cosigned of bodies' logs.
    #[serde(rename = "witness")]
    Witness,
}

impl CopyOf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Records, Self::Permits, Self::Witness];

    /// The name in logs and places.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Permits => "permits",
            Self::Witness => "witness",
        }
    }
}

/// The first message of whoever the copies are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopiesAsked {
    /// Copies follow; answered by [`CopiesHeld`], then each [`CopyBatch`] by [`CopyKept`].
    #[serde(rename = "keep")]
    Keep,
    /// Copies are to be brought back; answered by [`CopyBatch`] messages up to the last that is held.
    #[serde(rename = "bring")]
    Bring {
        /// Which.
        #[serde(rename = "o")]
        of: CopyOf,
        /// From this number on.
        #[serde(rename = "n")]
        from: u64,
    },
}

/// How far the copies go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiesHeld {
    /// Where those of each kind end, durably. In the order of [`CopyOf::ALL`].
    #[serde(rename = "l")]
    pub ends: [HeldEnd; 3],
}

/// The last copy of one kind. Its owner compares it with the entry of that number: with another one it has lost entries and
/// written others under their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEnd {
    /// Its number; 0 for none.
    #[serde(rename = "n")]
    pub last: u64,
    /// SHA-256 of the encoded [`CopiedEntry`]; zeros for none.
    #[serde(rename = "h", with = "serde_bytes")]
    pub hash: [u8; 32],
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedEntry {
    /// Its number.
    #[serde(rename = "n")]
    pub number: u64,
    /// Its kind.
    #[serde(rename = "k")]
    pub kind: u8,
    /// When it was made, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// What it is, at most `COPY_MAX` bytes.
    #[serde(rename = "s", with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Entries of one kind in unbroken order, at most `COPIES_MAX` of them and, but for a single one, `COPY_MAX` bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyBatch {
    /// Which.
    #[serde(rename = "o")]
    pub of: CopyOf,
    /// Number of the first that their owner keeps: copies before it are given up.
    #[serde(rename = "f")]
    pub first: u64,
    /// The entries.
    #[serde(rename = "e")]
    pub entries: Vec<CopiedEntry>,
}

/// Entries are held, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyKept {
    /// Which.
    #[serde(rename = "o")]
    pub of: CopyOf,
    /// Number of the last: that of the batch.
    #[serde(rename = "l")]
    pub last: u64,
}
