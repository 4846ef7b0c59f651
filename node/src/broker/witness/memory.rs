//! What is remembered of every log: what was cosigned here last, and what other brokers have cosigned that nothing here
//! continues yet. In memory, and in the broker's journal as the checkpoints themselves.
//!
//! What must hold: an entry has the signed note, so that memory and evidence are one; of a log the newest entry counts,
//! and heads of a log never become smaller from entry to entry; a body's logs are bounded, and the oldest epoch goes first.

mod entry;
mod log;

use std::collections::BTreeMap;
use std::time::Duration;

use chukei_crypto::tlog::{CheckpointError, SignedCheckpoint, TreeHead};
use chukei_relay_client::log_key::{BadOrigin, LogOrigin};
use chukei_store::journal::JournalEntry;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::log::{LogGap, LogSeen};
use tokio::time::Instant;

pub(super) use entry::{Kept, KeptKind};
pub(super) use log::{Log, Noted};

/// One alarm about a body's log in this time: each is an error line with two checkpoints.
const ALARM_EVERY: Duration = Duration::from_secs(60);
/// Logs of one body: one for each epoch. Of more, the oldest is forgotten: nothing of an epoch is cosigned any more once a
/// later one is known.
const EPOCHS_MAX: usize = 16;

/// Why the memory could not be rebuilt: the journal holds what no witness has written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// An entry of another kind.
    #[error("entry {0} is of an unknown kind")]
    Kind(u64),
    /// An entry that is not in its form.
    #[error("entry {0} is malformed")]
    Malformed(u64),
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

/// Every log that was cosigned, here or by another broker.
#[derive(Debug, Default)]
pub(super) struct Memory {
    logs: BTreeMap<LogOrigin, Log>,
    /// Counts what may be told to other brokers.
    turn: u64,
    /// When an alarm was raised about a body's log last, since something of it was cosigned.
    alarmed: BTreeMap<BodyCode, Instant>,
}

impl Memory {
    /// Rebuilt from the journal's entries, oldest first.
    pub(super) fn take(&mut self, entry: &JournalEntry) -> Result<(), MemoryError> {
        let number = entry.seq;
        let kept = Kept::read(entry)?;
        let shown = SignedCheckpoint::parse(kept.note.as_bytes())
            .map_err(|error| MemoryError::Checkpoint(number, error))?;
        let stated = shown.unverified();
        let origin = stated.origin().parse().map_err(|error| MemoryError::Origin(number, error))?;
        let head = *stated.head();
        if kept.kind == KeptKind::Other {
            self.log_mut(origin).note_other(head, &kept.note);
            self.noted(&origin, &head, number);
            return Ok(());
        }
        let last = self.last(&origin);
        if head.size < last.size || (head.size == last.size && head != last) {
            return Err(MemoryError::Contradiction(number));
        }
        self.remember(origin, head, kept.note, kept.gap);
        self.kept(&origin, (head.size, number), None);
        Ok(())
    }

    /// The head that was cosigned last, of an unknown log the empty one.
    pub(super) fn last(&self, origin: &LogOrigin) -> TreeHead {
        self.logs.get(origin).map_or(TreeHead::EMPTY, |log| log.head)
    }

    /// One log.
    pub(super) fn get(&self, origin: &LogOrigin) -> Option<&Log> {
        self.logs.get(origin)
    }

    /// Whether it is time for an alarm about this log, which is then raised: nobody was alarmed about this body's for a
    /// while, or something of it was cosigned since.
    pub(super) fn alarm(&mut self, origin: &LogOrigin) -> bool {
        let now = Instant::now();
        let before = self.alarmed.get(&origin.body);
        if before.is_some_and(|before| now.saturating_duration_since(*before) < ALARM_EVERY) {
            return false;
        }
        self.alarmed.insert(origin.body, now);
        true
    }

    /// The newest log of the same body that is of a later epoch.
    pub(super) fn later(&self, origin: &LogOrigin) -> Option<&Log> {
        self.logs.range(above(origin)..=end(origin)).next_back().map(|(_, log)| log)
    }

