//! The Merkle tree over a body's log: leaf by leaf behind what is durable, its right edge in memory.
//!
//! What must hold: leaf `n - 1` is the record numbered `n`; no leaf is there before its record is durable, and each is
//! made in the order of the log, because a person's part names the leaf before it. So the tree is the same whoever makes
//! it, and when. A tree that lacks records which are gone, because they were given up or their key is, does not grow: it
//! would be another tree. What this process wrote is kept from when it was queued; what is not at hand (after a start, or beyond
//! [`AT_HAND`](super::coming::AT_HAND)) is read from the log. Full tiles are held until they are stored. Deliberately absent: rows, signatures,
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::tlog::{Commitment, Edge, FrontierError, Leaf, Part, TileName, TreeHead};
use chukei_domain::codec::CodecError;

use crate::audit::chains::{Chain, ChainEnd, Chains, Pages, UnstoredChain};
use crate::audit::coming::{AtHand, Coming};
use crate::hosted::persons::PersonId;

/// Persons asked for at once.
const ASKED: usize = 1_024;
/// Leaves between which whoever asks about the tree is let in.
const STEP: u64 = 256;
/// The epoch of a log that was never restored.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// Why a tree does not grow.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A record cannot be read, or is not what stands at its place.
    #[error("record {0} cannot be read")]
    BadRecord(u64),
    /// A record was given up, or its key is destroyed, and the tree that is stored does not have its leaf: no tree that is
    /// made now would be the one that was witnessed.
    #[error("record {0} is gone, and the stored tree lacks its leaf: restore the body's rows from a backup")]
    Gone(u64),
    /// A tree has no room for more.
    #[error(transparent)]
    Full(#[from] FrontierError),
    /// A person's part cannot be written.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// How far a tree has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grown {
    /// As far as it was to.
    Whole,
    /// Up to this record, which is to be read from the log.
    UpTo(u64),
    /// Up to a record of which it is not known where it stands among its person's: of these, that is to be found out.
    Asks(Vec<PersonId>),
}

/// The tree of one body's log, as far as it has grown.
#[derive(Default)]
pub(crate) struct LogTree {
    /// Locked inside `growing`, never around it.
    at_hand: AtHand,
    growing: Mutex<Growing>,
}

struct Growing {
    edge: Edge,
    epoch: u64,
    chains: Chains,
    /// Full tiles by level and index that are not stored yet.
    full: BTreeMap<(u8, u64), Vec<u8>>,
    /// Leaves of the tree that is stored.
    stored: u64,
    /// Whether what is stored was looked at.
    opened: bool,
    /// Whether somebody waits for it to be stored.
    wanted: bool,
}

impl Default for Growing {
    fn default() -> Self {
        Self {
            edge: Edge::new(),
            epoch: FIRST_EPOCH,
            chains: Chains::default(),
            full: BTreeMap::new(),
            stored: 0,
            opened: false,
            wanted: false,
        }
    }
}

/// What there is to store so that the tree stands as it is now.
pub(crate) struct Unstored {
    /// Size and root that come with it.
    pub(crate) head: TreeHead,
    /// The epoch of the log.
    pub(crate) epoch: u64,
    /// Tiles by level and index, full ones and those of the edge: 8 KiB each at most.
    pub(crate) tiles: Vec<((u8, u64), Vec<u8>)>,
    /// Persons' chains.
    pub(crate) chains: Vec<UnstoredChain>,
}

impl LogTree {
    /// Keeps a record that is being written. Waits for nothing.
    pub(super) fn keep(&self, number: u64, coming: Coming) {
        self.at_hand.keep(number, coming);
    }

    /// Takes a record that was read from the log.
    pub(super) fn take(&self, number: u64, coming: Coming) {
        self.at_hand.take(number, coming);
    }

    /// Whether so many records wait for their leaves that it had better grow before its turn: what does not fit is read
    /// from the log.
    pub(crate) fn is_pressed(&self) -> bool {
        self.at_hand.are_many()
    }

    /// Takes what is stored of these persons' chains. An end that the tree has not reached is of a tree that was stored
    /// before this one was begun anew: their records come again, in their order.
    pub(crate) fn know(&self, chains: impl IntoIterator<Item = (PersonId, Option<Chain>)>) {
        let mut growing = self.growing();
        let size = growing.edge.size();
        for (person, chain) in chains {
            growing.chains.know(person, chain.filter(|chain| chain.end.index < size));
        }
    }

    /// What is at hand of a person's records: the chain, and full pages that are not stored; `None` where it is to be looked
    /// for in the store. A chain that was read from there is not handed in here: it may be older than what grew meanwhile.
    pub(crate) fn chain(&self, person: &PersonId) -> Option<(Option<Chain>, Pages)> {
        self.growing().chains.of(person)
    }

    /// Goes on from a tree that was stored.
    pub(crate) fn open(&self, edge: Edge, epoch: u64) {
        let mut growing = self.growing();
        growing.stored = edge.size();
        growing.edge = edge;
        growing.epoch = epoch;
        growing.opened = true;
    }

    /// Whether what was stored is known here.
    pub(crate) fn is_open(&self) -> bool {
        self.growing().opened
    }

