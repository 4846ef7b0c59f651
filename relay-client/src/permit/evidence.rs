//! What broker and receiver keep of permits in their journals: roots, and what went wrong with them.
//!
//! Kept in the clear, because it is meant to be shown and says nothing of anybody: leaves are hashes of claims with
//! random parts. Signature and chain protect it; one byte form, versioned.

use chukei_crypto::permit::Epoch;
use chukei_wire::codec::{CodecError, decode, encode};
use chukei_wire::message::control::PermitRoot;
use serde::{Deserialize, Serialize};

/// Partition of the journal.
pub const EVIDENCE_PARTITION: &str = "permits";
/// Format version.
const VERSION: u8 = 1;
/// Longest entry, bytes: the leaves of a root and a little more.
const MAX: usize = 40 * 1024;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the broker.
    #[serde(rename = "b")]
    pub broker: String,
    /// Identity of the receiver.
    #[serde(rename = "r")]
    pub receiver: String,
    /// The epoch.
    #[serde(rename = "e", with = "serde_bytes")]
    pub epoch: [u8; 16],
    /// What is kept.
    #[serde(rename = "k")]
    pub of: EvidenceOf,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvidenceOf {
    /// A root, as it was made or verified.
    #[serde(rename = "root")]
    Root(PermitRoot),
    /// So many permits stay without a root.
    #[serde(rename = "unproven")]
    Unproven(u64),
    /// The connection was stopped for this kind of fault.
    #[serde(rename = "stopped")]
    Stopped(String),
}

impl Evidence {
    /// Of an epoch.
    pub fn new(epoch: &Epoch, of: EvidenceOf) -> Self {
        Self { broker: epoch.broker.clone(), receiver: epoch.receiver.clone(), epoch: epoch.id, of }
    }

    /// The one byte form: the version, then canonical CBOR.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = vec![VERSION];
        bytes.append(&mut encode(self)?);
        Ok(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => decode(rest, MAX),
            _ => Err(CodecError::Malformed),
        }
    }
}
