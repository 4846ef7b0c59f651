//! Plain messages of one hop about a body's own keys: rotate them, and see how they stand.
//!
//! Numbers, days and counts only. Deliberately absent: keys, key files, and anything about a person.

use serde::{Deserialize, Serialize};

/// What to rotate; at least one is asked for. The reply is a [`KeysStatusReply`], once all of it is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysRotateRequest {
    /// The root that the keyring is wrapped under: the next one takes over, the one before is destroyed.
    pub root: bool,
    /// The keyring's epoch: a new one at once, as at the turn of the day.
    pub epoch: bool,
    /// The keys without an end and the page keys: new numbers seal from now on, old ones open.
    pub standing: bool,
    /// Seal again, at leisure, what stands under old numbers, and retire them.
    pub rewrite: bool,
}

/// How a body's keys stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysStatusReply {
    /// How often the keyring was written.
    pub generation: u64,
    /// Number of the root it is wrapped under, from 1.
    pub root: u32,
    /// The epoch it is wrapped under, a civil day in Japan, days since 1970-01-01.
    pub epoch: u32,
    /// Every epoch that still opens a keyring, ascending; [`KeysStatusReply::epoch`] is the last.
    pub epochs: Vec<u32>,
    /// Keys by purpose.
    pub purposes: Vec<PurposeKeys>,
    /// Pages of person keys.
    pub pages: u32,
    /// The rewrite at leisure.
    pub rewrite: Rewrite,
}

/// The keys of one purpose, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurposeKeys {
    /// Its lower-case name, e.g. `copies`.
    pub purpose: String,
    /// Keys that end with a day.
    pub days: u32,
    /// Numbers of keys without an end that still open; the last seals.
    pub standing: Vec<u32>,
}

/// What stands under old numbers, and how far its rewrite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// Whether it is asked for and not at its end.
    pub running: bool,
    /// Rows sealed again since the process started.
    pub rewritten: u64,
    /// Rows under old numbers; absent where they were not counted.
    pub left: Option<u64>,
}
