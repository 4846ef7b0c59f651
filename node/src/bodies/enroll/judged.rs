//! The rows of one enrolment batch, judged one after the other against what is stored and what came before them.

use std::collections::{HashMap, HashSet};

use chukei_crypto::binding::{Added, Bindings};
use chukei_domain::codes::AddresseeNumber;
use chukei_wire::header::PersonCode;
use chukei_wire::message::staff::RowOutcome;
use chukei_wire::result::ResultName;

use super::Opened;
use crate::access::grant::{Grant, Write};
use crate::hosted::persons::{Loaded, PersonRecord};
use crate::hosted::rows::RowError;

/// A person who gets enrolled.
pub(super) struct New {
    pub(super) addressee: AddresseeNumber,
    pub(super) code: PersonCode,
    pub(super) number_id: [u8; 16],
    pub(super) bindings: Bindings,
}

/// An enrolled person to whom the batch brings something.
#[derive(Clone)]
pub(super) struct Changed {
    pub(super) person: Loaded,
    /// Whether the code is another than the stored one.
    pub(super) has_new_code: bool,
}

/// Outcomes so far, and what is to be written for them.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) outcomes: Vec<RowOutcome>,
    pub(super) new: Vec<New>,
    /// Enrolled persons whose rows change, by addressee number.
    pub(super) changed: HashMap<AddresseeNumber, Changed>,
    /// Addressee numbers met in this batch that were nobody's before it.
    met: HashMap<AddresseeNumber, Met>,
    taken: HashSet<PersonCode>,
    /// Rows that repeat an earlier one: (this, earlier).
    repeats: Vec<(usize, usize)>,
}

/// The first row of an addressee number.
struct Met {
    row: usize,
    number_id: [u8; 16],
    /// Its place among the new persons; `None` where it was refused.
    new: Option<usize>,
}

impl Judged {
    /// The outcome of the row that stands at `at`, with the code that the broker gave for it.
    pub(super) async fn judge(
        &mut self,
        grant: &Grant<Write>,
        at: usize,
        row: Opened,
        code: Option<PersonCode>,
    ) -> Result<RowOutcome, RowError> {
        if let Some(outcome) = self.enrolled(grant, &row, code).await? {
            return Ok(outcome);
        }
        if let Some(met) = self.met.get(&row.addressee) {
            return Ok(repeat(&mut self.repeats, &mut self.new, met, at, row));
        }
        let (addressee, number_id) = (row.addressee, row.part.number_id);
        let mut met = Met { row: at, number_id, new: None };
        let outcome = match code {
            None => RowOutcome::Rejected(ResultName::CodeNotAcquired),
            // A code that leads to somebody under another addressee number: never one person twice (R30).
            Some(code) if self.is_taken(grant, code).await? => {
                RowOutcome::Rejected(ResultName::SubjectMismatch)
            }
            Some(code) => {
                met.new = Some(self.new.len());
                self.new.push(New { addressee, code, number_id, bindings: Bindings::new(row.part.binding) });
                RowOutcome::Registered
            }
        };
        self.met.insert(addressee, met);
        Ok(outcome)
    }

    /// The outcome where somebody stands under the row's addressee number already.
    async fn enrolled(
        &mut self,
        grant: &Grant<Write>,
        row: &Opened,
        code: Option<PersonCode>,
    ) -> Result<Option<RowOutcome>, RowError> {
        let mut changed = match self.changed.get(&row.addressee) {
            Some(changed) => changed.clone(),
            None => match grant.body().person_to_change(grant, &row.addressee).await? {
                Some(person) => Changed { person, has_new_code: false },
                None => return Ok(None),
            },
        };
        let record = &mut changed.person.record;
        let mut outcome = renewed(record, row);
        // A code was asked for because the stored one is of a version that is over.
        if let Some(code) = code.filter(|code| *code != record.code)
            && !matches!(outcome, RowOutcome::Rejected(_))
        {
            if self.is_taken(grant, code).await? {
                return Ok(Some(RowOutcome::Rejected(ResultName::SubjectMismatch)));
            }
            (record.code, changed.has_new_code, outcome) = (code, true, RowOutcome::Registered);
        }
        if outcome == RowOutcome::Registered {
            self.changed.insert(row.addressee, changed);
        }
        Ok(Some(outcome))
    }

    /// Every code that the batch brings.
    pub(super) fn codes(&self) -> impl Iterator<Item = PersonCode> {
        let renewed = self.changed.values().filter(|changed| changed.has_new_code);
        let renewed = renewed.map(|changed| changed.person.record.code);
        self.new.iter().map(|new| new.code).chain(renewed)
    }

    async fn is_taken(&mut self, grant: &Grant<Write>, code: PersonCode) -> Result<bool, RowError> {
        let body = grant.body();
        Ok(!self.taken.insert(code) || body.get_row(&body.code_row(&code)).await?.is_some())
    }

    /// The outcomes, once every row was judged: a row that repeats an earlier one of its batch shares that one's
    /// refusal.
    pub(super) fn settled(&self) -> Vec<RowOutcome> {
        let mut outcomes = self.outcomes.clone();
        for (at, first) in &self.repeats {
            let refused =
                self.outcomes.get(*first).copied().filter(|first| matches!(first, RowOutcome::Rejected(_)));
            if let (Some(refused), Some(outcome)) = (refused, outcomes.get_mut(*at)) {
                *outcome = refused;
            }
        }
        outcomes
    }
}

/// A row of an addressee number that an earlier row has brought.
fn repeat(
    repeats: &mut Vec<(usize, usize)>,
    new: &mut [New],
    met: &Met,
    at: usize,
    row: Opened,
) -> RowOutcome {
    if met.number_id != row.part.number_id {
        return RowOutcome::Rejected(ResultName::SubjectMismatch);
    }
    let added = met.new.and_then(|place| new.get_mut(place)).map(|new| new.bindings.add(row.part.binding));
    match added {
        Some(Ok(Added::Newest)) => RowOutcome::Registered,
        Some(Err(_)) => RowOutcome::Rejected(ResultName::SubjectMismatch),
        Some(Ok(Added::Unchanged)) | None => {
            repeats.push((at, met.row));
            RowOutcome::Unchanged
        }
    }
}

/// What a number brings to the person who stands under its addressee number.
fn renewed(person: &mut PersonRecord, row: &Opened) -> RowOutcome {
    if person.number_id != row.part.number_id {
        // Somebody else stands under this addressee number: never two persons in one (R30).
        return RowOutcome::Rejected(ResultName::SubjectMismatch);
    }
    match person.bindings.add(row.part.binding.clone()) {
        Ok(Added::Newest) => RowOutcome::Registered,
        Ok(Added::Unchanged) => RowOutcome::Unchanged,
        Err(_) => RowOutcome::Rejected(ResultName::SubjectMismatch),
    }
}
