//! Places of a person's records as they came, and the proof that they are what a body's log says of one person, in its
//! order, without a gap. Pure: what a portal does with what it fetched, and anybody with what was written to files.
//!
//! What must hold: the first place that does not verify is named; a place that is closed is skipped, never guessed.
//! Deliberately absent: whose the records are. A page comes sealed to the person, and a disclosure names its leaf.

use std::collections::{BTreeMap, HashMap};

use chukei_crypto::tlog::{Hash, Opening, Part, Proof, TreeHead, verify_inclusion};
use chukei_domain::event::{PersonPart, Previous, Shown, ShownResult};
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;

use super::wrong::{Fault, Wrong};
use crate::storage::disclosures::Reached;

/// What stands at an open place, in the leaf of the log that it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number among the person's.
    pub(crate) number: u64,
    /// Index of its leaf.
    pub(crate) index: u64,
    /// Its leaf.
    pub(crate) leaf: Hash,
    /// What it shows.
    pub(crate) part: PersonPart,
}

impl Seen {
    /// What an opening shows at a place.
    pub(crate) fn read(body: BodyCode, index: u64, opening: &Opening) -> Result<Self, Wrong> {
        if opening.part() != Part::Person {
            return Err(Wrong::Opening);
        }
        let part = PersonPart::from_bytes(opening.content()).map_err(|_| Wrong::Opening)?;
        if part.body.as_str() != body.as_str() {
            return Err(Wrong::OtherBody);
        }
        Ok(Self { number: part.place.number, index, leaf: opening.leaf().hash(), part })
    }

    /// Checks that its leaf is in the tree.
    pub(crate) fn is_in(&self, proof: &Proof, head: &TreeHead) -> Result<(), Fault> {
        verify_inclusion(proof, self.index, &self.leaf, head)
            .map_err(|_| Fault::at(self.number, Wrong::NotInLog))
    }

    /// The request that it is about.
    pub(crate) fn request(&self) -> RequestId {
        match &self.part.shown {
            Shown::Asked(asked) => RequestId(asked.request),
            Shown::Ended(ended) => RequestId(ended.request),
        }
    }

    /// Whether it is a request, and not the end of one.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.part.shown, Shown::Asked(_))
    }

    fn as_previous(&self) -> Previous {
        Previous { index: self.index, leaf: self.leaf }
    }
}

/// Checks that these open places, in order of their numbers, are of one sequence: each stands behind the one before, names it
/// where that is open, and is told together with the other half of its request.
pub(crate) fn chained(seen: &[Seen]) -> Result<(), Fault> {
    let mut before: Option<&Seen> = None;
    for place in seen {
        let previous = place.part.place.previous;
        let fits = match (before, previous) {
            (None, None) => true,
            (Some(before), _) if before.number >= place.number => false,
            (Some(before), Some(previous)) if before.number + 1 == place.number => {
                previous == before.as_previous()
            }
            (before, Some(previous)) => {
                // As many leaves lie between as places are closed, at least.
                let from = before.map_or(0, |before| before.index + 1);
                let closed = place.number - 1 - before.map_or(0, |before| before.number);
                previous.index.checked_add(1).is_some_and(|end| end >= from.saturating_add(closed))
            }
            (Some(_), None) => false,
        };
        let fits = fits && previous.is_none_or(|previous| previous.index < place.index);
        if !fits {
            return Err(Fault::at(place.number, Wrong::Chain));
        }
        before = Some(place);
    }
    paired(seen)
}

/// Checks that requests and their ends are told together.
fn paired(seen: &[Seen]) -> Result<(), Fault> {
    let mut asked: HashMap<RequestId, bool> = HashMap::new();
    for place in seen {
        let fits = match &place.part.shown {
            Shown::Asked(of) => asked.insert(place.request(), of.result != ShownResult::Refused).is_none(),
            Shown::Ended(_) => asked.insert(place.request(), false) == Some(true),
        };
        if !fits {
            return Err(Fault::at(place.number, Wrong::Unpaired));
        }
    }
    let open = seen.iter().find(|place| asked.get(&place.request()) == Some(&true));
    open.map_or(Ok(()), |place| Err(Fault::at(place.number, Wrong::Unpaired)))
}

/// Checks what is there against what was verified before, of the same epoch of the log.
pub(crate) fn continues(seen: &[Seen], count: u64, size: u64, before: &Reached) -> Result<(), Fault> {
    if size < before.size {
        return Err(Wrong::Stale.into());
    }
    if count < before.count {
        return Err(Wrong::Fewer.into());
    }
    let now = seen.iter().find(|place| place.number == before.number);
    match now.filter(|place| place.leaf != before.leaf) {
        Some(place) => Err(Fault::at(place.number, Wrong::Changed)),
        None => Ok(()),
    }
}

/// Checks that each disclosure is told of at the leaf that it named, or may stand at a closed place; `size` is that of the
/// checkpoint and `count` how many places there are. Those that are told of are verified.
pub(crate) fn disclosed(
    seen: &[Seen],
    count: u64,
    size: u64,
    disclosures: &BTreeMap<RequestId, u64>,
) -> Result<Vec<RequestId>, Fault> {
    let mut verified = Vec::new();
    for (request, &leaf) in disclosures {
        let told = seen.iter().find(|place| place.is_asked() && place.request() == *request);
        if let Some(place) = told {
            match place.index == leaf {
                true => verified.push(*request),
                false => return Err(Fault::at(place.number, Wrong::OtherRecord)),
            }
        } else if leaf < size {
            let before = seen.iter().rfind(|place| place.index <= leaf);
            if let Some(other) = before.filter(|place| place.index == leaf) {
                return Err(Fault::at(other.number, Wrong::OtherRecord));
            }
            let from = before.map_or(0, |place| place.number);
            let to = seen.iter().find(|place| place.index > leaf).map_or(count + 1, |place| place.number);
            if to <= from + 1 {
                return Err(Fault::at(to, Wrong::Missing));
            }
        }
    }
    Ok(verified)
}

#[cfg(test)]
mod tests;
