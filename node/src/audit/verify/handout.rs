//! Records of a log between two moments as their leaves open, for whoever is to hold them against a checkpoint elsewhere.
//!
//! What must hold: every place between the first and the last record is there, in order, as its record or as its leaf
//! alone; a record that does not open as the leaf of the stored tree is not handed out. What an entry says of its time
//! stands outside of its seal: none is left out for it that was not opened, nor any that stands so close to the others that it
//! could be one of them.

use std::sync::Arc;

use chukei_crypto::keyring::Keyring;
use chukei_crypto::tlog::{Commitment, Hash, Opening, Part, TreeHead};
use chukei_domain::event::Place;
use chukei_store::journal::{JournalEntry, JournalReader};

use super::StoredLog;
use super::against::Against;
use super::places::{Places, Where};
use crate::audit::chains::ChainEnd;
use crate::audit::coming::Coming;
use crate::audit::examine::Whole;
use crate::audit::log::{AuditLog, EntryKind};
use crate::audit::sealed_log::{BadRecord, SET_BACK_MS, SealedLog};
use crate::audit::search::SLACK_MS;
use crate::hosted::persons::PersonId;

/// Persons whose chains are held: those of more of them are looked up.
const PERSONS: usize = 2_000_000;
/// Entries read at a time where those before a span are looked at.
const WINDOW: u64 = 4_096;

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Number of the first record.
    pub(crate) first: u64,
    /// Number of the last one.
    pub(crate) last: u64,
    /// Records from this moment on, Unix milliseconds.
    pub(crate) from_ms: u64,
    /// And before this one.
    pub(crate) until_ms: u64,
}

/// One place of the log.
pub(crate) enum HandedOut {
    /// A record, by its number, opened as the leaf that it is.
    Record(u64, Opening),
    /// A leaf alone: its record is of another time, or is no more.
    Leaf(u64, Hash),
}

impl AuditLog {
    /// The places from the first to the last record of these moments, up to record `last`; `None` where there is none.
    /// Blocking file I/O.
    pub(crate) fn span(&self, from_ms: u64, until_ms: u64, last: u64) -> Result<Option<Span>, BadRecord> {
        let (mut span, mut later): (Option<Span>, _) = (None, None);
        for entry in self.entries(self.records.first_number()) {
            let entry = entry.map_err(|_| BadRecord)?;
            if entry.seq > last {
                break;
            }
            if (from_ms..until_ms).contains(&entry.at_ms) {
                let first = span.map_or(entry.seq, |span| span.first);
                span = Some(Span { first, last: entry.seq, from_ms, until_ms });
            } else if entry.at_ms >= until_ms {
                later.get_or_insert(entry.seq);
            }
        }
        // Where there is none, it is where they would stand that counts.
        let empty = later.unwrap_or(last.saturating_add(1));
        let (first, behind) = span.map_or((empty, empty), |span| (span.first, span.last.saturating_add(1)));
        self.all_earlier(first, from_ms)?;
        self.all_later(behind, until_ms, last)?;
        Ok(span)
    }

    /// Opens the records before number `first`, from there back to one that is of an earlier time for certain.
    fn all_earlier(&self, first: u64, from_ms: u64) -> Result<(), BadRecord> {
        let (begin, mut until) = (self.first_number(), first);
        while until > begin {
            let from = until.saturating_sub(WINDOW).max(begin);
            for entry in self.between(from, until)?.into_iter().rev() {
                let at_ms = self.records.time_of(entry)?;
                if at_ms.is_none_or(|at_ms| at_ms.saturating_add(SLACK_MS) < from_ms) {
                    return Ok(());
                }
            }
            until = from;
        }
        Ok(())
    }

    /// Opens the records from number `behind` on, up to one that is of a later time for certain.
    fn all_later(&self, behind: u64, until_ms: u64, last: u64) -> Result<(), BadRecord> {
        for entry in self.entries(behind) {
            let entry = entry.map_err(|_| BadRecord)?;
            if entry.seq > last {
                break;
            }
            let at_ms = self.records.time_of(entry)?;
            if at_ms.is_some_and(|at_ms| at_ms >= until_ms.saturating_add(SLACK_MS)) {
                break;
            }
        }
        Ok(())
    }
}

