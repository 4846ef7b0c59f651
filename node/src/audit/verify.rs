//! A log read again from its beginning and held against its tree: every record opens, in unbroken sequence, and is the
//! leaf that stands at its place; the stored tiles are those of the tree, and its root is the one that was stated.
//!
//! What must hold: what is named is the first record that is wrong; leaves are made of the records alone, each person's
//! chain included, so that a tree which was changed with the log is no proof; memory has a bound whatever the length of
//! the log. A record that was given up, or whose key is destroyed, stands as the leaf that it left, and the log tells of it.
//! Deliberately absent: mending, and witnesses, whose word comes in as [`Doubts`](super::doubts::Doubts).

mod against;
mod ahead;
mod gone;
mod handout;
mod places;
mod reasons;

use std::sync::Arc;

use chukei_crypto::keyring::Keyring;
use chukei_crypto::tlog::{Commitment, Edge, Hash, Leaf, Part, TileName, TileSource, TreeHead};
use chukei_domain::event::Place;
use chukei_store::journal::JournalError;
use chukei_wire::message::audit::LogFault;

use crate::audit::chains::ChainEnd;
use crate::audit::coming::Coming;
use crate::audit::examine::{Examined, Found, Over};
use crate::audit::log::AuditLog;
use crate::audit::sealed_log::SealedLog;
use crate::hosted::persons::PersonId;

use against::Against;
use ahead::Ahead;
use gone::Gone;
pub(crate) use handout::{HandedOut, Handout};
use places::{Places, Where};

/// Records between two words about how far it is.
const TELL_EVERY: u64 = 4_096;

/// Persons whose chains are held at once: 64 MB of memory.
pub(crate) const PERSONS: usize = 500_000;

/// Why a tile is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TileFault {
    /// It is not there, or does not open.
    #[error("a tile is missing")]
    Gone,
    /// It cannot be read now.
    #[error("a tile cannot be read now")]
    NotNow,
}

/// The tree that is stored of a log, and where it has persons' records.
pub(crate) trait StoredLog: TileSource<Error = TileFault> {
    /// Where the record of this person at this leaf stands among theirs; `None` where what is stored of them cannot be read.
    fn stands(&mut self, person: &PersonId, index: u64) -> Result<Option<Stands>, TileFault>;
}

/// Where a person's record stands among theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stands {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Index of the leaf of the one before it.
    pub(crate) before: Option<u64>,
    /// Whether the stored records of the person have this one.
    pub(crate) is_known: bool,
}

/// Why nothing can be said of a log now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The log or its tree cannot be read now.
    #[error("the log cannot be read now")]
    NotNow,
    /// Nobody waits for the answer.
    #[error("called off")]
    CalledOff,
}

/// What a log is held against.
pub(crate) struct Measure<'a, S> {
    /// The tree that is stated of it, and where its tiles are.
    pub(crate) tree: Option<(TreeHead, S)>,
    /// Other heads that it must have had, of its present epoch.
    pub(crate) marks: &'a [TreeHead],
    /// Persons whose chains are held at once, of some 128 bytes each: where there are more, the log is read again for them.
    pub(crate) persons: usize,
    /// Whether the body is erased: its log does not tell of its own end.
    pub(crate) is_ended: bool,
    /// Is told how many records are read of how many; `false` calls the work off.
    pub(crate) told: &'a mut dyn FnMut(u64, u64) -> bool,
}

/// Outcome of reading a log again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records that opened, in sequence.
    pub events: u64,
    /// Places whose records were given up, or whose keys are destroyed.
    pub expired: u64,
    /// What is wrong, and the first record that is; of a log that is another than a witness knows, nobody can tell which.
    pub bad: Option<(Option<u64>, LogFault)>,
}

