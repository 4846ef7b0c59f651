//! Notices (お知らせ): sealed delivery and status messages between body and portal.

use serde::{Deserialize, Serialize};

use crate::id::{DeliveryId, NoticeId};
use crate::message::binding::BindingTag;
use crate::result::ResultName;

unprinted!(Choice, NoticeDelivery, DeliveryState);

/// One offered choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Id, unique within the notice.
    pub id: String,
    /// Label shown to the person.
    pub label: String,
}

/// Sealed delivery of a notice to one target.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDelivery {
    /// Proofs that the notice is for this person, newest version first, at most `BINDING_TAGS_MAX` (R22).
    #[serde(rename = "b")]
    pub binding_tags: Vec<BindingTag>,
    /// The notice.
    #[serde(rename = "n")]
    pub notice: NoticeId,
    /// This target's delivery.
    #[serde(rename = "y")]
    pub delivery: DeliveryId,
    /// Title.
    #[serde(rename = "t")]
    pub title: String,
    /// Text.
    #[serde(rename = "x")]
    pub text: String,
    /// Choices of the question; empty where nothing is asked.
    #[serde(rename = "c")]
    pub choices: Vec<Choice>,
    /// Publication, Unix milliseconds.
    #[serde(rename = "p")]
    pub publish_at_ms: u64,
    /// Last civil day (Japan) of retention, days since 1970-01-01.
    #[serde(rename = "e")]
    pub expiry_day: u32,
}

/// Sealed acknowledgement, sent after the portal's own durable store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeReceipt {
    /// `REGISTERED`, or why not (`SUBJECT_MISMATCH`, `EXPIRED`, …).
    #[serde(rename = "r")]
    pub result: ResultName,
    /// The delivery that is stored.
    #[serde(rename = "y")]
    pub delivery: DeliveryId,
}

/// Sealed request for read states and answers of one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeStatusRequest {
    /// The notice.
    #[serde(rename = "n")]
    pub notice: NoticeId,
    /// Continue behind this delivery; absent at the start.
    #[serde(rename = "a")]
    pub after: Option<DeliveryId>,
}

/// A page of states, in the order of delivery ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeStatusPage {
    /// `DONE`, `EXPIRED` or `NOT_FOUND`.
    #[serde(rename = "r")]
    pub result: ResultName,
    /// States, at most [`NoticeStatusPage::LIMIT`].
    #[serde(rename = "s")]
    pub states: Vec<DeliveryState>,
    /// Whether more follow.
    #[serde(rename = "m")]
    pub more: bool,
}

impl NoticeStatusPage {
    /// States in one page.
    pub const LIMIT: usize = 2_000;
}

/// State of one delivery.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryState {
    /// The delivery.
    #[serde(rename = "y")]
    pub delivery: DeliveryId,
    /// When the person first opened it, Unix milliseconds.
    #[serde(rename = "o")]
    pub read_at_ms: Option<u64>,
    /// The chosen ids; empty while unanswered.
    #[serde(rename = "c")]
    pub answers: Vec<String>,
}
