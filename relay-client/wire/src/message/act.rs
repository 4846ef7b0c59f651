//! Plain messages of one hop about acts that two persons of a body decide: asked for, approved, called off, listed, and
//! what an act has brought out.
//!
//! What must hold: a person stands in them by the integrated addressee number only, and only for those who decide.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::id::ActId;

unprinted!(ActWanted, ActRequest, ActShown, ActPiece);

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActWanted {
    /// Everything about a person is erased.
    #[serde(rename = "erase-person")]
    ErasePerson {
        /// 団体内統合宛名番号.
        integrated_addressee_number: String,
    },
    /// Every copy of a dataset is erased.
    #[serde(rename = "erase-dataset")]
    EraseDataset {
        /// Dataset code.
        info_name_code: String,
    },
    /// Everything of the body but its log is erased.
    #[serde(rename = "erase-body")]
    EraseBody,
    /// The body's log is erased: always refused, it stays until its own retention ends (R23).
    #[serde(rename = "erase-records")]
    EraseRecords,
    /// A person's own information is given out again (R50).
    #[serde(rename = "unblock")]
    Unblock {
        /// 団体内統合宛名番号.
        integrated_addressee_number: String,
        /// These datasets; none for all.
        datasets: Vec<String>,
    },
    /// A person's exchange records are shown to them again (R50).
    #[serde(rename = "disclose-records")]
    DiscloseRecords {
        /// 団体内統合宛名番号.
        integrated_addressee_number: String,
        /// Those of these datasets; none for all.
        datasets: Vec<String>,
    },
    /// A policy of the body's own.
    #[serde(rename = "policy-load")]
    PolicyLoad {
        /// Its name.
        name: String,
        /// Its text.
        text: String,
    },
    /// The body's policy of this name goes.
    #[serde(rename = "policy-remove")]
    PolicyRemove {
        /// Its name.
        name: String,
    },
    /// A later catalogue (R13).
    #[serde(rename = "catalogue-load")]
    CatalogueLoad {
        /// Its text, at most [`crate::limits::ACT_TEXT_MAX`].
        text: String,
    },
    /// Records of the body's log.
    #[serde(rename = "audit-export")]
    AuditExport {
        /// From then on, Unix milliseconds.
        from_ms: u64,
        /// Before then.
        until_ms: u64,
    },
    /// A copy of the sealed keyring (R25).
    #[serde(rename = "keyring-copy")]
    KeyringCopy,
    /// The body's log goes on after a restore (R43).
    #[serde(rename = "log-gap")]
    LogGap,
}

/// Ask for an act; answered by an [`ActShown`]. Asking once more under the same idempotency key asks for the same act.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRequest {
    /// What is wanted.
    pub wanted: ActWanted,
    /// The body's own reference: 1 to 64 of letters, digits and `-_./`, without twelve digits on end.
    pub reference: String,
}

/// Approve an act, call it off, or fetch what it has brought out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActNamed {
    /// The act.
    pub act: ActId,
    /// Of an export that is fetched: with what proves its records, as `audit::ExportItem`s.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proven: bool,
}

/// Ask for acts, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActListRequest {
    /// Only this one.
    pub act: Option<ActId>,
    /// Only those of which something is still to come.
    pub open: bool,
    /// Continue behind this cursor.
    pub after: Option<ByteBuf>,
}

/// A page of acts, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActListPage {
    /// Acts.
    pub acts: Vec<ActShown>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<ByteBuf>,
}

/// Somebody did something to an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActStep {
    /// The identity.
    pub by: String,
    /// Unix milliseconds.
    pub at_ms: u64,
}

/// An act as it stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActShown {
    /// The act.
    pub act: ActId,
    /// E.g. `erase-person`.
    pub kind: String,
    /// `requested`, `approved`, `begun`, `executed`, `failed`, `cancelled` or `expired`.
    pub state: String,
    /// The body's reference.
    pub reference: String,
    /// 団体内統合宛名番号; only for those who decide on acts, and not of a person who is erased.
    pub integrated_addressee_number: Option<String>,
    /// Dataset codes.
    pub datasets: Vec<String>,
    /// Name of the policy, version of the catalogue, number of the record with which a log's epoch begins.
    pub name: Option<String>,
    /// SHA-256 of its text, lower-case hexadecimal.
    pub digest: Option<String>,
    /// Records of an export: from then on, and before then, Unix milliseconds.
    pub period_ms: Option<[u64; 2]>,
    /// The first person.
    pub requested: ActStep,
    /// The second.
    pub approved: Option<ActStep>,
    /// Not carried out before then, Unix milliseconds.
    pub not_before_ms: Option<u64>,
    /// Its time ends then, Unix milliseconds: to be approved, to be carried out, to be fetched.
    pub until_ms: u64,
    /// Its end.
    pub ended: Option<ActStep>,
    /// Why it failed, a result name.
    pub failure: Option<String>,
    /// Whether what it brought out was fetched.
    pub fetched: bool,
    /// The certificate of an erasure.
    pub erasure: Option<ActErasure>,
}

/// What the body's identity has signed of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActErasure {
    /// The record in its one byte form.
    #[serde(with = "serde_bytes")]
    pub record: Vec<u8>,
    /// ECDSA P-256 with SHA-256 over `chukei erasure record v1`, a zero byte and the record: r ‖ s.
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

/// A piece of what an act has brought out, or of the text it is about.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActPiece {
    /// At most [`crate::limits::ACT_PIECE_MAX`]. Of an export: whole records, each behind its length in four bytes, the
    /// highest first.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