    /// Whether something was cosigned here of an earlier epoch of the body, and nothing of this one.
    pub(super) fn begins_epoch(&self, origin: &LogOrigin) -> bool {
        let begun = self.logs.get(origin).is_some_and(Log::is_cosigned);
        let first = LogOrigin { epoch: 0, ..*origin };
        !begun && self.logs.range(first..*origin).any(|(_, log)| log.is_cosigned())
    }

    /// From now on this is the last head, and continues whatever others have cosigned. The entry is on its way.
    pub(super) fn remember(&mut self, origin: LogOrigin, head: TreeHead, note: String, gap: Option<LogGap>) {
        self.alarmed.remove(&origin.body);
        self.log_mut(origin).cosigned(head, note, gap);
    }

    /// The entry of this number is durable, about a head of so many leaves that was cosigned here; what may be told of it to
    /// other brokers.
    pub(super) fn kept(&mut self, origin: &LogOrigin, (size, number): (u64, u64), seen: Option<LogSeen>) {
        let Some(log) = self.logs.get_mut(origin) else { return };
        if log.kept(size, number)
            && let Some(seen) = seen
        {
            self.turn += 1;
            log.seen = Some((self.turn, seen));
        }
    }

    /// All of a log stands behind this entry, durably.
    pub(super) fn rewritten(&mut self, origin: &LogOrigin, first: u64) {
        if let Some(log) = self.logs.get_mut(origin) {
            log.rewritten(first);
        }
    }

    /// What another broker has cosigned is remembered from now on.
    pub(super) fn note_other(&mut self, origin: LogOrigin, head: TreeHead, note: &str) -> Noted {
        self.log_mut(origin).note_other(head, note)
    }

    /// The entry of such a head is durable.
    pub(super) fn noted(&mut self, origin: &LogOrigin, head: &TreeHead, number: u64) {
        let others = self.logs.get_mut(origin).map(|log| log.others.iter_mut());
        if let Some(other) = others.into_iter().flatten().find(|other| other.head == *head) {
            other.number = other.number.max(number);
        }
    }

    /// What was cosigned since this turn and may be told, oldest first, at most so many, each with its turn.
    pub(super) fn seen_since(&self, turn: u64, most: usize) -> Vec<(u64, LogSeen)> {
        let seen = self.logs.values().filter_map(|log| log.seen.as_ref());
        let mut seen: Vec<_> = seen.filter(|(at, _)| *at > turn).cloned().collect();
        seen.sort_unstable_by_key(|(at, _)| *at);
        seen.truncate(most);
        seen
    }

    /// The newest turn of what may be told; 0 where there is nothing.
    pub(super) fn newest_seen(&self) -> u64 {
        let seen = self.logs.values().filter_map(|log| log.seen.as_ref());
        seen.map(|(at, _)| *at).max().unwrap_or(0)
    }

    /// What is to be written once more so that nothing before entry `number` is needed: of each log that has something
    /// there, all of it, what was cosigned here before what others have.
    pub(super) fn older_than(&self, number: u64) -> Vec<(LogOrigin, Vec<Kept>)> {
        let older = self.logs.iter().filter(|(_, log)| log.is_older_than(number));
        older.map(|(origin, log)| (*origin, log.entries())).collect()
    }

    /// The log of this origin, made where there is none; the oldest epoch of its body goes where there is no room.
    fn log_mut(&mut self, origin: LogOrigin) -> &mut Log {
        if !self.logs.contains_key(&origin) {
            let first = LogOrigin { epoch: 0, ..origin };
            let epochs: Vec<_> = self.logs.range(first..=end(&origin)).map(|(known, _)| *known).collect();
            if let Some(oldest) = epochs.first().filter(|_| epochs.len() >= EPOCHS_MAX) {
                self.logs.remove(oldest);
            }
        }
        self.logs.entry(origin).or_default()
    }
}

fn above(origin: &LogOrigin) -> LogOrigin {
    LogOrigin { epoch: origin.epoch.saturating_add(1), ..*origin }
}

fn end(origin: &LogOrigin) -> LogOrigin {
    LogOrigin { epoch: u64::MAX, ..*origin }
}
