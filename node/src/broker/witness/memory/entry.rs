//! The witness's entries in the journal, readable without a key.
//!
//! What must hold: a head that begins an epoch stands in one entry with the statement that two persons decided it, so that
//! neither is there without the other.

use chukei_store::journal::JournalEntry;
use chukei_wire::codec::{CodecError, decode, encode};
use chukei_wire::limits::LOG_CHECKPOINT_MAX;
use chukei_wire::message::log::LogGap;
use serde::{Deserialize, Serialize};

use super::MemoryError;

/// A head that was cosigned here: the note.
const OWN: u8 = 48;
/// A head that another broker has cosigned: the note with that broker's cosignature.
const OTHER: u8 = 49;
/// A head that was cosigned here, with the statement that began its epoch: [`Begun`].
const BEGUN: u8 = 50;
/// Longest entry of the last kind.
const BEGUN_MAX: usize = 4 * LOG_CHECKPOINT_MAX;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker::witness) enum KeptKind {
    /// A head that was cosigned here.
    Own,
    /// A head that another broker has cosigned.
    Other,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker::witness) struct Kept {
    /// What it is about.
    pub(in crate::broker::witness) kind: KeptKind,
    /// The checkpoint, signed by the log.
    pub(in crate::broker::witness) note: String,
    /// The statement that began the log's epoch.
    pub(in crate::broker::witness) gap: Option<LogGap>,
}

#[derive(Serialize, Deserialize)]
struct Begun {
    #[serde(rename = "c")]
    note: String,
    #[serde(rename = "g")]
    gap: LogGap,
}

impl Kept {
    /// A head that another broker has cosigned.
    pub(in crate::broker::witness) fn other(note: String) -> Self {
        Self { kind: KeptKind::Other, note, gap: None }
    }

    /// Kind and content of the entry.
    pub(in crate::broker::witness) fn written(self) -> Result<(u8, Vec<u8>), CodecError> {
        match (self.kind, self.gap) {
            (KeptKind::Own, None) => Ok((OWN, self.note.into_bytes())),
            (KeptKind::Own, Some(gap)) => Ok((BEGUN, encode(&Begun { note: self.note, gap })?)),
            (KeptKind::Other, _) => Ok((OTHER, self.note.into_bytes())),
        }
    }

    /// Reads an entry.
    pub(super) fn read(entry: &JournalEntry) -> Result<Self, MemoryError> {
        let malformed = || MemoryError::Malformed(entry.seq);
        let kind = match entry.kind {
            OWN => KeptKind::Own,
            OTHER => KeptKind::Other,
            BEGUN => {
                let Begun { note, gap } = decode(&entry.sealed, BEGUN_MAX).map_err(|_| malformed())?;
                return Ok(Self { kind: KeptKind::Own, note, gap: Some(gap) });
            }
            _ => return Err(MemoryError::Kind(entry.seq)),
        };
        let note = String::from_utf8(entry.sealed.clone()).map_err(|_| malformed())?;
        Ok(Self { kind, note, gap: None })
    }
}
