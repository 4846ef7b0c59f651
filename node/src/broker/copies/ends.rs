//! Where the copies of one kind end in the holder's journal: the holder's own numbers, and those of their owner.
//!
//! What must hold: copies that are kept are in unbroken order, so that one end gives the place of all of them.

use chukei_store::journal::{Journal, JournalEntry, JournalError};
use chukei_wire::codec::{decode, encode};
use chukei_wire::limits::COPY_MAX;
use chukei_wire::message::copies::CopiedEntry;

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
}

impl End {
    /// The end of what is durable. Blocking.
    pub(super) fn read(journal: &Journal, partition: &str) -> Result<Self, JournalError> {
        let seq = journal.last_number(partition);
        let last = match journal.read(partition, seq.max(1)).next() {
            Some(entry) => copy(&entry?)?.number,
            None => 0,
        };
        Ok(Self { seq, last })
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
