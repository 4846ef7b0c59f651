//! What bodies' logs say of a person, as it travels over the socket and stands in the commands' JSON.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::unprinted;

unprinted!(PersonRecords, BodyRecords, ShownRecord, ReceiptFile);

/// What bodies' logs say of a person (情報提供等記録表示).
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecords {
    /// The portal's user id.
    pub person: String,
    /// Whether everything verifies and is witnessed; absent where nobody asked.
    pub verified: Option<bool>,
    /// By body.
    pub bodies: Vec<BodyRecords>,
}

/// What one body's log says of a person.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyRecords {
    /// Local body code.
    pub body: String,
    /// `FINAL` (every broker of the peer list has cosigned), `PROVISIONAL` (some have) or `UNWITNESSED`.
    pub standing: String,
    /// Places there are.
    pub count: u64,
    /// Open places.
    pub shown: u64,
    /// Closed places: not witnessed yet, not ended yet, or not shown.
    pub closed: u64,
    /// Whether brokers' records and the body's agree, nothing is lost, and brokers have signed for every permit; absent where
    /// they were not compared.
    pub complete: Option<bool>,
    /// Requests that only one side tells of, by id, where the other has no room for them at closed places.
    pub differences: Vec<String>,
    /// Requests that brokers show and the body does not: it has closed places that could hold them.
    pub kept_closed: Vec<String>,
    /// Requests whose permits are under no root that their broker has signed.
    pub unproven: Vec<String>,
    /// Requests that were answered, and whose records were lost when the log was restored (`LOST_WITH_RESTORE`).
    pub lost: Vec<String>,
    /// The records.
    pub records: Vec<ShownRecord>,
}

/// One request and what came of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRecord {
    /// Number of the request's place among the person's.
    pub number: u64,
    /// Index of its leaf in the body's log.
    pub index: u64,
    /// The request.
    pub request_id: String,
    /// When the portal asked, Unix milliseconds.
    pub asked_ms: Option<u64>,
    /// When the body decided, Unix milliseconds.
    pub at_ms: u64,
    /// Name of the portal that asked.
    pub portal: String,
    /// Legal basis.
    pub legal_basis: String,
    /// Affair code.
    pub affair: Option<String>,
    /// Datasets that were asked for.
    pub datasets: Vec<String>,
    /// `given`, `nothing-there`, `ask-body` or `refused`.
    pub result: String,
    /// `delivered`, `aborted` or `unknown`; absent of refusals.
    pub outcome: Option<String>,
}

/// A file for whoever verifies receipts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ReceiptFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Receipts that were verified offline.
#[derive(Serialize)]
pub struct VerifiedReceipts {
    /// Always true.
    pub verified: bool,
    /// How many.
    pub receipts: u64,
    /// By body.
    pub bodies: Vec<VerifiedBody>,
}

/// The receipts of one body.
#[derive(Serialize)]
pub struct VerifiedBody {
    /// Local body code.
    pub body: String,
    /// As in [`BodyRecords`], of the least witnessed receipt.
    pub standing: String,
    /// Receipts.
    pub shown: u64,
    /// What they show.
    pub records: Vec<ShownRecord>,
}
