//! The record that carries an event in a log (R3).
//!
//! What must hold: one byte form per record; sequence numbers of a body are unbroken; a record names people by internal ids
//! only.

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::codes::AffairCode;
use crate::event::Event;

/// Format version written.
pub const VERSION: u8 = 1;
/// Bytes of the longest encoded record.
pub const RECORD_MAX: usize = 8 * 1024;

/// One entry of a body's (or a broker's) log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Sequence number within the log, from 1, unbroken.
    #[serde(rename = "n")]
    pub seq: u64,
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// Identity of the one who acted, as in their certificate.
    #[serde(rename = "a")]
    pub actor: String,
    /// What was called, e.g. `self-info`.
    #[serde(rename = "c")]
    pub action: String,
    /// Whom or what it concerned, where that is one thing.
    #[serde(rename = "g")]
    pub target: Option<Target>,
    /// The affair it was done for.
    #[serde(rename = "f")]
    pub affair: Option<AffairCode>,
    /// Stable result name, e.g. `DONE`.
    #[serde(rename = "r")]
    pub result: String,
    /// The call in which it was done, by its request id: the `called` record of that request has the device, the
    /// department and the reasons. Absent where the event names its request itself, and of the process's own duty.
    #[serde(rename = "q", default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub call: Option<[u8; 16]>,
    /// What happened.
    #[serde(rename = "e")]
    pub event: Event,
}

/// Whom or what an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A person, by the body's random internal id.
    #[serde(rename = "person")]
    Person(#[serde(with = "serde_bytes")] [u8; 16]),
    /// A notice.
    #[serde(rename = "notice")]
    Notice(#[serde(with = "serde_bytes")] [u8; 16]),
}

impl Record {
    /// The one byte form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(VERSION, self, RECORD_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(VERSION, bytes, RECORD_MAX)
    }
}
