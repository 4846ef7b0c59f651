//! What a decision on one operation leaves in its event (R3, R6).
//!
//! What must hold: names and numbers only; what is absent takes no byte. Deliberately absent: what was asked about whom.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::local_body_code::LocalBodyCode;

/// Reasons that one event names, at most; the first decide.
pub const REASONS_MAX: usize = 8;

/// By what, from where and under whose leave an operation was let through or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The device (端末) that proved itself, as in its certificate.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The department (課) of the one who acted.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Ids of the policies that decided, at most [`REASONS_MAX`].
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The first eight bytes of the version of the policies that were asked.
    #[serde(rename = "v", default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub policy: Option<[u8; 8]>,
    /// The ticket (作業票) under which it was done.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The body under whose delegation (事務代行) it was done (R42).
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<LocalBodyCode>,
    /// The delegation that decided, by its id in the register of the body that gave it (R42).
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
}

impl Why {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Event {
    /// What decided the operation that it tells of, where it tells of a decision.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Called { why, .. } | Self::CallRefused { why, .. } => Some(why),
            Self::Authorised(request) | Self::Refused(request) | Self::RecordsAsked(request) => {
                Some(&request.why)
            }
            _ => None,
        }
    }

    /// The request that it belongs to: what was decided, what came of it.
    pub fn request(&self) -> Option<[u8; 16]> {
        match self {
            Self::Called { request, .. }
            | Self::CallRefused { request, .. }
            | Self::CallEnded { request, .. }
            | Self::Outcome { request, .. }
            | Self::ExchangeClosed { request, .. } => Some(*request),
            Self::Authorised(request) | Self::Refused(request) | Self::RecordsAsked(request) => {
                Some(request.request)
            }
            Self::ExchangeOpened(exchange) => Some(exchange.request),
            _ => None,
        }
    }
}
