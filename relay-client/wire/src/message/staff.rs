//! Calls of a body's staff and systems at their node. They travel one hop, under mutual TLS.
//!
//! Long work is a conversation: the caller sends batches, the node answers each once it is durable.

mod notices;

use serde::{Deserialize, Serialize};

use crate::result::ResultName;

pub use notices::{
    NoticeDraft, NoticeListPage, NoticeListRequest, NoticeSendReply, NoticeShowPage, NoticeShowRequest,
    NoticeSummary, NoticeTargets, TargetState,
};

unprinted!(
    EnrollRow,
    ImportRow,
    PersonListPage,
    PersonBlockRequest,
    CopyShowRequest,
    CopyRecord,
    ProvisionStatusRequest,
    Provision,
    PersonUndiscloseRequest,
    ExchangeListRequest,
    ListedExchange
);

/// A batch of enrolments: integrated addressee number and acquisition number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollBatch {
    /// Rows, at most `ENROL_BATCH_ROWS`.
    pub rows: Vec<EnrollRow>,
}

/// One person to enrol.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRow {
    /// 団体内統合宛名番号.
    #[serde(rename = "a")]
    pub integrated_addressee_number: String,
    /// As issued by the resident registry.
    #[serde(rename = "n")]
    pub acquisition_number: String,
}

/// One outcome per row of an enrolment or import batch, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReply {
    /// Outcomes.
    pub rows: Vec<RowOutcome>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowOutcome {
    /// Durably registered.
    #[serde(rename = "r")]
    Registered,
    /// Already there in this form.
    #[serde(rename = "u")]
    Unchanged,
    /// Refused.
    #[serde(rename = "x")]
    Rejected(ResultName),
}

/// A batch of copy rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBatch {
    /// Rows, at most `IMPORT_BATCH_ROWS`.
    pub rows: Vec<ImportRow>,
}

/// One row of a copy file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    /// Twelve fields in the order of the English header, exactly as decoded: record_id, local_body_code,
    /// integrated_addressee_number, info_name_code, info_item_code, record_key, layout_version,
    /// publication_date, publication_end_date, delete, reason_of_null, value.
    #[serde(rename = "f")]
    pub fields: Vec<String>,
    /// A row with this record id was accepted in an earlier batch of the same file. Every other check comes
    /// first; a row that passes them is `DUPLICATE_RECORD_ID` and changes nothing. Repeats within one batch are
    /// not marked: the node finds them itself.
    #[serde(rename = "x")]
    pub repeated: bool,
}

/// Ask for enrolled persons, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonListRequest {
    /// Continue behind this cursor.
    pub after: Option<serde_bytes::ByteBuf>,
}

/// A page of enrolled persons.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonListPage {
    /// Integrated addressee numbers.
    pub persons: Vec<String>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<serde_bytes::ByteBuf>,
}

/// Set self_info_blocked for a person (R50).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonBlockRequest {
    /// 団体内統合宛名番号.
    pub integrated_addressee_number: String,
    /// Dataset codes; empty for all datasets.
    pub datasets: Vec<String>,
}

/// Set undisclosed for a person (R50).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonUndiscloseRequest {
    /// 団体内統合宛名番号.
    pub integrated_addressee_number: String,
    /// Dataset codes; empty for all records.
    pub datasets: Vec<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonUndiscloseReply {
    /// Whether the flag was set, or stood so.
    pub outcome: RowOutcome,
    /// DONE when every configured broker hides the records, PENDING before.
    pub result: ResultName,
    /// Names of the brokers that do not yet.
    pub waiting: Vec<String>,
}

/// Ask for the body's exchange records: its own log beside what brokers have, oldest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeListRequest {
    /// Only of this person.
    pub integrated_addressee_number: Option<String>,
    /// From this moment on, Unix milliseconds.
    pub from_ms: u64,
    /// And before this one.
    pub until_ms: u64,
    /// Rows in the page, 1 to `EXCHANGE_LIST_PAGE`.
    pub limit: u32,
    /// Continue behind this cursor.
    pub after: Option<serde_bytes::ByteBuf>,
}

