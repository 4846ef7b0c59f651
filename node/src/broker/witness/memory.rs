//! What was cosigned last of every log: in memory, and in the broker's journal as the checkpoint itself.
//!
//! What must hold: an entry is the signed note, so that memory and evidence are one; of a log the newest entry counts,
//! and heads of a log never become smaller from entry to entry; a body's logs are bounded.

use std::collections::BTreeMap;

use chukei_crypto::tlog::{CheckpointError, SignedCheckpoint, TreeHead};
use chukei_relay_client::log_key::{BadOrigin, LogOrigin};
use chukei_store::journal::JournalEntry;
use tokio::time::Instant;

/// Logs of one body: one for each epoch.
const EPOCHS_MAX: usize = 16;

/// Why the memory could not be rebuilt: the journal holds what no witness has written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// An entry of another kind.
    #[error("entry {0} is of an unknown kind")]
    Kind(u64),
    /// An entry that is no checkpoint.
    #[error("entry {0}: {1}")]
    Checkpoint(u64, #[source] CheckpointError),
    /// The checkpoint of a log that is nobody's.
    #[error("entry {0}: {1}")]
    Origin(u64, #[source] BadOrigin),
    /// A log became smaller, or has two roots of one size.
    #[error("entry {0} contradicts an earlier one of its log")]
    Contradiction(u64),
}

/// Kind of the entries, readable without a key, as is the rest of them.
pub(super) const KIND: u8 = 48;

/// One log.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    /// The head that was cosigned last, or is being.
    pub(super) head: TreeHead,
    /// Its checkpoint as it was shown, signed by the log.
    pub(super) note: String,
    /// Number of its newest entry that is known to be durable; 0 for none yet.
    pub(super) number: u64,
    /// When an alarm was raised about it last.
    pub(super) alarmed: Option<Instant>,
}

/// Every log that was cosigned.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<LogOrigin, Remembered>);

impl Memory {
    /// Rebuilt from the journal's entries, oldest first.
    pub(super) fn take(&mut self, entry: &JournalEntry) -> Result<(), MemoryError> {
        let number = entry.seq;
        if entry.kind != KIND {
            return Err(MemoryError::Kind(number));
        }
        let shown =
            SignedCheckpoint::parse(&entry.sealed).map_err(|error| MemoryError::Checkpoint(number, error))?;
        let stated = shown.unverified();
        let origin = stated.origin().parse().map_err(|error| MemoryError::Origin(number, error))?;
        let last = self.last(&origin);
        let contradicts = stated.head().size == last.size && *stated.head() != last;
        if stated.head().size < last.size || contradicts {
            return Err(MemoryError::Contradiction(number));
        }
        self.remember(origin, *stated.head(), shown.to_string());
        self.kept(&origin, number);
        Ok(())
    }

    /// The head that was cosigned last, of an unknown log the empty one.
    pub(super) fn last(&self, origin: &LogOrigin) -> TreeHead {
        self.0.get(origin).map_or(TreeHead::EMPTY, |log| log.head)
    }

    /// Whether there is room for this log.
    pub(super) fn has_room(&self, origin: &LogOrigin) -> bool {
        let first = LogOrigin { epoch: 0, ..*origin };
        let last = LogOrigin { epoch: u64::MAX, ..*origin };
        self.0.contains_key(origin) || self.0.range(first..=last).count() < EPOCHS_MAX
    }

    /// From now on this is the last head. The entry is on its way.
    pub(super) fn remember(&mut self, origin: LogOrigin, head: TreeHead, note: String) {
        let before = self.0.get(&origin);
        let number = before.map_or(0, |log| log.number);
        self.0.insert(origin, Remembered { head, note, number, alarmed: None });
    }

    /// The entry of this number is durable.
    pub(super) fn kept(&mut self, origin: &LogOrigin, number: u64) {
        if let Some(log) = self.0.get_mut(origin) {
            log.number = log.number.max(number);
        }
    }

    /// One log.
    pub(super) fn get_mut(&mut self, origin: &LogOrigin) -> Option<&mut Remembered> {
        self.0.get_mut(origin)
    }

    /// Logs whose newest durable entry is before this number.
    pub(super) fn older_than(&self, number: u64) -> Vec<(LogOrigin, String)> {
        let older = self.0.iter().filter(|(_, log)| (1..number).contains(&log.number));
        older.map(|(origin, log)| (*origin, log.note.clone())).collect()
    }
}
