//! Entries of a log read and opened ahead of whoever holds them against the tree, on several processors at once.
//!
//! What must hold: they come in the order of the log, and none behind one that cannot be read. Bounded: so many are held at
//! a time. Deliberately absent: leaves, which name the leaf before them and are made one by one.

use std::collections::VecDeque;
use std::num::NonZero;
use std::thread;

use chukei_crypto::keyring::Keyring;
use chukei_store::journal::{JournalEntry, JournalError, JournalReader};

use crate::audit::examine::Examined;
use crate::audit::sealed_log::SealedLog;

/// Entries held at a time: of some 400 bytes each, 16 KiB at most.
const HELD: usize = 2_048;
/// Threads at most: more would wait for the one that makes the leaves.
const THREADS: usize = 4;

/// Entries from a number on.
pub(super) struct Ahead<'a> {
    log: &'a SealedLog,
    keys: &'a Keyring,
    entries: JournalReader,
    examined: VecDeque<Result<Examined, JournalError>>,
    threads: usize,
}

/// An entry, and what it was found to be.
type Slot = (Option<JournalEntry>, Option<Examined>);

impl<'a> Ahead<'a> {
    pub(super) fn new(log: &'a SealedLog, keys: &'a Keyring, first: u64) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        Self { log, keys, entries: log.entries(first), examined: VecDeque::new(), threads }
    }

    fn look_ahead(&mut self) {
        let (mut slots, mut unread) = (Vec::<Slot>::new(), None);
        while slots.len() < HELD && unread.is_none() {
            match self.entries.next() {
                Some(Ok(entry)) => slots.push((Some(entry), None)),
                Some(Err(error)) => unread = Some(error),
                None => break,
            }
        }
        let share = slots.len().div_ceil(self.threads).max(1);
        let (log, keys) = (self.log, self.keys);
        thread::scope(|scope| {
            let mut shares = slots.chunks_mut(share);
            let own = shares.next();
            for share in shares {
                scope.spawn(move || examine(log, keys, share));
            }
            examine(log, keys, own.unwrap_or_default());
        });
        self.examined.extend(slots.into_iter().filter_map(|(_, examined)| examined).map(Ok));
        self.examined.extend(unread.map(Err));
    }
}

impl Iterator for Ahead<'_> {
    type Item = Result<Examined, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.examined.is_empty() {
            self.look_ahead();
        }
        self.examined.pop_front()
    }
}

fn examine(log: &SealedLog, keys: &Keyring, slots: &mut [Slot]) {
    for (entry, examined) in slots {
        *examined = entry.take().map(|entry| log.examine(keys, entry));
    }
}