    /// Takes what is at hand, up to record `to`, which is durable.
    pub(super) fn grow(&self, to: u64) -> Result<Grown, TreeError> {
        loop {
            let mut growing = self.growing();
            let end = growing.edge.size().saturating_add(STEP).min(to);
            for number in growing.edge.size() + 1..=end {
                let ready = |coming: &Coming, records: &BTreeMap<u64, Coming>| match coming.person() {
                    Some(person) if growing.chains.place(person).is_none() => {
                        Err(growing.unknown(records, to))
                    }
                    _ => Ok(()),
                };
                match self.at_hand.next(number, ready) {
                    Ok(Some(coming)) => growing.append(number, coming)?,
                    Ok(None) => return Ok(Grown::UpTo(number)),
                    Err(persons) => return Ok(Grown::Asks(persons)),
                }
            }
            if end == to || growing.edge.size() >= to {
                return Ok(Grown::Whole);
            }
        }
    }

    /// Size and root, and the epoch of the log: [`FIRST_EPOCH`] until it is restored, then the time of the newest restore
    /// (Unix milliseconds).
    pub(crate) fn head(&self) -> (TreeHead, u64) {
        let growing = self.growing();
        (growing.edge.head(), growing.epoch)
    }

    /// Leaves.
    pub(crate) fn size(&self) -> u64 {
        self.growing().edge.size()
    }

    /// Leaves of the tree that is stored; `None` while that is not known.
    pub(crate) fn stored_leaves(&self) -> Option<u64> {
        let growing = self.growing();
        growing.opened.then_some(growing.stored)
    }

    /// Has the tree stored with the next turn: leaves of records that are to be given up come first.
    pub(crate) fn ask_to_store(&self) {
        self.growing().wanted = true;
    }

    /// Whether somebody waits for it to be stored.
    pub(crate) fn is_storing_asked_for(&self) -> bool {
        self.growing().wanted
    }

    /// Leaves that are not stored.
    pub(crate) fn unstored_leaves(&self) -> u64 {
        let growing = self.growing();
        growing.edge.size() - growing.stored
    }

    /// What there is to store; `None` where nothing has grown since.
    pub(crate) fn unstored(&self) -> Option<Unstored> {
        let growing = self.growing();
        let (head, epoch) = (growing.edge.head(), growing.epoch);
        let (tiles, chains) = (growing.tiles().collect(), growing.chains.unstored().collect());
        (head.size > growing.stored).then_some(Unstored { head, epoch, tiles, chains })
    }

    /// So much is stored now.
    pub(crate) fn stored(&self, unstored: &Unstored) {
        let mut growing = self.growing();
        growing.stored = growing.stored.max(unstored.head.size);
        growing.wanted = false;
        for (place, bytes) in &unstored.tiles {
            if growing.full.get(place) == Some(bytes) {
                growing.full.remove(place);
            }
        }
        growing.chains.stored(&unstored.chains);
    }

    /// The head with the tiles that are held here, by level and index: for proofs over this tree.
    pub(crate) fn held(&self) -> (TreeHead, u64, BTreeMap<(u8, u64), Vec<u8>>) {
        let growing = self.growing();
        (growing.edge.head(), growing.epoch, growing.tiles().collect())
    }

    fn growing(&self) -> MutexGuard<'_, Growing> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Growing {
    /// Appends record `number`; the chain of its person is known.
    fn append(&mut self, number: u64, coming: Coming) -> Result<(), TreeError> {
        let Coming { internal, salt, shown, begins } = coming;
        let mut part = Vec::new();
        let placed = shown.and_then(|shown| {
            let (person, unplaced) = *shown;
            let place = self.chains.place(&person)?;
            Some((person, place.number, unplaced.at(place)))
        });
        if let Some((_, _, placed)) = &placed {
            part = placed.to_bytes()?;
        }
        let leaf = Leaf { person: Commitment::new(Part::Person, &salt, &part), internal }.hash();
        let full = &mut self.full;
        self.edge.append(leaf, |tile, bytes| drop(full.insert(place(tile), bytes.to_vec())))?;
        if let Some((person, of, _)) = placed {
            self.chains.extend(person, ChainEnd { number: of, index: number - 1, leaf });
        }
        self.epoch = begins.unwrap_or(self.epoch);
        Ok(())
    }

    /// Persons of what is at hand up to record `to` whose chains are not known.
    fn unknown(&self, at_hand: &BTreeMap<u64, Coming>, to: u64) -> Vec<PersonId> {
        let shown = at_hand.range(..=to).filter_map(|(_, coming)| coming.person().copied());
        let unknown: BTreeSet<_> =
            shown.filter(|person| self.chains.place(person).is_none()).take(ASKED).collect();
        unknown.into_iter().collect()
    }

    fn tiles(&self) -> impl Iterator<Item = ((u8, u64), Vec<u8>)> {
        let full = self.full.iter().map(|(place, bytes)| (*place, bytes.clone()));
        full.chain(self.edge.partial_tiles().map(|(tile, bytes)| (place(tile), bytes.to_vec())))
    }
}

fn place(tile: TileName) -> (u8, u64) {
    (tile.level(), tile.index())
}

#[cfg(test)]
mod tests;
