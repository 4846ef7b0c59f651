//! Plain messages of one hop about a body's log: whether it is whole, and what it tells of whom and when.
//!
//! Identities, actions, results and internal references. Deliberately absent: what was answered, and numbers of persons.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::id::RequestId;

unprinted!(AuditSearchRequest, AuditEvent);

/// What is wrong with a log at its first bad record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogFault {
    /// It does not open, or says of itself what it is not.
    #[serde(rename = "altered")]
    Altered,
    /// It is not there; what follows it is, or was.
    #[serde(rename = "missing")]
    Missing,
    /// It stands elsewhere in the log, and another stands in its place.
    #[serde(rename = "reordered")]
    Reordered,
    /// A copy of an earlier record stands in its place or behind it.
    #[serde(rename = "duplicated")]
    Duplicated,
    /// It opens, and the log's tree has another leaf in its place.
    #[serde(rename = "not_in_tree")]
    NotInTree,
    /// The stored tree does not have the root that was stated.
    #[serde(rename = "tree_damaged")]
    TreeDamaged,
    /// The log ends before its tree does.
    #[serde(rename = "cut_short")]
    CutShort,
    /// A witness, or the checkpoint that was handed in, knows a longer or another log.
    #[serde(rename = "rolled_back")]
    RolledBack,
}

impl LogFault {
    /// The name in logs and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::Duplicated => "duplicated",
            Self::NotInTree => "not_in_tree",
            Self::TreeDamaged => "tree_damaged",
            Self::CutShort => "cut_short",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// Ask for the body's log to be checked, and to be told meanwhile how far that is. A caller who sends nothing is
/// answered by the outcome alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerifyRequest {
    /// A checkpoint of this log that somebody kept: a signed note, at most `LOG_CHECKPOINT_MAX` bytes. The log must
    /// continue it.
    #[serde(rename = "c")]
    pub checkpoint: Option<ByteBuf>,
}

/// Ask for events of the body's log, a page at a time. Whatever is absent asks for all.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSearchRequest {
    /// Who acted: an identity, or the end of one behind a `/`, such as `u-tax-07`.
    #[serde(rename = "o")]
    pub actor: Option<String>,
    /// What was called, e.g. `copy-show`.
    #[serde(rename = "a")]
    pub action: Option<String>,
    /// About whom: 団体内統合宛名番号, or the internal reference that events carry (32 hexadecimal digits).
    #[serde(rename = "p")]
    pub person: Option<String>,
    /// From this time on, Unix milliseconds.
    #[serde(rename = "f")]
    pub from_ms: Option<u64>,
    /// Before this time, Unix milliseconds.
    #[serde(rename = "u")]
    pub until_ms: Option<u64>,
    /// Result name, e.g. `DENIED`.
    #[serde(rename = "r")]
    pub result: Option<String>,
    /// One request, with all that was done in it.
    #[serde(rename = "q")]
    pub request: Option<RequestId>,
    /// Newest first; oldest first otherwise.
    #[serde(rename = "d")]
    pub newest_first: bool,
    /// Continue behind the record of this number, in the direction of the question.
    #[serde(rename = "n")]
    pub after: Option<u64>,
    /// Events in the answer at most, 1 to `AUDIT_SEARCH_PAGE`.
    #[serde(rename = "l")]
    pub limit: u32,
}

/// Events that fit the question. One page looks at a bounded number of records: it may be empty and not be the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSearchPage {
    /// Events, in the direction of the question.
    #[serde(rename = "e")]
    pub events: Vec<AuditEvent>,
    /// Where to continue; absent on the last page.
    #[serde(rename = "n")]
    pub next: Option<u64>,
}

/// One event of the log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Number of the record, from 1.
    #[serde(rename = "n")]
    pub number: u64,
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// Who acted.
    #[serde(rename = "o")]
    pub actor: String,
    /// What was called.
    #[serde(rename = "a")]
    pub action: String,
    /// What happened, by the name in the catalogue of events.
    #[serde(rename = "k")]
    pub event: String,
    /// Its result: a result name.
    #[serde(rename = "r")]
    pub result: String,
    /// The affair it was done for.
    #[serde(rename = "f")]
    pub affair: Option<String>,
    /// The person it was about, by the body's internal reference, hexadecimal.
    #[serde(rename = "p")]
    pub person: Option<String>,
    /// The request it belongs to.
    #[serde(rename = "q")]
    pub request: Option<RequestId>,
    /// The device that proved itself.
    #[serde(rename = "v")]
    pub device: Option<String>,
    /// Ids of the policies that decided.
    #[serde(rename = "w")]
    pub reasons: Vec<String>,
    /// The body on whose behalf it was done.
    #[serde(rename = "b")]
    pub on_behalf_of: Option<String>,
}
