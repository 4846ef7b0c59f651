//! Where each person's next record stands, and where those before it do: the last record about them that they may see, as
//! a leaf of the tree, and the leaves of all of them by pages.
//!
//! What must hold: a person's records are numbered from 1 without a gap, each naming the leaf of the one before, in the
//! order of the log. What is not known here is asked for, never guessed. Bounded: what is stored is let go of.

use std::collections::{BTreeMap, HashMap};

use chukei_crypto::tlog::Hash;
use chukei_domain::event::{Place, Previous};

use crate::hosted::persons::PersonId;

/// Persons kept that need not be.
const KEPT: usize = 65_536;
/// Numbers of one page: the record numbered `n` is on page `(n - 1) / PAGE`, counted from 0.
pub(crate) const PAGE: u64 = 64;

/// The last record of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainEnd {
    /// Its number among theirs.
    pub(crate) number: u64,
    /// Index of its leaf.
    pub(crate) index: u64,
    /// Its leaf.
    pub(crate) leaf: Hash,
}

/// The records of one person: the last one, and the leaves of the page that is not full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The last one.
    pub(crate) end: ChainEnd,
    /// Indexes of the leaves behind the last full page, in their order: as many as the end's number leaves over pages.
    pub(crate) page: Vec<u64>,
}

/// Full pages by their number, of [`PAGE`] indexes each.
pub(crate) type Pages = BTreeMap<u64, Vec<u64>>;

/// What is to be stored of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnstoredChain {
    /// The person.
    pub(crate) person: PersonId,
    /// The chain as it stands.
    pub(crate) chain: Chain,
    /// Full pages by their number, of [`PAGE`] indexes each.
    pub(crate) full: Vec<(u64, Vec<u64>)>,
}

/// Ends of persons' chains.
#[derive(Default)]
pub(super) struct Chains(HashMap<PersonId, Known>);

struct Known {
    /// `None` where there is no record yet.
    chain: Option<Chain>,
    /// Full pages that are not stored.
    full: Pages,
    /// Whether it stands in the store.
    stored: bool,
}

impl Known {
    fn end(&self) -> Option<ChainEnd> {
        self.chain.as_ref().map(|chain| chain.end)
    }
}

impl Chains {
    /// Takes what is stored of a person; what grew here already stands.
    pub(super) fn know(&mut self, person: PersonId, chain: Option<Chain>) {
        self.0.entry(person).or_insert(Known { chain, full: BTreeMap::new(), stored: true });
    }

    /// Where the person's next record stands; `None` while nothing is known of them.
    pub(super) fn place(&self, person: &PersonId) -> Option<Place> {
        let Some(end) = self.0.get(person)?.end() else { return Some(Place::FIRST) };
        let previous = Previous { index: end.index, leaf: end.leaf };
        Some(Place { number: end.number.saturating_add(1), previous: Some(previous) })
    }

    /// The person's chain, with the full pages that are not stored; `None` while nothing is known of them.
    pub(super) fn of(&self, person: &PersonId) -> Option<(Option<Chain>, Pages)> {
        self.0.get(person).map(|known| (known.chain.clone(), known.full.clone()))
    }

    /// The person's chain goes on.
    pub(super) fn extend(&mut self, person: PersonId, end: ChainEnd) {
        let new = || Known { chain: None, full: BTreeMap::new(), stored: false };
        let known = self.0.entry(person).or_insert_with(new);
        let mut page = known.chain.take().map(|chain| chain.page).unwrap_or_default();
        page.push(end.index);
        if end.number.is_multiple_of(PAGE) {
            known.full.insert(end.number / PAGE - 1, std::mem::take(&mut page));
        }
        known.chain = Some(Chain { end, page });
        known.stored = false;
    }

    /// What is to be stored.
    pub(super) fn unstored(&self) -> impl Iterator<Item = UnstoredChain> {
        self.0.iter().filter(|(_, known)| !known.stored).filter_map(|(person, known)| {
            let full = known.full.iter().map(|(page, indexes)| (*page, indexes.clone())).collect();
            Some(UnstoredChain { person: *person, chain: known.chain.clone()?, full })
        })
    }

    /// These stand in the store; those that need not be kept go where they are many.
    pub(super) fn stored(&mut self, chains: &[UnstoredChain]) {
        for UnstoredChain { person, chain, full } in chains {
            let Some(known) = self.0.get_mut(person) else { continue };
            full.iter().for_each(|(page, _)| drop(known.full.remove(page)));
            known.stored = known.end() == Some(chain.end);
        }
        if self.0.len() > KEPT {
            self.0.retain(|_, known| !known.stored);
        }
    }
}

#[cfg(test)]
mod tests;
