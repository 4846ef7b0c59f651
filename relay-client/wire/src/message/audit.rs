//! Plain messages of one hop about a body's log: whether it is whole, and what it tells of whom and when.
//!
//! Identities, actions, results and internal references. Deliberately absent: what was answered, and numbers of persons.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::body_code::BodyCode;
use crate::id::RequestId;

unprinted!(AuditSearchRequest, AuditEvent, ExportItem, ExportEnds, FollowedEntry);

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

/// Outcome of re-reading a body's events and holding them against the tree over them; or how far that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerifyReply {
    /// Every event opened, in unbroken sequence, and is the leaf that the tree has at its place.
    pub verified: bool,
    /// Events read.
    pub events: u64,
    /// Sequence number of the first bad or missing event. Absent of a log that is another one than a witness knows,
    /// where nobody can tell since when.
    pub first_bad: Option<u64>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<LogFault>,
    /// Leaves of the tree that the log was held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree_size: Option<u64>,
    /// Its root.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub tree_root: Option<[u8; 32]>,
    /// Leaves of the largest checkpoint that a witness is known to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<u64>,
    /// Places of the tree whose records were given up or are sealed under destroyed keys: their leaves stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    /// The work goes on, and this many records are to be read in all: another message follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
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

/// What an export of a log consists of: places of the log in order, between what leads to the first and what leads from
/// the last to a checkpoint. Each stands behind its length in four bytes, the highest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportItem {
    /// Before the first.
    #[serde(rename = "b")]
    Begins {
        /// Whose log it is.
        #[serde(rename = "b")]
        body: BodyCode,
        /// Number of the first record, from 1; one more than the last where there is none.
        #[serde(rename = "n")]
        first: u64,
        /// Roots of the complete subtrees over the leaves before it, largest first, 32 bytes each, at most 63.
        #[serde(rename = "r")]
        roots: Vec<ByteBuf>,
    },
    /// A record, as its leaf opens.
    #[serde(rename = "r")]
    Record {
        /// Its number.
        #[serde(rename = "n")]
        number: u64,
        /// An opening of the internal part (`chukei_crypto::tlog::Opening`).
        #[serde(rename = "o")]
        opening: ByteBuf,
    },
    /// The leaf of a record of another time, or of one that is no more.
    #[serde(rename = "l")]
    Leaf {
        /// Its number.
        #[serde(rename = "n")]
        number: u64,
        /// The leaf.
        #[serde(rename = "h", with = "serde_bytes")]
        leaf: [u8; 32],
    },
    /// Behind the last.
    #[serde(rename = "e")]
    Ends(Box<ExportEnds>),
}

/// What leads from the last place of an export to a checkpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportEnds {
    /// Number of the last record; 0 where there is none.
    #[serde(rename = "n")]
    pub last: u64,
    /// The consistency proof from the tree that ends there to the checkpoint's, 32 bytes a hash.
    #[serde(rename = "f")]
    pub proof: ByteBuf,
    /// The checkpoint, a signed note with cosignatures.
    #[serde(rename = "c")]
    pub checkpoint: ByteBuf,
    /// The log's Ed25519 public key.
    #[serde(rename = "k", with = "serde_bytes")]
    pub key: [u8; 32],
    /// The body's certificate of it, as in `LogHead`.
    #[serde(rename = "s", with = "serde_bytes")]
    pub certificate: [u8; 64],
}

/// Ask for what a follower of the body's log does not have yet. Each is answered by one [`AuditFollowPage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFollowRequest {
    /// Number of the first entry that it lacks, from 1.
    #[serde(rename = "n")]
    pub from: u64,
    /// Leaves that it has.
    #[serde(rename = "s")]
    pub size: u64,
}

/// What follows: sealed entries, leaves, and a checkpoint over the leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFollowPage {
    /// Number of the first record that the log keeps: what a follower lacks before it is given up.
    #[serde(rename = "f")]
    pub first: u64,
    /// Number of the last durable record.
    #[serde(rename = "z")]
    pub last: u64,
    /// Entries, from the one that was asked for on, in order.
    #[serde(rename = "e")]
    pub entries: Vec<FollowedEntry>,
    /// Leaves behind those that the follower has, 32 bytes each, at most `AUDIT_FOLLOW_LEAVES`.
    #[serde(rename = "l")]
    pub leaves: ByteBuf,
    /// A checkpoint over all leaves up to the last of these, where there is one.
    #[serde(rename = "c")]
    pub checkpoint: Option<FollowedHead>,
}

/// One entry of a log as it lies there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedEntry {
    /// Its number.
    #[serde(rename = "n")]
    pub number: u64,
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// What it is: 0 other, 1 call, 2 authorised, 3 refused, 4 outcome, 5 restored.
    #[serde(rename = "k")]
    pub kind: u8,
    /// The request it belongs to, where the entry says so without a key.
    #[serde(rename = "q")]
    pub request: Option<RequestId>,
    /// The record, sealed under the body's keys.
    #[serde(rename = "s")]
    pub sealed: ByteBuf,
}

/// A checkpoint with what it is verified by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedHead {
    /// A signed note with cosignatures.
    #[serde(rename = "c")]
    pub checkpoint: ByteBuf,
    /// The log's Ed25519 public key.
    #[serde(rename = "k", with = "serde_bytes")]
    pub key: [u8; 32],
    /// The body's certificate of it, as in `LogHead`.
    #[serde(rename = "s", with = "serde_bytes")]
    pub certificate: [u8; 64],
}

/// Ask for time stamps of an authority (RFC 3161) on checkpoints of the body's log, in the order of their days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStampsRequest {
    /// Continue behind this day, in days since 1970-01-01 in Japan.
    #[serde(rename = "n")]
    pub after: Option<u32>,
}

/// Time stamps, and what shows that the log goes on from each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStampsPage {
    /// One of a day at most.
    #[serde(rename = "t")]
    pub stamps: Vec<TimeStamped>,
    /// The day to continue behind; absent on the last page.
    #[serde(rename = "n")]
    pub next: Option<u32>,
    /// A checkpoint of now, to which the proofs lead; absent where there is no stamp.
    #[serde(rename = "c")]
    pub head: Option<FollowedHead>,
}

/// A checkpoint with its time stamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeStamped {
    /// The day in Japan that it was asked for on, since 1970-01-01.
    #[serde(rename = "d")]
    pub day: u32,
    /// What is stamped: a signed note with cosignatures, with the log's key as it was then.
    #[serde(rename = "h")]
    pub head: FollowedHead,
    /// The authority's token: DER of the ContentInfo, at most `TIME_STAMP_MAX` bytes.
    #[serde(rename = "s")]
    pub token: ByteBuf,
    /// The consistency proof from its tree to that of the page's checkpoint, 32 bytes a hash; absent where the log has
    /// fewer leaves now.
    #[serde(rename = "f")]
    pub proof: Option<ByteBuf>,
}
