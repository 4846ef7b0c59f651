//! What a body's log says of one person (情報提供等の記録), page by page, with what proves it: the sealed request and its
//! sealed answer.
//!
//! A place that is closed says its number and nothing else, whatever closes it (R50). Lengths within a message are for the
//! reader to check.

use serde::{Deserialize, Serialize};

use crate::message::binding::BindingTag;
use crate::result::ResultName;

unprinted!(OpenPlace);

/// Sealed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsRequest {
    /// Proofs that the request is about this person, newest version first, at most `BINDING_TAGS_MAX` (R22).
    #[serde(rename = "b")]
    pub binding_tags: Vec<BindingTag>,
    /// The first place of the page: its number among the person's, from 1.
    #[serde(rename = "f")]
    pub from: u64,
    /// The newest checkpoint that the asker has verified before, so that of the same epoch no smaller one comes, and none
    /// without the proof that it continues this one.
    #[serde(rename = "s")]
    pub known: Option<KnownHead>,
}

/// How far a log is known to have grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownHead {
    /// Epoch of the log, as its origin names it.
    #[serde(rename = "e")]
    pub epoch: u64,
    /// Leaves.
    #[serde(rename = "n")]
    pub size: u64,
}

/// Sealed answer. With any result but `DONE` there is nothing in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsReply {
    /// `DONE`, or a refusal.
    #[serde(rename = "r")]
    pub result: ResultName,
    /// What the log states, and by which key; absent while no broker has cosigned any of it, when every place is closed.
    #[serde(rename = "l")]
    pub log: Option<StatedLog>,
    /// Places there are.
    #[serde(rename = "n")]
    pub count: u64,
    /// Places from the first that was asked for on, without a gap: `RECORDS_PAGE`, or as many as there are.
    #[serde(rename = "e")]
    pub places: Vec<RecordPlace>,
}

/// A checkpoint of a body's log, and its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedLog {
    /// The log's Ed25519 public key.
    #[serde(rename = "k", with = "serde_bytes")]
    pub key: [u8; 32],
    /// The body's certificate of this key, as in `LogHead`.
    #[serde(rename = "s", with = "serde_bytes")]
    pub certificate: [u8; 64],
    /// The checkpoint: a note, signed by the log and by at least one broker, at most `RECORDS_CHECKPOINT_MAX` bytes.
    #[serde(rename = "c", with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The consistency proof from the known checkpoint, where the question names one of the same epoch (RFC 9162, 2.1.4):
    /// 32 bytes each hash, at most `LOG_PROOF_MAX` hashes. Empty where it names none, and where the size is the same.
    #[serde(rename = "g", with = "serde_bytes")]
    pub grown: Vec<u8>,
}

/// One place among a person's records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPlace {
    /// Its number among them, from 1.
    #[serde(rename = "n")]
    pub number: u64,
    /// What stands there; absent where it is closed: not under the checkpoint yet, not ended yet, or not to be shown.
    #[serde(rename = "o")]
    pub open: Option<OpenPlace>,
}

/// What stands at a place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPlace {
    /// Index of its leaf in the log, from 0.
    #[serde(rename = "i")]
    pub index: u64,
    /// The leaf's part for the person, opened, at most `RECORDS_OPENING_MAX` bytes.
    #[serde(rename = "o", with = "serde_bytes")]
    pub opening: Vec<u8>,
    /// The inclusion proof to the checkpoint (RFC 9162, 2.1.3), 32 bytes each hash, at most `LOG_PROOF_MAX` hashes.
    #[serde(rename = "p", with = "serde_bytes")]
    pub proof: Vec<u8>,
}
