//! By whose leave a call is made where the caller's own body is not the one it concerns: another body's delegation
//! (事務代行, R42), or a maintenance ticket of the body concerned.
//!
//! What must hold: nothing here is believed. It names what the register of the body concerned is asked about. A call
//! without a leave carries not a byte of it, and an empty one has no form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::identity::is_name;

/// Name of a maintenance ticket: 1–64 of `a-z 0-9 . _ -`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId(String);

/// The text names no ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket's name is 1-64 of a-z 0-9 . _ -")]
pub struct InvalidTicketId;

impl TicketId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TicketId {
    type Err = InvalidTicketId;

    fn from_str(text: &str) -> Result<Self, InvalidTicketId> {
        if is_name(text) { Ok(Self(text.to_owned())) } else { Err(InvalidTicketId) }
    }
}

impl TryFrom<String> for TicketId {
    type Error = InvalidTicketId;

    fn try_from(text: String) -> Result<Self, InvalidTicketId> {
        text.parse()
    }
}

impl From<TicketId> for String {
    fn from(ticket: TicketId) -> Self {
        ticket.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose leave a caller claims to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The body on whose behalf the caller's own body acts.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<BodyCode>,
    /// The ticket under which maintenance acts.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}

impl Leave {
    /// The leave that claims something, or none.
    pub fn of(on_behalf_of: Option<BodyCode>, ticket: Option<TicketId>) -> Option<Self> {
        Some(Self { on_behalf_of, ticket }).filter(|leave| !leave.is_empty())
    }

    /// Whether it claims nothing.
    pub fn is_empty(&self) -> bool {
        self.on_behalf_of.is_none() && self.ticket.is_none()
    }
}
