//! The body's own log: what was decided on requests, and what became of them.

use std::collections::HashMap;

use chukei_crypto::seal::SealError;
use chukei_domain::event::{Event, Record, Request, Target};
use chukei_wire::result::ResultName;

use super::reading::{Period, Reading, Side, TooMany};
use crate::access::grant::{Grant, Read};
use crate::audit::BadRecord;
use crate::bodies::call::CallError;
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonId, PersonRecord};
use crate::hosted::rows::RowError;

/// What requests for own information are called in the log.
const ACTION: &str = "self_info";
/// Records of every kind that a page walks past, and more only where it would not get further than it began.
const WALKED_MAX: usize = 200_000;

/// One request, as the log tells it.
pub(super) struct Own {
    pub(super) request: Request,
    pub(super) affair: Option<String>,
    pub(super) person: Option<PersonId>,
    pub(super) result: String,
    pub(super) at_ms: u64,
    pub(super) outcome: Option<&'static str>,
}

/// Reads the log of a period, from where that begins.
pub(super) async fn read(
    body: &HostedBody,
    person: Option<PersonId>,
    period: Period,
) -> Result<Side<Own>, CallError> {
    let log = body.audit().clone();
    let reading = tokio::task::spawn_blocking(move || {
        let first = log.first_since(period.read_from_ms()).map_err(|_| NotRead::Bad)?;
        collect(log.walk(first), person, period)
    });
    let read = reading.await.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    read.map_err(|error| match error {
        NotRead::Bad => CallError::Refused(ResultName::IntegrityFailure),
        NotRead::TooMany => CallError::Refused(ResultName::Overloaded),
    })
}

/// Why the log was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotRead {
    /// It cannot be read, or holds what does not open.
    Bad,
    /// It has more than is held.
    TooMany,
}

impl From<BadRecord> for NotRead {
    fn from(BadRecord: BadRecord) -> Self {
        Self::Bad
    }
}

impl From<TooMany> for NotRead {
    fn from(TooMany: TooMany) -> Self {
        Self::TooMany
    }
}

/// The period out of a walk through the log.
pub(super) fn collect(
    walk: impl Iterator<Item = Result<Record, BadRecord>>,
    person: Option<PersonId>,
    period: Period,
) -> Result<Side<Own>, NotRead> {
    let mut reading = Reading::of(period);
    let mut places: HashMap<[u8; 16], usize> = HashMap::new();
    for (walked, record) in walk.enumerate() {
        let record = record?;
        if record.at_ms >= period.read_until_ms() {
            break;
        }
        if (reading.is_enough() || walked >= WALKED_MAX) && period.may_end_at(record.at_ms) {
            return Ok(reading.until(record.at_ms));
        }
        if record.at_ms < period.read_from_ms() {
            continue;
        }
        if let Event::Outcome { request, outcome } = &record.event {
            if let Some(own) = places.get(request).and_then(|place| reading.records.get_mut(*place)) {
                own.outcome = Some(outcome.as_str());
            }
        } else if let Some(own) = decided(record).filter(|own| person.is_none() || own.person == person) {
            places.insert(own.request.request, reading.records.len());
            reading.take(own.at_ms, own)?;
        }
    }
    Ok(reading.whole())
}

/// What was decided on a request for own information.
fn decided(record: Record) -> Option<Own> {
    let (Event::Authorised(request) | Event::Refused(request)) = record.event else { return None };
    if record.action != ACTION {
        return None;
    }
    let person = match record.target {
        Some(Target::Person(id)) => Some(id),
        _ => None,
    };
    let affair = record.affair.as_ref().map(ToString::to_string);
    Some(Own { request, affair, person, result: record.result, at_ms: record.at_ms, outcome: None })
}

/// A person who may be erased meanwhile.
pub(super) async fn person(grant: &Grant<Read>, id: &PersonId) -> Result<Option<PersonRecord>, RowError> {
    match grant.body().person(grant, id).await {
        Err(RowError::Seal(SealError::KeyDestroyed)) => Ok(None),
        person => person,
    }
}
