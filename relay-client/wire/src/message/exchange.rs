//! Exchange records (情報提供等の記録) as a broker shows them: to the person's portal, and to the body they are about; and a
//! body's word on which of them are hidden (不開示該当フラグ, R50).
//!
//! What must hold: one page is signed as a whole by the broker, so that it stands by itself; an entry that is hidden and one
//! whose passage has not ended are the same bytes, and nothing else of the page tells them apart. Lengths within a message
//! are for the reader to check.

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::codec::{CodecError, encode};
use crate::header::{Kind, PersonCode};
use crate::id::RequestId;

unprinted!(ExchangeRecord, ExchangePage, ExchangeStatement, UndisclosedMark);

/// What is signed before a statement, so that no other signature of the key fits.
const LABEL: &[u8] = b"chukei exchange page v1\0";

/// To the broker: the records of passages that began in a span of time. The header names the body, or none for every body
/// of the person. A portal names the person by its own code in the hop part; a node names the body, and a person where it
/// asks for one person's alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeQuery {
    /// From this moment on, Unix milliseconds.
    #[serde(rename = "f")]
    pub from_ms: u64,
    /// And before this one.
    #[serde(rename = "u")]
    pub until_ms: u64,
    /// Continue behind this cursor, as a page named it: at most `EXCHANGE_CURSOR_MAX` bytes.
    #[serde(rename = "a")]
    pub after: Option<serde_bytes::ByteBuf>,
    /// Entries in the page, 1 to `EXCHANGE_PAGE`.
    #[serde(rename = "l")]
    pub limit: u16,
}

/// From the broker: one page, as it signs it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangePage {
    /// What it says.
    #[serde(rename = "s")]
    pub statement: ExchangeStatement,
    /// Ed25519 by the broker's permit key over [`ExchangeStatement::signed_bytes`].
    #[serde(rename = "g", with = "serde_bytes")]
    pub signature: [u8; 64],
}

/// What a broker says about its records.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeStatement {
    /// Name of the broker.
    #[serde(rename = "b")]
    pub broker: String,
    /// Whom it tells: `portal/<name>` or `body/<code>`.
    #[serde(rename = "t")]
    pub told: String,
    /// The request that asked.
    #[serde(rename = "q")]
    pub request_id: RequestId,
    /// SHA-256 over the code of the person in the hop part; absent where no person was named.
    #[serde(rename = "c", with = "serde_bytes")]
    pub person: Option<[u8; 32]>,
    /// The body that was asked about; absent for every body.
    #[serde(rename = "o")]
    pub body: Option<BodyCode>,
    /// What was asked.
    #[serde(rename = "y")]
    pub query: ExchangeQuery,
    /// When, by the broker's clock, Unix milliseconds.
    #[serde(rename = "m")]
    pub at_ms: u64,
    /// Number of the broker's newest record that was looked at.
    #[serde(rename = "i")]
    pub last_record: u64,
    /// Records: those of one body together, in order of the time at which the passage began.
    #[serde(rename = "r")]
    pub entries: Vec<ExchangeEntry>,
    /// Cursor of the next page; absent on the last.
    #[serde(rename = "n")]
    pub next: Option<serde_bytes::ByteBuf>,
    /// Of everything that was asked about, on all its pages, and for each body, in order of their codes. Told on the first
    /// page alone, and only about one person.
    #[serde(rename = "k")]
    pub counts: Vec<BodyCount>,
    /// For each epoch of permits that an entry of this page names, in order: how far the broker's signed roots go. An epoch
    /// without a root yet is absent.
    #[serde(rename = "p")]
    pub roots: Vec<EpochRoot>,
}

/// How many passages there were between the person and one body, to the body or from it.
///
/// Between them the true number of answered requests lies: `answered` of them certainly, and of `closed` as many as were
/// answered and are hidden. How many of those are hidden and how many have not ended is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyCount {
    /// The body.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// Shown requests for own information that were answered.
    #[serde(rename = "a")]
    pub answered: u64,
    /// Other shown passages.
    #[serde(rename = "o")]
    pub others: u64,
    /// Closed entries.
    #[serde(rename = "c")]
    pub closed: u64,
}

