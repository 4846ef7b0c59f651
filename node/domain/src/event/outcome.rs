//! How requests that were authorised end.

use serde::{Deserialize, Serialize};

/// How an authorised request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The portal proved that it opened the answer.
    #[serde(rename = "delivered")]
    Delivered,
    /// The exchange broke off: the answer may not have arrived.
    #[serde(rename = "aborted")]
    Aborted,
    /// The node stopped before it knew.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Outcome {
    /// The stable name: `delivered`, `aborted` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Aborted => "aborted",
            Self::Unknown => "unknown",
        }
    }
}
