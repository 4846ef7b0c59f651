//! Results as the person may see them: few, and all of one length, so that neither name nor size of a part says more.
//!
//! What must hold: what is withheld is what the body looks at by hand (R50); of a refusal nothing but that it was one.
//! Deliberately absent: every other result name.

use serde::{Deserialize, Serialize};

use crate::event::Outcome;

/// Not a number of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of a result")]
pub struct UnknownNumber;

/// What a request came to, as its person may see it. Written as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum ShownResult {
    /// 1: what was asked for was given (DONE).
    Given = 1,
    /// 2: the body has nothing of it (NO_DATA).
    NothingThere = 2,
    /// 3: not given out by itself; the body answers who asks it. Withheld or looked at by hand, or waiting for that: they
    /// are one (UNAVAILABLE_ASK_BODY, PENDING).
    AskBody = 3,
    /// 4: refused, for whatever reason.
    Refused = 4,
}

/// How an answer ended, as its person may see it. Written as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum ShownEnd {
    /// 1: the portal proved that it opened the answer.
    Delivered = 1,
    /// 2: it broke off; the answer may not have arrived.
    Aborted = 2,
    /// 3: the body does not know.
    Unknown = 3,
}

impl ShownResult {
    /// What the person may see of a record's result.
    pub(crate) fn of(result: &str) -> Self {
        match result {
            "DONE" => Self::Given,
            "NO_DATA" => Self::NothingThere,
            "UNAVAILABLE_ASK_BODY" | "PENDING" => Self::AskBody,
            _ => Self::Refused,
        }
    }

    /// The stable name, e.g. `given`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::NothingThere => "nothing-there",
            Self::AskBody => "ask-body",
            Self::Refused => "refused",
        }
    }
}

impl From<ShownResult> for u8 {
    fn from(result: ShownResult) -> Self {
        result as Self
    }
}

impl TryFrom<u8> for ShownResult {
    type Error = UnknownNumber;

    fn try_from(number: u8) -> Result<Self, UnknownNumber> {
        let all = [Self::Given, Self::NothingThere, Self::AskBody, Self::Refused];
        all.into_iter().find(|result| u8::from(*result) == number).ok_or(UnknownNumber)
    }
}

impl ShownEnd {
    /// The stable name, e.g. `delivered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => Outcome::Delivered.as_str(),
            Self::Aborted => Outcome::Aborted.as_str(),
            Self::Unknown => Outcome::Unknown.as_str(),
        }
    }
}

impl From<Outcome> for ShownEnd {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Aborted => Self::Aborted,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

impl From<ShownEnd> for u8 {
    fn from(end: ShownEnd) -> Self {
        end as Self
    }
}

impl TryFrom<u8> for ShownEnd {
    type Error = UnknownNumber;

    fn try_from(number: u8) -> Result<Self, UnknownNumber> {
        let all = [Self::Delivered, Self::Aborted, Self::Unknown];
        all.into_iter().find(|end| u8::from(*end) == number).ok_or(UnknownNumber)
    }
}