/// How far the signed roots of one epoch of permits go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRoot {
    /// The epoch.
    #[serde(rename = "e", with = "serde_bytes")]
    pub epoch: [u8; 16],
    /// Number of the last permit under them.
    #[serde(rename = "n")]
    pub covered: u64,
    /// The newest root (see `chukei_crypto::permit`), which covers all before it.
    #[serde(rename = "r", with = "serde_bytes")]
    pub root: [u8; 32],
}

/// One entry of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExchangeEntry {
    /// Hidden, or not ended yet. Told to portals alone.
    #[serde(rename = "closed")]
    Closed,
    /// Shown.
    #[serde(rename = "open")]
    Open(Box<ExchangeRecord>),
}

/// The record of one passage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRecord {
    /// The request.
    #[serde(rename = "q")]
    pub request_id: RequestId,
    /// What was asked: a kind's name, e.g. `self-info`.
    #[serde(rename = "k")]
    pub kind: String,
    /// The body.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// Name of the portal instance.
    #[serde(rename = "p")]
    pub portal: String,
    /// Whether it went to the body; otherwise to the portal.
    #[serde(rename = "w")]
    pub to_body: bool,
    /// Affair code.
    #[serde(rename = "a")]
    pub affair: Option<String>,
    /// Requested datasets.
    #[serde(rename = "d")]
    pub datasets: Vec<String>,
    /// Legal basis of the permit.
    #[serde(rename = "l")]
    pub legal_basis: String,
    /// When it was asked, Unix milliseconds.
    #[serde(rename = "f")]
    pub asked_ms: u64,
    /// How it ended, as the broker saw it; to portals never absent.
    #[serde(rename = "e")]
    pub ended: Option<ExchangeEnd>,
    /// The epoch of the permit; absent where none was issued.
    #[serde(rename = "x", with = "serde_bytes")]
    pub permit_epoch: Option<[u8; 16]>,
    /// Running number of the permit; 0 where none was issued.
    #[serde(rename = "n")]
    pub permit_number: u64,
    /// Number of the record of its beginning among the broker's.
    #[serde(rename = "i")]
    pub number: u64,
    /// To the body alone: its code of the person, in the current version.
    #[serde(rename = "s")]
    pub person: Option<PersonCode>,
    /// To the body alone: whether the person is not shown it.
    #[serde(rename = "u")]
    pub undisclosed: bool,
}

/// How a passage ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEnd {
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// `ANSWERED`, the name of a refusal, `CHANNEL_UNKNOWN`, `ABORTED`, or `UNKNOWN` where the broker stopped before it knew.
    #[serde(rename = "r")]
    pub result: String,
}

/// Node to broker: what of the records between a person and a body is hidden from the person (R50). The header names the
/// body, the hop part the body's code of the person. Reply: STATUS alone, ANSWERED once the broker has it durably.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndisclosedMark {
    /// Grows with each change at the body; an older one than the broker has changes nothing, and is ANSWERED.
    #[serde(rename = "v")]
    pub version: u64,
    /// Everything is hidden.
    #[serde(rename = "a")]
    pub all: bool,
    /// Records that name any of these datasets are hidden: at most `UNDISCLOSED_DATASETS_MAX`, in order, each once.
    #[serde(rename = "d")]
    pub datasets: Vec<String>,
}

impl ExchangeStatement {
    /// What the broker signs: the label, a zero byte, and the statement's canonical bytes.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = LABEL.to_vec();
        bytes.append(&mut encode(self)?);
        Ok(bytes)
    }
}

impl ExchangeRecord {
    /// Whether it is a request for own information that was answered.
    pub fn is_answered(&self) -> bool {
        self.kind == Kind::SelfInfo.as_str() && self.ended.as_ref().is_some_and(|end| end.result == ANSWERED)
    }
}

/// How the end of an answered passage reads.
pub const ANSWERED: &str = "ANSWERED";