impl AuditLog {
    /// Reads the whole log again and holds it against `measure`. Blocking: takes time in proportion to its length.
    pub(crate) fn verify_against<S>(&self, measure: Measure<'_, S>) -> Result<Verified, Unread>
    where
        S: StoredLog,
    {
        let Measure { tree, marks, persons, is_ended, told } = measure;
        let head = tree.as_ref().map(|(head, _)| *head);
        let mut against = tree.map(|(head, source)| Against::new(source, head));
        let (mut verified, untold) = self.passes(&mut against, marks, persons, told)?;
        let untold = untold.filter(|_| !is_ended).map(|(number, fault)| (Some(number), fault));
        if untold.is_some() && verified.bad.is_none_or(|(bad, _)| bad > untold.and_then(|(number, _)| number))
        {
            verified.bad = untold;
        }
        if verified.bad.is_none() {
            let longer = head.is_some_and(|head| head.size > self.last_number());
            verified.bad = self.outside(marks, longer);
        }
        Ok(verified)
    }

    /// Reads the whole log again and makes its tree anew, without one to compare it with. Blocking.
    pub fn verify(&self) -> Result<Verified, Unread> {
        let told = &mut |_, _| true;
        self.verify_against::<NoTree>(Measure {
            tree: None,
            marks: &[],
            persons: PERSONS,
            is_ended: false,
            told,
        })
    }

    /// Reads the log as often as its persons' chains need, each time no further than is good; and the first place that is gone
    /// without a word.
    fn passes<S>(
        &self,
        against: &mut Option<Against<S>>,
        marks: &[TreeHead],
        persons: usize,
        told: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(Verified, Option<(u64, LogFault)>), Unread>
    where
        S: StoredLog,
    {
        let (first, mut last) = (self.records.first_number(), self.last_number());
        let mut places = Places::new(first == 1, persons);
        let mut gone = Gone::new(first);
        let first_pass = Pass { gone: Some(&mut gone), ..Pass::new(&self.records, against, marks) };
        let mut verified = first_pass.read(first, last, &mut places, told)?;
        let is_known = self.tells_behind(&verified, last, &mut gone);
        let untold = gone.untold().filter(|_| is_known && first <= last);
        while let Some(next) = places.next() {
            places = next;
            if let Some((Some(bad), _)) = verified.bad {
                last = bad.saturating_sub(1);
            }
            let read = Pass::again(&self.records, against).read(first, last, &mut places, told)?;
            verified.bad = read.bad.or(verified.bad);
        }
        Ok((verified, untold))
    }

    /// Takes what records behind the first bad one tell of what is gone before it; whether all that is told is known.
    fn tells_behind(&self, verified: &Verified, last: u64, gone: &mut Gone) -> bool {
        let Some((bad, _)) = verified.bad else { return true };
        let Some(behind) = bad.map(|bad| bad.saturating_add(1)) else { return false };
        if !gone.asks() || behind > last {
            return !gone.asks();
        }
        let keys = self.records.keys();
        let mut next = behind;
        for examined in Ahead::new(&self.records, &keys, behind) {
            match examined {
                Ok(Examined::Record(found)) => gone.opened(found.at_ms, found.tells),
                Ok(Examined::Expired(_) | Examined::Bad) => {}
                Err(_) => return false,
            }
            next += 1;
            if next > last {
                return true;
            }
        }
        false
    }

    /// What others know of it.
    fn outside(&self, marks: &[TreeHead], tree_is_longer: bool) -> Option<(Option<u64>, LogFault)> {
        let (last, doubts) = (self.last_number(), self.doubts());
        let behind = Some(last.saturating_add(1));
        if tree_is_longer {
            return Some((behind, LogFault::CutShort));
        }
        if let Some(last) = doubts.was_cut_behind() {
            return Some((Some(last.saturating_add(1)), LogFault::CutShort));
        }
        let known = marks.iter().map(|mark| mark.size).chain([doubts.witnessed()]).max();
        if known.is_some_and(|known| known > last) {
            return Some((behind, LogFault::RolledBack));
        }
        doubts.is_contradicted().then_some((None, LogFault::RolledBack))
    }
}

/// The tiles of a tree that nobody stated.
struct NoTree;

impl TileSource for NoTree {
    type Error = TileFault;

    fn read(&mut self, _: TileName, _: &mut Vec<u8>) -> Result<(), TileFault> {
        Err(TileFault::Gone)
    }
}

impl StoredLog for NoTree {
    fn stands(&mut self, _: &PersonId, _: u64) -> Result<Option<Stands>, TileFault> {
        Ok(None)
    }
}

/// One reading of the log.
struct Pass<'a, S> {
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
    fn new(log: &'a SealedLog, against: &'a mut Option<Against<S>>, marks: &'a [TreeHead]) -> Self {
        Self { marks, edge: Some(Edge::new()), ..Self::again(log, against) }
    }

    /// Another one, for the persons who were not looked at in those before.
    fn again(log: &'a SealedLog, against: &'a mut Option<Against<S>>) -> Self {
        let (keys, full) = (log.keys(), Vec::new());
        Self { log, keys, against, marks: &[], gone: None, edge: None, full, verified: Verified::default() }
    }

    fn read(
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
