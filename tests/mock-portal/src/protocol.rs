//! What travels over the portal's Unix socket: one JSON object per line, calls matched to replies by id
//! (never by order, R32), many calls in flight on one connection.
//!
//! Lines are bounded on both sides. Personal values are zeroized when their owner is dropped.

mod records;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::failure::Failure;

/// `Debug` that prints the type's name alone: what these hold must not reach a log (R2).
macro_rules! unprinted {
    ($($name:ident),* $(,)?) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}
pub(crate) use unprinted;

pub use records::{BodyRecords, PersonRecords, ReceiptFile, ShownRecord, VerifiedBody, VerifiedReceipts};

unprinted!(
    PersonRow,
    PersonEntry,
    SelfInfo,
    ShownDataset,
    ShownItem,
    NoticeList,
    ListedNotice,
    OpenedNotice,
    ShownChoice,
    Answered
);

/// Longest line of a call, bytes.
pub const CALL_LINE_MAX: usize = 64 * 1024;
/// Longest line of a reply, bytes: an answer of 8 MiB may grow when it is written as JSON.
pub const REPLY_LINE_MAX: usize = 32 * 1024 * 1024;
/// Calls in flight on one connection; further ones wait to be read.
pub const CALLS_IN_FLIGHT: usize = 256;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Chosen by the caller, unique among its calls in flight.
    pub id: u64,
    /// What to do.
    pub call: Command,
}

/// What a caller may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// New persons of a body: replies with parts of [`PersonRow`]s, then [`Done::PersonsAdded`].
    PersonAdd {
        /// Local body code.
        body: String,
        /// How many.
        count: u64,
    },
    /// New numbers of persons of a body: replies with parts of [`PersonRow`]s, then [`Done::PersonsReissued`].
    PersonReissue {
        /// Local body code.
        body: String,
        /// How many at most, in the order of the list; all where absent.
        first: Option<u64>,
    },
    /// Persons of a body: replies with parts, then [`Done::PersonsListed`].
    PersonList {
        /// Local body code.
        body: String,
    },
    /// A person's own information.
    SelfInfo {
        /// The portal's user id.
        person: String,
        /// Local body code.
        body: String,
        /// Dataset codes.
        datasets: Vec<String>,
    },
    /// What bodies' logs say of a person: replies with parts of receipts where asked for, then [`Done::Records`].
    Records {
        /// The portal's user id.
        person: String,
        /// Local body code; every body that may have some where absent.
        body: Option<String>,
        /// Whether to verify it.
        verify: bool,
        /// Whether to send receipts.
        receipts: bool,
    },
    /// A person's notices.
    Notices {
        /// The portal's user id.
        person: String,
    },
    /// Open one notice.
    Read {
        /// The portal's user id.
        person: String,
        /// Notice id.
        notice: String,
    },
    /// Answer one notice's question.
    Answer {
        /// The portal's user id.
        person: String,
        /// Notice id.
        notice: String,
        /// Id of the choice.
        choice: String,
    },
    /// Close a login and erase its folder.
    Logout {
        /// The portal's user id.
        person: String,
    },
}

/// A line from the portal.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The call's id.
    pub id: u64,
    /// What it says.
    pub reply: Body,
}

/// Content of a reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Some of a long result; more follows.
    Part(Part),
    /// The end of a call that worked.
    Done(Done),
    /// The end of a call that did not.
    Failed(Failure),
}

/// Some of a long result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// New persons, durable at the portal, or new numbers of known ones.
    Added(Vec<PersonRow>),
    /// Listed persons.
    Listed(Vec<PersonEntry>),
    /// Receipts, and the keys they are verified by.
    Receipts(Vec<ReceiptFile>),
}

/// The end of a call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// All parts were sent.
    PersonsAdded,
    /// All parts were sent.
    PersonsReissued,
    /// All parts were sent.
    PersonsListed,
    /// The answer.
    SelfInfo(SelfInfo),
    /// The records.
    Records(PersonRecords),
    /// The list.
    Notices(NoticeList),
    /// The opened notice.
    Read(OpenedNotice),
    /// The answer is stored.
    Answered(Answered),
    /// The login is closed.
    LoggedOut(LoggedOut),
}

/// One line of the acquisition file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// 団体内統合宛名番号.
    #[serde(rename = "a")]
    pub integrated_addressee_number: String,
    /// As issued by the registry.
    #[serde(rename = "n")]
    pub acquisition_number: String,
}

/// A listed person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEntry {
    /// The portal's user id.
    pub person: String,
    /// 団体内統合宛名番号, which only a mock knows at the portal.
    pub integrated_addressee_number: String,
}

/// A person's own information as it is shown (自己情報表示).
#[derive(PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct SelfInfo {
    /// `DONE`, `NO_DATA`, `UNAVAILABLE_ASK_BODY` or a refusal's name.
    pub result: String,
    /// Id of the request that was answered.
    pub request_id: String,
    /// Local body code.
    pub body: String,
    /// Datasets that hold something.
    pub datasets: Vec<ShownDataset>,
}

/// One dataset.
#[derive(PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ShownDataset {
    /// Dataset code.
    pub info_name_code: String,
    /// Dataset name.
    pub info_name: String,
    /// Items.
    pub items: Vec<ShownItem>,
}

/// One item.
#[derive(PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ShownItem {
    /// Depth in the layout, from 1.
    pub level: u8,
    /// Item code.
    pub info_item_code: String,
    /// Item name.
    pub item_name: String,
    /// データセットレコードキー.
    pub record_key: String,
    /// The value, exactly as registered.
    pub value: String,
    /// 未設定事由.
    pub reason_of_null: Option<String>,
}

/// A person's notices, newest first.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct NoticeList {
    /// The notices.
    pub notices: Vec<ListedNotice>,
}

/// One notice in a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ListedNotice {
    /// Notice id.
    pub notice_id: String,
    /// Local body code of the sender.
    pub body: String,
    /// Title.
    pub title: String,
    /// `UNREAD` or `READ`.
    pub state: String,
    /// Whether a question was answered.
    pub answered: bool,
    /// Publication, RFC 3339 in Japan's time.
    pub published: String,
    /// Last day of retention, YYYY-MM-DD.
    pub expires: String,
}

/// One opened notice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct OpenedNotice {
    /// Always `DONE`.
    pub result: String,
    /// Notice id.
    pub notice_id: String,
    /// Local body code of the sender.
    pub body: String,
    /// Title.
    pub title: String,
    /// Text.
    pub text: String,
    /// Choices of the question; empty where nothing is asked.
    pub choices: Vec<ShownChoice>,
    /// Chosen ids; empty while unanswered.
    pub answers: Vec<String>,
    /// Publication, RFC 3339 in Japan's time.
    pub published: String,
    /// Last day of retention, YYYY-MM-DD.
    pub expires: String,
}

/// One choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ShownChoice {
    /// Id.
    pub id: String,
    /// Label.
    pub label: String,
}

/// A stored answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// `DONE`.
    pub result: String,
    /// Notice id.
    pub notice_id: String,
    /// Chosen ids.
    pub answers: Vec<String>,
}

/// A closed login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// `DONE`.
    pub result: String,
    /// Answers that were erased from the folder.
    pub erased: usize,
}
