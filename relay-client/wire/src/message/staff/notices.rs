//! Notices at their body: registered, listed, and with what became of each target.

use serde::{Deserialize, Serialize};

use crate::id::NoticeId;
use crate::message::notice::Choice;
use crate::result::ResultName;

unprinted!(NoticeDraft, NoticeTargets, TargetState);

/// A notice without its targets, which follow in [`NoticeTargets`] messages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDraft {
    /// Chosen by the sender; the same key with the same content is the same notice.
    pub idempotency_key: String,
    /// Affair code.
    pub affair: String,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Choices.
    pub choices: Vec<Choice>,
    /// Attachment names: refused unless empty.
    pub attachments: Vec<String>,
    /// Publication, Unix milliseconds; absent means now.
    pub publish_at_ms: Option<u64>,
    /// Retention from publication, days.
    pub retention_days: u32,
    /// How many targets follow.
    pub targets: u32,
}

/// Targets of a notice, at most `NOTICE_TARGET_BATCH`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTargets {
    /// 団体内統合宛名番号.
    pub targets: Vec<String>,
}

/// Outcome of a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSendReply {
    /// The notice.
    pub notice: NoticeId,
    /// Targets.
    pub targets: u32,
    /// `REGISTERED`.
    pub result: ResultName,
}

/// Ask for one notice's states and answers, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeShowRequest {
    /// The notice.
    pub notice: NoticeId,
    /// Continue behind this cursor.
    pub after: Option<serde_bytes::ByteBuf>,
}

/// A page of targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeShowPage {
    /// Targets.
    pub targets: Vec<TargetState>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<serde_bytes::ByteBuf>,
}

/// State of one target.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// 団体内統合宛名番号.
    pub integrated_addressee_number: String,
    /// `PENDING`, `UNREAD`, `READ` or `FAILED`.
    pub state: String,
    /// Chosen ids.
    pub answers: Vec<String>,
}

/// Ask for registered notices, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeListRequest {
    /// Continue behind this cursor.
    pub after: Option<serde_bytes::ByteBuf>,
}

/// A page of notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeListPage {
    /// Notices.
    pub notices: Vec<NoticeSummary>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<serde_bytes::ByteBuf>,
}

/// One notice in a list. Title and text are not repeated here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSummary {
    /// The notice.
    pub notice: NoticeId,
    /// Affair code.
    pub affair: String,
    /// Targets.
    pub targets: u32,
    /// Targets whose delivery the portal has acknowledged.
    pub delivered: u32,
    /// Last civil day (Japan) of retention, YYYY-MM-DD.
    pub expires: String,
    /// `OPEN` or `ERASED`.
    pub state: String,
}
