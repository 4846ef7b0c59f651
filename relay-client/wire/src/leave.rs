//! By whose leave a call is made where the caller's own body is not the one it concerns: another body's delegation
//! (事務代行, R42), or a maintenance ticket of the body concerned.
//!
//! What must hold: nothing here is believed. It names what the register of the body concerned is asked about. A call
//! without a leave carries not a byte of it, and an empty one has no form.

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::name::TicketId;

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
