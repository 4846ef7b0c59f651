//! One reading of a log: each record opens, is in its place and is the leaf that stands there.
//!
//! What must hold: it ends at the first record that is wrong; every leaf is made of the record alone and of where its person's
//! last one stood. Deliberately absent: what others know of the log.

use std::sync::Arc;

use chukei_crypto::keyring::Keyring;
use chukei_crypto::tlog::{Commitment, Edge, Hash, Leaf, Part, TileName, TreeHead};
use chukei_domain::event::Place;
use chukei_store::journal::JournalError;
use chukei_wire::message::audit::LogFault;

use super::against::Against;
use super::ahead::Ahead;
use super::gone::Gone;
use super::places::{Places, Where};
use super::{StoredLog, TileFault, Unread, Verified, reasons};
use crate::audit::chains::ChainEnd;
use crate::audit::coming::Coming;
use crate::audit::examine::{Examined, Found, Over};
use crate::audit::sealed_log::SealedLog;
use crate::hosted::persons::PersonId;

/// Records between two words about how far it is.
const TELL_EVERY: u64 = 4_096;

/// One reading of the log.
pub(super) struct Pass<'a, S> {
    log: &'a SealedLog,
    keys: Arc<Keyring>,
    against: &'a mut Option<Against<S>>,
    marks: &'a [TreeHead],
    /// What is gone; absent where it was looked at before.
    gone: Option<&'a mut Gone>,
    /// The tree as far as it was made anew; absent where it was before, or cannot be.
    edge: Option<Edge>,
    /// Tiles that became full with the last leaf.
    full: Vec<(TileName, Vec<u8>)>,
    verified: Verified,
}

/// Why a pass ends before the log does.
enum Stop {
    Bad(Option<u64>, LogFault),
    Unread(Unread),
}

impl From<Unread> for Stop {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl<'a, S: StoredLog> Pass<'a, S> {
    /// The first reading, in which the tree is made anew.
    pub(super) fn first(
        log: &'a SealedLog,
        against: &'a mut Option<Against<S>>,
        marks: &'a [TreeHead],
        gone: &'a mut Gone,
    ) -> Self {
        Self { marks, gone: Some(gone), edge: Some(Edge::new()), ..Self::again(log, against) }
    }

    /// Another one, for the persons who were not looked at in those before.
    pub(super) fn again(log: &'a SealedLog, against: &'a mut Option<Against<S>>) -> Self {
        let (keys, full) = (log.keys(), Vec::new());
        Self { log, keys, against, marks: &[], gone: None, edge: None, full, verified: Verified::default() }
    }

