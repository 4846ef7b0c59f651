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
mod pass;
mod places;
mod reasons;

use chukei_crypto::tlog::{TileName, TileSource, TreeHead};
use chukei_wire::message::audit::LogFault;

use crate::audit::examine::Examined;
use crate::audit::log::AuditLog;
use crate::hosted::persons::PersonId;

use against::Against;
use ahead::Ahead;
use gone::Gone;
pub(crate) use handout::{HandedOut, Handout};
use pass::Pass;
use places::Places;

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
        let pass = Pass::first(&self.records, against, marks, &mut gone);
        let mut verified = pass.read(first, last, &mut places, told)?;
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
