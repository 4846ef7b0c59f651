//! Plain messages of one hop about a body's review queue (R7): what waits for a reviewer, and the reviewer's word.
//!
//! Identities, actions, policies and counts. Deliberately absent: persons whose data it was about.

use serde::{Deserialize, Serialize};

unprinted!(ReviewSignRequest, ReviewSignature);

/// Which items are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewWanted {
    /// Open ones, the overdue ones among them.
    #[serde(rename = "open")]
    Open,
    /// Overdue ones alone.
    #[serde(rename = "overdue")]
    Overdue,
    /// Signed ones.
    #[serde(rename = "signed")]
    Signed,
    /// The one of this number, open or signed; NOT_FOUND where there is none.
    #[serde(rename = "number")]
    Number(u64),
}

/// Ask for items, a page at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewListRequest {
    /// Which.
    pub wanted: ReviewWanted,
    /// Continue behind the item of this number.
    pub after: Option<u64>,
}

/// A page of items, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPage {
    /// Items.
    pub items: Vec<ReviewItem>,
    /// Where to continue; absent on the last page.
    pub next: Option<u64>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// Number within the body.
    pub number: u64,
    /// Why it was opened, e.g. `many_persons`.
    pub rule: String,
    /// Whom it is about: the URI of an identity; of delegated acts the delegation.
    pub subject: String,
    /// Its first operation, Unix milliseconds.
    pub opened_ms: u64,
    /// Its last one, Unix milliseconds.
    pub last_ms: u64,
    /// From when on it is overdue where nobody signs it, Unix milliseconds.
    pub due_ms: u64,
    /// Whether it is.
    pub overdue: bool,
    /// Operations.
    pub count: u64,
    /// Most different persons opened within ten minutes.
    pub persons: u32,
    /// Identities that acted, where the subject is none.
    pub actors: Vec<String>,
    /// What was asked for.
    pub actions: Vec<String>,
    /// What was decided.
    pub results: Vec<String>,
    /// Policies that decided.
    pub reasons: Vec<String>,
    /// Devices.
    pub devices: Vec<String>,
    /// The reviewer's word, once there is one.
    pub signed: Option<ReviewSignature>,
}

/// How an item was signed off.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSignature {
    /// URI of the reviewer.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// What they found.
    pub note: String,
}

/// Signs an item off as its reviewer saw it; answered by a [`ReviewSignReply`]. The same word by the same reviewer again
/// changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSignRequest {
    /// The item.
    pub number: u64,
    /// Its operations as the reviewer saw them: what was added since is not signed.
    pub count: u64,
    /// What was found: 1 to 500 characters without the number of a person (R10).
    pub note: String,
}

/// What became of a reviewer's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewSignReply {
    /// It stands under the item, durable.
    #[serde(rename = "signed")]
    Signed(Box<ReviewItem>),
    /// The item is open and has another count of operations than the reviewer saw: nothing is signed. Deliberately
    /// without that count, so that it is looked at again.
    #[serde(rename = "outdated")]
    Outdated,
}
