//! Where each person's next record stands: the last record about them that they may see, as a leaf of the tree.
//!
//! What must hold: a person's records are numbered from 1 without a gap, each naming the leaf of the one before, in the
//! order of the log. What is not known here is asked for, never guessed. Bounded: what is stored is let go of.

use std::collections::HashMap;

use chukei_crypto::tlog::Hash;
use chukei_domain::event::{Place, Previous};

use crate::hosted::persons::PersonId;

/// Persons kept that need not be.
const KEPT: usize = 65_536;

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

/// Ends of persons' chains.
#[derive(Default)]
pub(super) struct Chains(HashMap<PersonId, Known>);

struct Known {
    /// `None` where there is no record yet.
    end: Option<ChainEnd>,
    /// Whether it stands in the store.
    stored: bool,
}

impl Chains {
    /// Takes what is stored of a person; what grew here already stands.
    pub(super) fn know(&mut self, person: PersonId, end: Option<ChainEnd>) {
        self.0.entry(person).or_insert(Known { end, stored: true });
    }

    /// Where the person's next record stands; `None` while nothing is known of them.
    pub(super) fn place(&self, person: &PersonId) -> Option<Place> {
        let Some(end) = self.0.get(person)?.end else { return Some(Place::FIRST) };
        let previous = Previous { index: end.index, leaf: end.leaf };
        Some(Place { number: end.number.saturating_add(1), previous: Some(previous) })
    }

    /// The person's chain goes on.
    pub(super) fn extend(&mut self, person: PersonId, end: ChainEnd) {
        self.0.insert(person, Known { end: Some(end), stored: false });
    }

    /// What is to be stored.
    pub(super) fn unstored(&self) -> impl Iterator<Item = (PersonId, ChainEnd)> {
        self.0
            .iter()
            .filter(|(_, known)| !known.stored)
            .filter_map(|(person, known)| Some((*person, known.end?)))
    }

    /// These stand in the store; those that need not be kept go where they are many.
    pub(super) fn stored(&mut self, ends: &[(PersonId, ChainEnd)]) {
        for (person, end) in ends {
            if let Some(known) = self.0.get_mut(person).filter(|known| known.end == Some(*end)) {
                known.stored = true;
            }
        }
        if self.0.len() > KEPT {
            self.0.retain(|_, known| !known.stored);
        }
    }
}