/// A page of exchange records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeListPage {
    /// Records, one for each request.
    pub exchanges: Vec<ListedExchange>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<serde_bytes::ByteBuf>,
    /// Names of configured brokers that were not heard: what they have is not in the page.
    pub unheard: Vec<String>,
}

/// One request as the body and the brokers have it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedExchange {
    /// Id of the request.
    pub request_id: String,
    /// Who has it: `body`, and names of brokers.
    pub at: Vec<String>,
    /// 団体内統合宛名番号, where the person is known and not erased.
    pub integrated_addressee_number: Option<String>,
    /// Name of the portal instance that asked.
    pub portal: String,
    /// Affair code.
    pub affair: Option<String>,
    /// Dataset codes.
    pub datasets: Vec<String>,
    /// Legal basis of the permit.
    pub legal_basis: String,
    /// When it was asked, Unix milliseconds, as the first of those told that have it.
    pub asked_ms: u64,
    /// What the body decided, where its log has it.
    pub result: Option<ResultName>,
    /// What became of its answer, as the body knows: `delivered`, `aborted` or `unknown`.
    pub outcome: Option<String>,
    /// How it ended, as a broker saw it.
    pub ending: Option<String>,
    /// Whether the person is not shown it.
    pub undisclosed: bool,
}

/// Ask for what the body holds of one person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyShowRequest {
    /// 団体内統合宛名番号.
    pub integrated_addressee_number: String,
    /// The dataset.
    pub info_name_code: String,
}

/// One stored record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRecord {
    /// Record id.
    pub record_id: String,
    /// Item code.
    pub info_item_code: String,
    /// Record key.
    pub record_key: String,
    /// Layout version.
    pub layout_version: String,
    /// Publication start, YYYYMMDD.
    pub publication_date: String,
    /// Publication end, YYYYMMDD or empty.
    pub publication_end_date: String,
    /// Marked deleted.
    pub deleted: bool,
    /// Reason of null.
    pub reason_of_null: String,
    /// Value.
    pub value: String,
}

/// The records of one (person, dataset).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyShowReply {
    /// Generation of the document.
    pub generation: u64,
    /// Records.
    pub records: Vec<CopyRecord>,
}

/// Ask what was provided (提供状況確認), newest last.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionStatusRequest {
    /// Only this person; all where absent.
    pub integrated_addressee_number: Option<String>,
    /// Only from this time, Unix milliseconds.
    pub from_ms: Option<u64>,
    /// At most this many, newest; 1–10,000.
    pub limit: u32,
}

/// What was provided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionStatusReply {
    /// Provisions and refusals, in order of time.
    pub provisions: Vec<Provision>,
}

/// One provision or refusal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// Request id.
    pub request_id: String,
    /// 団体内統合宛名番号, where the person is known here.
    pub integrated_addressee_number: Option<String>,
    /// Dataset codes.
    pub datasets: Vec<String>,
    /// Result of the decision.
    pub result: ResultName,
    /// When it was authorised, Unix milliseconds.
    pub authorised_ms: u64,
    /// `delivered`, `aborted` or `unknown`; absent while open.
    pub outcome: Option<String>,
}

/// One item of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueItem {
    /// Dataset code.
    pub info_name_code: String,
    /// Dataset name.
    pub info_name: String,
    /// Item code.
    pub info_item_code: String,
    /// Item name.
    pub item_name: String,
    /// `text`, `number`, `date` or `code`.
    #[serde(rename = "type")]
    pub item_type: String,
    /// Characters.
    pub max_length: u32,
}

/// The catalogue in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueReply {
    /// Version in force.
    pub version: String,
    /// Items by dataset and item code.
    pub items: Vec<CatalogueItem>,
}
