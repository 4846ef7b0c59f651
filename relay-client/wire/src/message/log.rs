//! Bodies' logs before their witnesses: a head there, a cosignature back.
//!
//! Origin, size and root stand in the checkpoint, a signed note (C2SP `tlog-checkpoint`), and nowhere else, so that
//! nothing can contradict it. Lengths within a message are for the reader to check.

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::result::ResultName;

/// Node to broker: how far the log of a body has grown. Each is answered by one [`LogWitnessed`], in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// The body whose log it is.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// Leaves of the head that the proof begins at: what the broker is taken to remember, 0 for nothing. More than the
    /// checkpoint has where the broker has said so ([`LogWitnessed::Behind`]); the proof then leads from the checkpoint
    /// to what it remembers.
    #[serde(rename = "o")]
    pub old_size: u64,
    /// The consistency proof (RFC 9162, 2.1.4), 32 bytes each hash, at most `LOG_PROOF_MAX` hashes.
    #[serde(rename = "f", with = "serde_bytes")]
    pub proof: Vec<u8>,
    /// The checkpoint: a note, signed with the log's key, at most `LOG_CHECKPOINT_MAX` bytes.
    #[serde(rename = "c", with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The log's Ed25519 public key.
    #[serde(rename = "k", with = "serde_bytes")]
    pub key: [u8; 32],
    /// The body's certificate of this key: ECDSA P-256 with SHA-256 by its identity, fixed form, over the label
    /// `chukei log key v1`, a zero byte, the body's code (6 ASCII digits) and the key.
    #[serde(rename = "s", with = "serde_bytes")]
    pub certificate: [u8; 64],
}

/// From the broker: what became of one head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogWitnessed {
    /// The signature line of the broker (C2SP `cosignature/v1`) with its newline, at most `LOG_COSIGNATURE_MAX` bytes. The
    /// broker remembers this head, durably.
    #[serde(rename = "cosigned")]
    Cosigned(String),
    /// The broker remembers a head of this many leaves, and the proof did not begin there. Where that is more than the
    /// head has, an older head came late, or the log was set back.
    #[serde(rename = "behind")]
    Behind(u64),
    /// The log contradicts what the broker remembers of it. Never cosigned, and an alarm.
    #[serde(rename = "fork")]
    Fork,
    /// Not looked at, or not in order: NOT_FOUND for a body that is not this connection's, BAD_SIGNATURE, BAD_FORMAT,
    /// NOT_READY, OVERLOADED.
    #[serde(rename = "refused")]
    Refused(ResultName),
}
