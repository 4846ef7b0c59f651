//! Bodies' logs before their witnesses: a head there, a cosignature back.
//!
//! Origin, size and root stand in the checkpoint, a signed note (C2SP `tlog-checkpoint`), and nowhere else, so that
//! nothing can contradict it. Lengths within a message are for the reader to check.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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
    /// That the same checkpoint has grown from other heads that the broker has named since it cosigned last, at most
    /// `LOG_ALSO_MAX`. Not encoded when there are none.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<LogGrown>,
    /// That two persons have decided the beginning of the log's epoch. Not encoded when absent.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<LogGap>,
}

/// That a checkpoint has grown from one head more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGrown {
    /// Leaves of that head.
    #[serde(rename = "o")]
    pub old_size: u64,
    /// The proof, as in [`LogHead`].
    #[serde(rename = "f", with = "serde_bytes")]
    pub proof: Vec<u8>,
}

/// What a body states of the beginning of an epoch of its log: that it came back from a backup, and that two persons of the
/// body have decided that it goes on from there (R43).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGapClaims {
    /// The body.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// The epoch that begins.
    #[serde(rename = "e")]
    pub epoch: u64,
    /// The last checkpoint of an epoch before that the body knows to be cosigned, with its cosignatures, at most
    /// `LOG_CHECKPOINT_MAX` bytes. Absent where what came back knows of none.
    #[serde(rename = "l")]
    pub last: Option<ByteBuf>,
    /// SHA-256 of the manifest of the backup.
    #[serde(rename = "d", with = "serde_bytes")]
    pub backup: [u8; 32],
    /// Number of the first record of the epoch, the one that tells of the restore.
    #[serde(rename = "n")]
    pub first: u64,
    /// Who asked for it and who approved it: identities of the body's staff, two different ones.
    #[serde(rename = "w")]
    pub persons: [String; 2],
    /// When it was decided, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
}

/// The same under the signature of the body's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGap {
    /// What is stated.
    #[serde(rename = "c")]
    pub claims: LogGapClaims,
    /// ECDSA P-256 with SHA-256, fixed form, over the label `chukei log gap v1`, a zero byte and the encoded claims.
    #[serde(rename = "s", with = "serde_bytes")]
    pub signature: [u8; 64],
}

/// Broker to broker: a head of a body's log that the sender has cosigned. Each is answered by one [`LogCompared`], in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSeen {
    /// The body whose log it is.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// The checkpoint: a note, signed with the log's key and cosigned by the sender, at most `LOG_CHECKPOINT_MAX` bytes.
    #[serde(rename = "c", with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The log's Ed25519 public key.
    #[serde(rename = "k", with = "serde_bytes")]
    pub key: [u8; 32],
    /// The body's certificate of this key, as in [`LogHead`].
    #[serde(rename = "s", with = "serde_bytes")]
    pub certificate: [u8; 64],
}

/// From the other broker: how such a head goes with what it has cosigned itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogCompared {
    /// It has cosigned the same head.
    #[serde(rename = "agrees")]
    Agrees,
    /// It remembers it, durably, and cosigns nothing of this log that does not continue it too. With the checkpoint that it
    /// has cosigned last itself, signed by the log: at most `LOG_CHECKPOINT_MAX` bytes; absent where there is none.
    #[serde(rename = "noted")]
    Noted(Option<ByteBuf>),
    /// The log has told the two brokers different things. The other checkpoint, signed by the log: at most
    /// `LOG_CHECKPOINT_MAX` bytes. An alarm at either.
    #[serde(rename = "fork")]
    Fork(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Not looked at, or not in order: BAD_SIGNATURE, BAD_FORMAT, NOT_FOUND for a body that is not listed, NOT_READY,
    /// OVERLOADED.
    #[serde(rename = "refused")]
    Refused(ResultName),
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
    /// NOT_READY, OVERLOADED; TWO_PERSON_REQUIRED for a new epoch of a log without [`LogHead::gap`].
    #[serde(rename = "refused")]
    Refused(ResultName),
}
