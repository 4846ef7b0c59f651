//! Where the copies of one kind end in the holder's journal: the holder's own numbers, and those of their owner.
//!
//! What must hold: copies that are kept are in unbroken order, so that one end gives the place of all of them; a copy has the
//! same hash at its holder and at its owner.

use chukei_crypto::hash::sha256;
use chukei_store::journal::{Journal, JournalEntry, JournalError};
use chukei_wire::codec::{decode, encode};
use chukei_wire::limits::COPY_MAX;
use chukei_wire::message::copies::{CopiedEntry, HeldEnd};

/// A copy as it lies there: with what stands around what is copied.
const HELD_MAX: usize = COPY_MAX + 64;
/// Kind of the entries.
pub(super) const KIND: u8 = 64;

/// The last copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Its number at the holder.
    pub(super) seq: u64,
    /// Its number at the owner; 0 where there is none.
    pub(super) last: u64,
    /// Its hash; zeros where there is none.
    pub(super) hash: [u8; 32],
}

impl End {
    /// The end of what is durable. Blocking.
    pub(super) fn read(journal: &Journal, partition: &str) -> Result<Self, JournalError> {
        let seq = journal.last_number(partition);
        let HeldEnd { last, hash } = match journal.read(partition, seq.max(1)).next() {
            Some(entry) => {
                let entry = entry?;
                HeldEnd { last: copy(&entry)?.number, hash: sha256(&entry.sealed) }
            }
            None => HeldEnd::default(),
        };
        Ok(Self { seq, last, hash })
    }

    /// As its owner is told it.
    pub(super) fn told(&self) -> HeldEnd {
        HeldEnd { last: self.last, hash: self.hash }
    }

    /// The holder's number of the owner's entry `number`, in what is kept.
    pub(super) fn seq_of(&self, number: u64) -> u64 {
        if number <= self.last {
            self.seq.saturating_sub(self.last - number)
        } else {
            self.seq.saturating_add(number - self.last)
        }
    }
}

/// The end of copies of which this is the last.
pub(super) fn end(copy: &CopiedEntry) -> Result<HeldEnd, JournalError> {
    Ok(HeldEnd { last: copy.number, hash: sha256(&held(copy)?) })
}

/// The copy of one's own entry.
pub(super) fn of_entry(entry: JournalEntry) -> CopiedEntry {
    CopiedEntry { number: entry.seq, kind: entry.kind, at_ms: entry.at_ms, sealed: entry.sealed }
}

/// Whether the last copy is another than the entry of its number in `partition`, which is durable. What was given up there is
/// not compared. Blocking.
pub(super) fn differs(journal: &Journal, partition: &str, held: HeldEnd) -> Result<bool, JournalError> {
    let Some(own) = journal.read(partition, held.last.max(1)).next() else { return Ok(false) };
    let own = own?;
    // Where the entry was given up, also meanwhile, what is read is the first one that is kept.
    Ok(own.seq == held.last && end(&of_entry(own))? != held)
}

/// Content of the entry that holds a copy.
pub(super) fn held(copy: &CopiedEntry) -> Result<Vec<u8>, JournalError> {
    encode(copy).map_err(|_| JournalError::TooLarge)
}

/// Reads it back.
pub(super) fn copy(entry: &JournalEntry) -> Result<CopiedEntry, JournalError> {
    if entry.kind != KIND {
        return Err(JournalError::NotInSequence);
    }
    decode(&entry.sealed, HELD_MAX).map_err(|_| JournalError::NotInSequence)
}
