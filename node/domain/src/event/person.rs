//! What the person concerned may see of a record: who asked which body, when, for which datasets, on what ground, what
//! came of it, and where it stands among all records about them.
//!
//! What must hold: one byte form, of its own version; nothing in it depends on what the person may not see, and results
//! that they are not to tell apart (R50) are one. Deliberately absent: who decided, from which device, why, channels,
//! hashes of headers and of card assertions, numbers of permits, and the person: whoever has it knows whose it is.

mod neutral;

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::codes::{AffairCode, InfoNameCode};
use crate::event::RECORD_MAX;
use crate::local_body_code::LocalBodyCode;

pub use neutral::{ShownEnd, ShownResult};

/// Format version written.
pub const PART_VERSION: u8 = 1;
/// Bytes of the longest encoded part: it says less than its record, and adds its place.
pub const PART_MAX: usize = RECORD_MAX + 128;

/// The record before, among those about the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Index of its leaf in the log, from 0.
    #[serde(rename = "i")]
    pub index: u64,
    /// Hash of its leaf in the tree.
    #[serde(rename = "h", with = "serde_bytes")]
    pub leaf: [u8; 32],
}

/// Where a record stands among those about one person that the person may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Number among them, from 1, unbroken.
    #[serde(rename = "n")]
    pub number: u64,
    /// The one before; absent of the first, and of no other.
    #[serde(rename = "p")]
    pub previous: Option<Previous>,
}

/// What the person may see of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonPart {
    /// The body whose log it is in: who gave, or did not give.
    #[serde(rename = "b")]
    pub body: LocalBodyCode,
    /// Where it stands among the records about the person.
    #[serde(rename = "n")]
    pub place: Place,
    /// When the body told it, Unix milliseconds: of a request when it was decided, of its end when it ended.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// What it shows.
    #[serde(rename = "e")]
    pub shown: Shown,
}

/// What a part shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// The person's own information was asked for, and this was decided.
    #[serde(rename = "asked")]
    Asked(Disclosure),
    /// What became of an answer that was given out.
    #[serde(rename = "ended")]
    Ended(Ending),
}

/// A request for the person's own information.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Request id, a UUID version 7: the portal's time of asking is in it, see [`Self::asked_ms`].
    #[serde(rename = "q", with = "serde_bytes")]
    pub request: [u8; 16],
    /// Name of the portal instance that asked.
    #[serde(rename = "p")]
    pub portal: String,
    /// Legal basis as the permit states it.
    #[serde(rename = "l")]
    pub legal_basis: String,
    /// The affair it was asked for, where the request named one.
    #[serde(rename = "f")]
    pub affair: Option<AffairCode>,
    /// Datasets that were asked for.
    #[serde(rename = "d")]
    pub datasets: Vec<InfoNameCode>,
    /// What the portal was told.
    #[serde(rename = "r")]
    pub result: ShownResult,
}

/// The end of a request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The request.
    #[serde(rename = "q", with = "serde_bytes")]
    pub request: [u8; 16],
    /// Whether the answer arrived.
    #[serde(rename = "o")]
    pub end: ShownEnd,
}

impl Place {
    /// The first place.
    pub const FIRST: Self = Self { number: 1, previous: None };

    /// The place behind this one, whose record became the leaf of this index and hash; `None` behind the last number.
    pub fn next(&self, index: u64, leaf: [u8; 32]) -> Option<Self> {
        let number = self.number.checked_add(1)?;
        Some(Self { number, previous: Some(Previous { index, leaf }) })
    }

    fn is_whole(&self) -> bool {
        match self.previous {
            None => self.number == 1,
            Some(_) => self.number > 1,
        }
    }
}

impl Disclosure {
    /// When the portal asked by its own clock, Unix milliseconds; `None` where the id carries no time.
    pub fn asked_ms(&self) -> Option<u64> {
        let [a, b, c, d, e, f, version, _, variant, ..] = self.request;
        (version >> 4 == 7 && variant >> 6 == 0b10).then(|| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl PersonPart {
    /// The one byte form, which is what a leaf commits to.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        if !self.place.is_whole() {
            return Err(CodecError::Malformed);
        }
        codec::encode(PART_VERSION, self, PART_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let part: Self = codec::decode(PART_VERSION, bytes, PART_MAX)?;
        if part.place.is_whole() { Ok(part) } else { Err(CodecError::Malformed) }
    }
}
