//! What events tell of an item of the review queue (R7).

use serde::{Deserialize, Serialize};

use crate::review::Rule;

/// One item, as it was when the event was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Number of the item within the body.
    #[serde(rename = "n")]
    pub item: u64,
    /// Why it was opened.
    #[serde(rename = "r")]
    pub rule: Rule,
    /// The identity that it is about; of delegated acts whose they are.
    #[serde(rename = "s")]
    pub subject: String,
    /// Operations in it.
    #[serde(rename = "c")]
    pub count: u64,
}
