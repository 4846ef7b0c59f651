//! What events tell of exchange records themselves: who asked a broker for them, and what of them a body hides (R50).
//!
//! What must hold: whom it concerns is the registry's number, which only brokers know. Deliberately absent: what was shown.

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;
use crate::local_body_code::LocalBodyCode;

/// A question for exchange records, at a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangesAsked {
    /// Request id.
    #[serde(rename = "q", with = "serde_bytes")]
    pub request: [u8; 16],
    /// Whom it told, such as `portal/mynaportal`.
    #[serde(rename = "p")]
    pub party: String,
    /// The body that was asked about; absent for all.
    #[serde(rename = "b")]
    pub body: Option<LocalBodyCode>,
    /// The registry's number of the person that was asked about; absent for all.
    #[serde(rename = "s")]
    pub person: Option<u64>,
}

/// What of the records between a person and a body is hidden from the person, at a broker, from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsHidden {
    /// The body.
    #[serde(rename = "b")]
    pub body: LocalBodyCode,
    /// The registry's number of the person.
    #[serde(rename = "s")]
    pub person: u64,
    /// The body's running number of this word; the highest counts.
    #[serde(rename = "v")]
    pub version: u64,
    /// Whether everything is hidden.
    #[serde(rename = "a")]
    pub all: bool,
    /// Datasets of which records are hidden.
    #[serde(rename = "d")]
    pub datasets: Vec<InfoNameCode>,
}
