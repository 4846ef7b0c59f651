//! One log as a witness remembers it.
//!
//! What must hold: two heads of one size and different roots are a contradiction, whoever cosigned them, and the log
//! stays contradicted; few heads of others wait at a time; a head is known only where what holds the log to it is durable.

use std::collections::VecDeque;

use chukei_crypto::tlog::TreeHead;
use chukei_wire::limits::LOG_ALSO_MAX;
use chukei_wire::message::log::{LogGap, LogSeen};

use super::entry::{Kept, KeptKind};

/// Heads that were cosigned lately and are compared with what others have: brokers are shown the same ones within seconds.
const LATELY: usize = 8;

/// A head that another broker has cosigned.
#[derive(Clone, Debug)]
pub(in crate::broker::witness) struct Other {
    pub(in crate::broker::witness) head: TreeHead,
    /// Its checkpoint, signed by the log.
    note: String,
    /// Number of its entry; 0 until it is durable.
    pub(super) number: u64,
}

/// What becomes of another broker's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker::witness) enum Noted {
    /// It was cosigned here too, or is remembered already; durably.
    Known,
    /// It was cosigned here too, but the entry that holds the log to it may be lost: this one does.
    Again(Box<Kept>),
    /// It is remembered from now on.
    New,
    /// It has another root than this checkpoint of its size, and is remembered from now on.
    Contradicts(String),
    /// So many wait already.
    Full,
}

/// One log.
#[derive(Clone, Debug)]
pub(in crate::broker::witness) struct Log {
    /// The head that was cosigned last, or is being.
    pub(in crate::broker::witness) head: TreeHead,
    /// Its checkpoint as it was shown, signed by the log; empty while nothing was cosigned here.
    pub(in crate::broker::witness) note: String,
    /// Number of its newest entry that is known to be durable; 0 for none yet.
    pub(super) number: u64,
    /// Size of the largest head that was cosigned here and is known to be durable: later ones continue what is smaller.
    durable: u64,
    /// With what its epoch began here.
    gap: Option<LogGap>,
    /// Heads that were cosigned before, the newest last.
    lately: VecDeque<(TreeHead, String)>,
    /// What others have cosigned and nothing here continues yet.
    pub(in crate::broker::witness) others: Vec<Other>,
    /// Whether it was found to contradict itself, without doubt.
    pub(in crate::broker::witness) forked: bool,
    /// What other brokers may be told of, and its turn.
    pub(super) seen: Option<(u64, LogSeen)>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            head: TreeHead::EMPTY,
            note: String::new(),
            number: 0,
            durable: 0,
            gap: None,
            lately: VecDeque::new(),
            others: Vec::new(),
            forked: false,
            seen: None,
        }
    }
}

impl Log {
    /// Whether something of it was cosigned here.
    pub(in crate::broker::witness) fn is_cosigned(&self) -> bool {
        !self.note.is_empty()
    }

    /// The checkpoints that it is held to, one behind the other.
    pub(in crate::broker::witness) fn evidence(&self) -> String {
        let others = self.others.iter().map(|other| other.note.as_str());
        std::iter::once(self.note.as_str()).chain(others).collect()
    }

    /// Heads of others that are to be continued.
    pub(in crate::broker::witness) fn others(&self) -> impl Iterator<Item = &TreeHead> {
        self.others.iter().map(|other| &other.head)
    }

    /// This was cosigned, and continues everything that is known.
    pub(super) fn cosigned(&mut self, head: TreeHead, note: String, gap: Option<LogGap>) {
        if self.is_cosigned() && self.head != head {
            self.lately.push_back((self.head, std::mem::take(&mut self.note)));
            if self.lately.len() > LATELY {
                self.lately.pop_front();
            }
        }
        (self.head, self.note) = (head, note);
        self.gap = gap.or_else(|| self.gap.take());
        self.others.clear();
    }

    /// The entry of a head that was cosigned here is durable; whether there is no larger one that is.
    pub(super) fn kept(&mut self, size: u64, number: u64) -> bool {
        self.number = self.number.max(number);
        let largest = size >= self.durable;
        self.durable = self.durable.max(size);
        largest
    }

    /// Another broker has cosigned this. What is known and not durable, because its entry is still on its way or was lost, is
    /// written once more.
    pub(super) fn note_other(&mut self, head: TreeHead, note: &str) -> Noted {
        let own = std::iter::once((&self.head, &self.note)).filter(|(_, note)| !note.is_empty());
        let cosigned = own.chain(self.lately.iter().map(|(head, note)| (head, note)));
        if let Some((known, of_it)) = cosigned.into_iter().find(|(known, _)| known.size == head.size) {
            return match *known == head {
                true if head.size <= self.durable => Noted::Known,
                true => Noted::Again(Box::new(self.own())),
                false => self.contradicted(head, note, of_it.clone()),
            };
        }
        if let Some(other) = self.others.iter().find(|other| other.head.size == head.size) {
            return match other.head == head {
                true if other.number > 0 => Noted::Known,
                true => Noted::New,
                false => self.contradicted(head, note, other.note.clone()),
            };
        }
        if self.others.len() >= LOG_ALSO_MAX {
            return Noted::Full;
        }
        self.others.push(Other { head, note: note.to_owned(), number: 0 });
        Noted::New
    }

    fn contradicted(&mut self, head: TreeHead, note: &str, known: String) -> Noted {
        self.forked = true;
        // Evidence is worth more than what might become some.
        self.others.truncate(LOG_ALSO_MAX - 1);
        self.others.push(Other { head, note: note.to_owned(), number: 0 });
        Noted::Contradicts(known)
    }

    /// Whether something of it stands before entry `number`, durably.
    pub(super) fn is_older_than(&self, number: u64) -> bool {
        let durable = 1..number;
        durable.contains(&self.number) || self.others.iter().any(|other| durable.contains(&other.number))
    }

    /// Everything of it that was durable stands at entry `first` or behind.
    pub(super) fn rewritten(&mut self, first: u64) {
        if self.number > 0 {
            self.number = self.number.max(first);
        }
        for other in self.others.iter_mut().filter(|other| other.number > 0) {
            other.number = other.number.max(first);
        }
    }

    /// All of it, as entries: what was cosigned here first, because it ends what others had cosigned before.
    pub(super) fn entries(&self) -> Vec<Kept> {
        let own = self.is_cosigned().then(|| self.own());
        let others = self.others.iter();
        own.into_iter().chain(others.map(|other| Kept::other(other.note.clone()))).collect()
    }

    /// The entry of what was cosigned here last.
    fn own(&self) -> Kept {
        Kept { kind: KeptKind::Own, note: self.note.clone(), gap: self.gap.clone() }
    }
}