/// Places one after the other.
pub(crate) struct Handout<S> {
    log: SealedLog,
    keys: Arc<Keyring>,
    entries: JournalReader,
    next: u64,
    span: Span,
    /// Time of the newest record that was opened.
    newest_ms: u64,
    places: Places,
    against: Against<S>,
}

impl<S: StoredLog> Handout<S> {
    /// Of this log, whose tree has this head.
    pub(crate) fn new(log: &AuditLog, span: Span, head: TreeHead, tiles: S) -> Self {
        let log = log.records.clone();
        let first = log.first_number();
        let (places, keys) = (Places::new(first == 1, PERSONS), log.keys());
        let (entries, against) = (log.entries(first), Against::new(tiles, head));
        Self { log, keys, entries, next: first, span, newest_ms: 0, places, against }
    }

    /// The next place; `None` behind the last. Blocking file I/O.
    pub(crate) fn next(&mut self) -> Result<Option<HandedOut>, BadRecord> {
        while self.next <= self.span.last {
            let entry = self.entries.next().ok_or(BadRecord)?.map_err(|_| BadRecord)?;
            let number = entry.seq;
            if number != self.next {
                return Err(BadRecord);
            }
            self.next += 1;
            if let Some(handed) = self.place(number, entry)? {
                return Ok(Some(handed));
            }
        }
        Ok(None)
    }

    fn place(&mut self, number: u64, entry: JournalEntry) -> Result<Option<HandedOut>, BadRecord> {
        let within = number >= self.span.first;
        let at_ms = entry.at_ms;
        let wanted = within && (self.span.from_ms..self.span.until_ms).contains(&at_ms);
        let leaf = self.against.leaf(number - 1).map_err(|_| BadRecord)?.ok_or(BadRecord)?;
        let bare = within.then_some(HandedOut::Leaf(number, leaf));
        if self.log.has_expired(&entry) {
            self.places.lose();
            // What stands behind younger ones is not that old.
            let late = at_ms.saturating_add(SET_BACK_MS) < self.newest_ms;
            return if late { Err(BadRecord) } else { Ok(bare) };
        }
        if !within && !may_be_shown(entry.kind) {
            return Ok(bare);
        }
        let Whole { found, salt, bytes } = self.log.whole(&self.keys, entry).ok_or(BadRecord)?;
        let Coming { salt: hidden, shown, .. } = found.coming;
        self.newest_ms = self.newest_ms.max(at_ms);
        let mut part = Vec::new();
        if let Some((person, unplaced)) = shown.map(|shown| *shown) {
            let place = self.place_of(&person, number - 1)?;
            part = unplaced.at(place).to_bytes().map_err(|_| BadRecord)?;
            self.places.extend(person, ChainEnd { number: place.number, index: number - 1, leaf });
        }
        if !wanted {
            return Ok(bare);
        }
        let person = Commitment::new(Part::Person, &hidden, &part);
        let opening =
            Opening::new(Part::Internal, salt, bytes.get().clone(), person).map_err(|_| BadRecord)?;
        if opening.leaf().hash() != leaf {
            return Err(BadRecord);
        }
        Ok(Some(HandedOut::Record(number, opening)))
    }

    /// Where the record of this person at this leaf stands among theirs.
    fn place_of(&mut self, person: &PersonId, index: u64) -> Result<Place, BadRecord> {
        match self.places.find(person) {
            Where::At(place) => Ok(place),
            Where::NotHere | Where::Unknown => {
                self.against.place(person, index).map_err(|_| BadRecord)?.ok_or(BadRecord)
            }
        }
    }
}

/// Whether an entry of this kind may be a record that a person sees.
fn may_be_shown(kind: u8) -> bool {
    [EntryKind::Authorised, EntryKind::Refused, EntryKind::Outcome].iter().any(|shown| *shown as u8 == kind)
}
