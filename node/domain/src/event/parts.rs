//! A record in the two parts that a leaf of its log commits to: what the person concerned may see, and everything.
//!
//! What must hold: a record is about the person it is shown to, and that was proven; nothing that such a person may see is
//! left without its place, and nothing else has one; the person's part is made from no field that it does not name.
//! Deliberately absent: salts, leaves, and who asks to see a part (the undisclosed flag of R50 is looked at there).

use crate::codec::CodecError;
use crate::event::{
    Disclosure, Ending, Event, PersonPart, Place, Record, Request, Shown, ShownResult, Target,
};
use crate::local_body_code::LocalBodyCode;

/// Results of refusals that came before it was proven whose request it was (R22): the record names the person that the
/// permit names, and the request may have been somebody else's, who is not to be shown to them.
const UNPROVEN: [&str; 4] = ["SUBJECT_MISMATCH", "CODE_NOT_ACQUIRED", "BAD_FORMAT", "NOT_FOUND"];

/// Why a record was not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// A person may see it, and it was given no place among their records.
    #[error("a record that a person may see has no place")]
    NoPlace,
    /// No person may see it, and it was given a place.
    #[error("a record that no person may see has a place")]
    NotShown,
    /// It cannot be written.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// A person's part that has no place yet: that is known once the records before it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    body: LocalBodyCode,
    at_ms: u64,
    shown: Shown,
}

impl Unplaced {
    /// What it shows.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// At its place.
    pub fn at(self, place: Place) -> PersonPart {
        let Self { body, at_ms, shown } = self;
        PersonPart { body, place, at_ms, shown }
    }
}

/// Both parts of a record, each in its one byte form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordParts {
    /// What the person may see, a [`PersonPart`]; no byte at all where no person may see anything.
    pub person: Vec<u8>,
    /// The whole record, which only the body may see.
    pub internal: Vec<u8>,
}

impl Record {
    /// The person, by the body's internal id, who may see that there is this record: of requests for their own
    /// information and of what became of them. Flags, erasures and whatever staff do are shown to nobody here.
    pub fn shown_to(&self) -> Option<[u8; 16]> {
        let Some(Target::Person(person)) = self.target else { return None };
        let proven = || !UNPROVEN.contains(&self.result.as_str());
        match self.event {
            Event::Authorised(_) | Event::Outcome { .. } => Some(person),
            Event::Refused(_) if proven() => Some(person),
            _ => None,
        }
    }

    /// Takes it apart. `body` is the log's owner; `place` is where it stands among the records that are shown to the same
    /// person, for exactly those that [`Self::shown_to`] shows to somebody.
    pub fn parts(&self, body: LocalBodyCode, place: Option<Place>) -> Result<RecordParts, PartsError> {
        let person = match (self.unplaced(body), place) {
            (Some((_, unplaced)), Some(place)) => unplaced.at(place).to_bytes().map_err(PartsError::from)?,
            (None, None) => Vec::new(),
            (Some(_), None) => return Err(PartsError::NoPlace),
            (None, Some(_)) => return Err(PartsError::NotShown),
        };
        Ok(RecordParts { person, internal: self.to_bytes()? })
    }

    /// The person who may see it, and what they may see, before its place among their records is known. `body` is the
    /// log's owner.
    pub fn unplaced(&self, body: LocalBodyCode) -> Option<([u8; 16], Unplaced)> {
        let person = self.shown_to()?;
        let shown = match &self.event {
            Event::Authorised(request) => self.asked(request, ShownResult::of(&self.result)),
            Event::Refused(request) => self.asked(request, ShownResult::Refused),
            Event::Outcome { request, outcome } => {
                Shown::Ended(Ending { request: *request, end: (*outcome).into() })
            }
            _ => return None,
        };
        Some((person, Unplaced { body, at_ms: self.at_ms, shown }))
    }

    fn asked(&self, request: &Request, result: ShownResult) -> Shown {
        Shown::Asked(Disclosure {
            request: request.request,
            portal: request.portal.clone(),
            legal_basis: request.legal_basis.clone(),
            affair: self.affair,
            datasets: request.datasets.clone(),
            result,
        })
    }
}
