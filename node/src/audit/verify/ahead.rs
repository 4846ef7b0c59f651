//! Entries of a log read and opened ahead of whoever holds them against the tree, on several processors at once.
//!
//! What must hold: they come in the order of the log, and none behind one that cannot be read; where they cannot be looked at
//! that is said, and is no end of the log. Bounded: so many are held at a time. Deliberately absent: leaves, which name the
//! leaf before them and are made one by one.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};
use std::vec;

use chukei_crypto::keyring::Keyring;
use chukei_store::journal::{JournalEntry, JournalError, JournalReader};

use crate::audit::examine::Examined;
use crate::audit::sealed_log::SealedLog;

/// Entries looked at together, of some 400 bytes each, 16 KiB at most. As many wait, opened, and as many are being held
/// against the tree.
const TOGETHER: usize = 1_024;
/// Threads at most: more would wait for the one that makes the leaves.
const THREADS: usize = 4;

/// What became of an entry.
type Looked = Result<Examined, JournalError>;

/// Entries from a number on.
pub(super) struct Ahead {
    looked: vec::IntoIter<Looked>,
    /// Absent behind the last.
    coming: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

/// Some entries, one behind the other, and whether there is nothing behind them.
struct Batch {
    looked: Vec<Looked>,
    is_last: bool,
}

impl Ahead {
    pub(super) fn new(log: &SealedLog, keys: &Arc<Keyring>, first: u64) -> Self {
        let (sender, coming) = mpsc::sync_channel(1);
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        let reader =
            Reader { log: log.clone(), keys: Arc::clone(keys), entries: log.entries(first), threads };
        match thread::Builder::new().name("log-ahead".to_owned()).spawn(move || reader.run(&sender)) {
            Ok(thread) => Self { looked: Vec::new().into_iter(), coming: Some(coming), thread: Some(thread) },
            Err(error) => {
                Self { looked: vec![Err(JournalError::Io(error))].into_iter(), coming: None, thread: None }
            }
        }
    }
}

impl Iterator for Ahead {
    type Item = Looked;

    fn next(&mut self) -> Option<Looked> {
        loop {
            if let Some(looked) = self.looked.next() {
                return Some(looked);
            }
            let Ok(Batch { looked, is_last }) = self.coming.as_ref()?.recv() else {
                // It broke off: that is no end of the log.
                self.coming = None;
                return Some(Err(JournalError::Failed));
            };
            self.looked = looked.into_iter();
            if is_last {
                self.coming = None;
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Whoever reads ahead ends with the batch that nobody takes.
        self.coming = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whoever reads ahead.
struct Reader {
    log: SealedLog,
    keys: Arc<Keyring>,
    entries: JournalReader,
    threads: usize,
}

/// An entry, and what it was found to be.
type Slot = (Option<JournalEntry>, Option<Examined>);

impl Reader {
    fn run(mut self, sender: &SyncSender<Batch>) {
        loop {
            let batch = self.batch();
            let is_last = batch.is_last;
            if sender.send(batch).is_err() || is_last {
                return;
            }
        }
    }

    fn batch(&mut self) -> Batch {
        let mut slots = Vec::<Slot>::with_capacity(TOGETHER);
        let mut unread = None;
        let is_last = loop {
            if slots.len() == TOGETHER {
                break false;
            }
            match self.entries.next() {
                Some(Ok(entry)) => slots.push((Some(entry), None)),
                end => {
                    unread = end;
                    break true;
                }
            }
        };
        self.examine(&mut slots);
        let mut looked: Vec<Looked> =
            slots.into_iter().filter_map(|(_, examined)| examined).map(Ok).collect();
        looked.extend(unread.and_then(Result::err).map(Err));
        Batch { looked, is_last }
    }

    fn examine(&self, slots: &mut [Slot]) {
        let (log, keys) = (&self.log, &*self.keys);
        let share = slots.len().div_ceil(self.threads).max(1);
        thread::scope(|scope| {
            let mut shares = slots.chunks_mut(share);
            let own = shares.next();
            for share in shares {
                scope.spawn(move || examine(log, keys, share));
            }
            examine(log, keys, own.unwrap_or_default());
        });
    }
}

fn examine(log: &SealedLog, keys: &Keyring, slots: &mut [Slot]) {
    for (entry, examined) in slots {
        *examined = entry.take().map(|entry| log.examine(keys, entry));
    }
}
