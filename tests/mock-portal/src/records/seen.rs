//! Places of a person's records as they came, and the proof that they are what a body's log says of one person, in its
//! order, without a gap. Pure: what a portal does with what it fetched, and anybody with what was written to files.
//!
//! What must hold: the first place that does not verify is named; a place that is closed is skipped, never guessed.
//! Deliberately absent: whose the records are. A page comes sealed to the person, and a disclosure names its leaf.

use std::collections::{BTreeMap, HashMap, HashSet};

use chukei_crypto::tlog::{Hash, Opening, Part, Proof, TreeHead, verify_inclusion};
use chukei_domain::event::{PersonPart, Previous, Shown, ShownResult};
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::limits::CLOCK_SKEW_MS;

use super::wrong::{Fault, Wrong};
use crate::storage::reached::Reached;

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

/// What is open under the checkpoint of `size` leaves: a request and its end where both lie under it, whatever later ones
/// have opened. Pages that came under several checkpoints are judged as if all of them had come under the smallest.
pub(crate) fn under(mut seen: Vec<Seen>, size: u64) -> Vec<Seen> {
    let beyond: HashSet<RequestId> =
        seen.iter().filter(|place| place.index >= size).map(Seen::request).collect();
    seen.retain(|place| !beyond.contains(&place.request()));
    seen
}

/// Checks what is there against what was verified before, of the same epoch of the log.
pub(crate) fn continues(seen: &[Seen], count: u64, before: &Reached) -> Result<(), Fault> {
    if count < before.count {
        return Err(Wrong::Fewer.into());
    }
    let now = seen.iter().find(|place| place.number == before.number);
    match now.filter(|place| place.leaf != before.leaf) {
        Some(place) => Err(Fault::at(place.number, Wrong::Changed)),
        None => Ok(()),
    }
}

/// The log that disclosures are held against.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    /// Epoch: the time of the newest restore in Unix milliseconds, 1 where there was none.
    pub(crate) epoch: u64,
    /// Leaves under the checkpoint.
    pub(crate) size: u64,
    /// Places there are of the person.
    pub(crate) count: u64,
}

/// What became of disclosures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Those that the log tells of.
    pub(crate) verified: Vec<RequestId>,
    /// Those of before a restore that the restored log has no place for.
    pub(crate) lost: Vec<RequestId>,
}

/// Checks that each disclosure is told of at the leaf that it named, or may stand at a closed place.
///
/// A restore sets a log back and gives the numbers of its last leaves to others: what was disclosed before and has no place
/// any more is lost with it. When a disclosure was asked for is in its request's id, by this portal's clock.
pub(crate) fn disclosed(
    seen: &[Seen],
    log: Log,
    disclosures: &BTreeMap<RequestId, u64>,
) -> Result<Told, Fault> {
    let mut told = Told::default();
    for (request, &leaf) in disclosures {
        match placed(seen, log, *request, leaf) {
            Ok(true) => told.verified.push(*request),
            Ok(false) => {}
            Err(Fault { wrong: Wrong::Missing, .. }) if log.is_before(*request) => told.lost.push(*request),
            Err(fault) => return Err(fault),
        }
    }
    Ok(told)
}

/// Whether a disclosure is told of at its leaf; not, where it may be at a closed place or is not under the checkpoint yet.
fn placed(seen: &[Seen], log: Log, request: RequestId, leaf: u64) -> Result<bool, Fault> {
    let told = seen.iter().find(|place| place.is_asked() && place.request() == request);
    if let Some(place) = told {
        return if place.index == leaf { Ok(true) } else { Err(Fault::at(place.number, Wrong::OtherRecord)) };
    }
    if leaf >= log.size {
        // Of what was there before a restore, every checkpoint after it has the leaf or never will.
        return if log.is_before(request) { Err(Wrong::Missing.into()) } else { Ok(false) };
    }
    let before = seen.iter().rfind(|place| place.index <= leaf);
    if let Some(other) = before.filter(|place| place.index == leaf) {
        let wrong = if log.is_before(request) { Wrong::Missing } else { Wrong::OtherRecord };
        return Err(Fault::at(other.number, wrong));
    }
    let from = before.map_or(0, |place| place.number);
    let to = seen.iter().find(|place| place.index > leaf).map_or(log.count + 1, |place| place.number);
    if to <= from + 1 { Err(Fault::at(to, Wrong::Missing)) } else { Ok(false) }
}

impl Log {
    /// Whether it was asked for before the log's newest restore, as well as two clocks can tell.
    fn is_before(&self, request: RequestId) -> bool {
        request.unix_ms().is_some_and(|asked| asked < self.epoch.saturating_add(CLOCK_SKEW_MS))
    }
}

#[cfg(test)]
mod tests;