    pub(super) fn read(
        mut self,
        first: u64,
        last: u64,
        places: &mut Places,
        told: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Verified, Unread> {
        match self.run(first, last, places, told) {
            Ok(()) => Ok(self.verified),
            Err(Stop::Bad(at, fault)) => Ok(Verified { bad: Some((at, fault)), ..self.verified }),
            Err(Stop::Unread(unread)) => Err(unread),
        }
    }

    fn run(
        &mut self,
        first: u64,
        last: u64,
        places: &mut Places,
        told: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), Stop> {
        for number in 1..first.min(last.saturating_add(1)) {
            self.is_gone(number, places)?;
            tell(number, last, told)?;
        }
        let mut next = first;
        let keys = Arc::clone(&self.keys);
        for examined in Ahead::new(self.log, &keys, first) {
            if next > last {
                return Ok(());
            }
            self.entry(next, examined, places)?;
            tell(next, last, told)?;
            next += 1;
        }
        if next > last { Ok(()) } else { Err(Stop::Bad(Some(next), LogFault::Missing)) }
    }

    /// The record that is due at `number`.
    fn entry(
        &mut self,
        number: u64,
        examined: Result<Examined, JournalError>,
        places: &mut Places,
    ) -> Result<(), Stop> {
        match examined {
            Ok(Examined::Record(found)) => {
                let Found { coming, at_ms, tells } = *found;
                self.verified.events += 1;
                if let Some(gone) = &mut self.gone {
                    gone.opened(at_ms, tells);
                }
                self.record(number, coming, places)
            }
            Ok(Examined::Expired(over)) => self.expired(number, over, places),
            Ok(Examined::Bad) => Err(Stop::Bad(Some(number), reasons::of_unopened(self.log, number))),
            Err(error) => Err(Stop::Bad(Some(number), reasons::of_error(self.log, &error)?)),
        }
    }

    /// A place whose record does not open because its key is destroyed, as it says.
    fn expired(&mut self, number: u64, over: Over, places: &mut Places) -> Result<(), Stop> {
        if self.gone.as_mut().is_some_and(|gone| !gone.may_be(number, over)) {
            return Err(Stop::Bad(Some(number), LogFault::Altered));
        }
        self.is_gone(number, places)
    }

    /// A place whose record is not there any more.
    fn is_gone(&mut self, number: u64, places: &mut Places) -> Result<(), Stop> {
        self.verified.expired += 1;
        places.lose();
        self.unlooked(number)
    }

    fn record(&mut self, number: u64, coming: Coming, places: &mut Places) -> Result<(), Stop> {
        let Coming { internal, salt, shown, .. } = coming;
        let (mut part, mut end) = (Vec::new(), None);
        if let Some((person, unplaced)) = shown.map(|shown| *shown) {
            let place = match places.find(&person) {
                Where::At(place) => Some(place),
                Where::NotHere => None,
                Where::Unknown => self.look_up(number, &person)?,
            };
            let Some(place) = place else { return self.unlooked(number) };
            let placed = unplaced.at(place);
            part = placed.to_bytes().map_err(|_| Stop::Bad(Some(number), LogFault::Altered))?;
            end = Some((person, place.number));
        } else if self.edge.is_none() {
            // Looked at in the first pass.
            return Ok(());
        }
        let person = Commitment::new(Part::Person, &salt, &part);
        let leaf = Leaf { person, internal }.hash();
        if let Some(stored) = self.stored(number)?
            && stored != leaf
        {
            return Err(Stop::Bad(Some(number), self.blame(number, &stored)?));
        }
        if let Some((person, of)) = end {
            places.extend(person, ChainEnd { number: of, index: number - 1, leaf });
        }
        self.append(number, leaf)
    }

    /// Where the store says that the record stands among its person's; `None` behind the tree, where nobody knows.
    fn look_up(&mut self, number: u64, person: &PersonId) -> Result<Option<Place>, Stop> {
        let Some(against) = self.against else { return Ok(None) };
        let within = against.has(number - 1);
        match against.place(person, number - 1) {
            Ok(None) if within => Err(Stop::Bad(Some(number), LogFault::TreeDamaged)),
            Ok(place) => Ok(place),
            Err(TileFault::NotNow) => Err(Unread::NotNow.into()),
            Err(TileFault::Gone) => Err(Stop::Bad(Some(number), LogFault::TreeDamaged)),
        }
    }

    /// A record that is not there any more, or of a person who is looked at in another pass: its leaf stands for it here.
    fn unlooked(&mut self, number: u64) -> Result<(), Stop> {
        if self.edge.is_none() {
            return Ok(());
        }
        match self.stored(number)? {
            Some(stored) => self.append(number, stored),
            None => {
                // Behind the tree nobody knows its leaf.
                self.edge = None;
                Ok(())
            }
        }
    }

    /// The leaf that the stored tree has for a record.
    fn stored(&mut self, number: u64) -> Result<Option<Hash>, Stop> {
        let Some(against) = self.against else { return Ok(None) };
        match against.leaf(number - 1) {
            Ok(leaf) => Ok(leaf),
            Err(TileFault::NotNow) => Err(Unread::NotNow.into()),
            Err(TileFault::Gone) => Err(Stop::Bad(Some(number), LogFault::TreeDamaged)),
        }
    }

    /// Whether the record is wrong or the leaf that is stored for it.
    fn blame(&mut self, number: u64, stored: &Hash) -> Result<LogFault, Stop> {
        let Some(against) = self.against else { return Ok(LogFault::NotInTree) };
        match against.is_of_the_tree(number - 1, stored) {
            Ok(true) => Ok(LogFault::NotInTree),
            Ok(false) | Err(TileFault::Gone) => Ok(LogFault::TreeDamaged),
            Err(TileFault::NotNow) => Err(Unread::NotNow.into()),
        }
    }

    /// Lets the tree grow by the leaf of record `number`, and compares what became whole by it.
    fn append(&mut self, number: u64, leaf: Hash) -> Result<(), Stop> {
        let Some(edge) = &mut self.edge else { return Ok(()) };
        let full = &mut self.full;
        let grown = edge.append(leaf, |tile, bytes| {
            // Leaves were compared one by one.
            if tile.level() > 0 {
                full.push((tile, bytes.to_vec()));
            }
        });
        if grown.is_err() || edge.size() != number {
            self.edge = None;
            return Ok(());
        }
        let whole = std::mem::take(&mut self.full);
        if let Some(against) = self.against {
            let same = against.same(number, edge, &whole);
            match same {
                Ok(None) => {}
                Ok(Some(first)) => return Err(Stop::Bad(Some(first), LogFault::TreeDamaged)),
                Err(TileFault::Gone) => return Err(Stop::Bad(Some(number), LogFault::TreeDamaged)),
                Err(TileFault::NotNow) => return Err(Unread::NotNow.into()),
            }
        }
        let mut marks = self.marks.iter().filter(|mark| mark.size == number);
        if marks.any(|mark| *mark != edge.head()) {
            return Err(Stop::Bad(None, LogFault::RolledBack));
        }
        Ok(())
    }
}

fn tell(number: u64, last: u64, told: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), Stop> {
    if number.is_multiple_of(TELL_EVERY) && !told(number, last) {
        return Err(Unread::CalledOff.into());
    }
    Ok(())
}
