//! Whether information was provided (提供状況確認): the body's own log, read for its staff.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chukei_domain::codes::AddresseeNumber;
use chukei_domain::event::{Event, Record, Request, Target};
use chukei_wire::id::RequestId;
use chukei_wire::message::staff::{Provision, ProvisionStatusReply, ProvisionStatusRequest};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::audit::BadRecord;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::persons::PersonId;

/// Provisions in one answer: what fits a message.
const LIMIT: u32 = 2_000;

/// The newest provisions and refusals that fit the request, oldest first.
pub async fn status(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let request: ProvisionStatusRequest = call.request().await?;
    if request.limit == 0 || request.limit > 10_000 {
        return Err(CallError::Refused(ResultName::BadFormat));
    }
    let person = match &request.integrated_addressee_number {
        None => None,
        Some(number) => {
            let number: AddresseeNumber =
                number.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
            let person = grant.body().person_by_addressee(grant, &number).await?;
            Some(person.ok_or(CallError::Refused(ResultName::NotFound))?.person.id)
        }
    };
    let log = grant.body().audit().clone();
    let limit = usize::try_from(request.limit.min(LIMIT)).unwrap_or(usize::MAX);
    let from_ms = request.from_ms.unwrap_or(0);
    let found = tokio::task::spawn_blocking(move || {
        let first = log.first_since(from_ms).map_err(|_| BadRecord)?;
        collect(log.walk(first), person, from_ms, limit)
    });
    let found = found.await.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    let found = found.map_err(|BadRecord| CallError::Refused(ResultName::IntegrityFailure))?;
    let provisions = named(grant, found).await?;
    let shown = provisions.len();
    call.reply(&ProvisionStatusReply { provisions }).await?;
    Ok(Done::of(shown))
}

/// One request as the log tells it.
struct Found {
    request: Request,
    person: Option<PersonId>,
    result: String,
    at_ms: u64,
    outcome: Option<&'static str>,
}

fn collect(
    records: impl Iterator<Item = Result<Record, BadRecord>>,
    person: Option<PersonId>,
    from_ms: u64,
    limit: usize,
) -> Result<VecDeque<Found>, BadRecord> {
    let mut found: VecDeque<Found> = VecDeque::new();
    // Of the requests in `found`.
    let mut outcomes: HashMap<[u8; 16], Option<&'static str>> = HashMap::new();
    for record in records {
        let record = record?;
        if record.at_ms < from_ms {
            continue;
        }
        match record.event {
            Event::Authorised(request) | Event::Refused(request) => {
                let about = match record.target {
                    Some(Target::Person(id)) => Some(id),
                    _ => None,
                };
                if person.is_none() || about == person {
                    let (result, at_ms) = (record.result, record.at_ms);
                    outcomes.entry(request.request).or_default();
                    found.push_back(Found { request, person: about, result, at_ms, outcome: None });
                }
                if found.len() > limit {
                    found.pop_front().map(|old| outcomes.remove(&old.request.request));
                }
            }
            Event::Outcome { request, outcome } => {
                if let Some(known) = outcomes.get_mut(&request) {
                    *known = Some(outcome.as_str());
                }
            }
            _ => {}
        }
    }
    for known in &mut found {
        known.outcome = outcomes.get(&known.request.request).copied().flatten();
    }
    Ok(found)
}

async fn named(grant: &Grant<Read>, found: VecDeque<Found>) -> Result<Vec<Provision>, CallError> {
    let opens: Vec<PersonId> = found.iter().filter_map(|known| known.person).collect();
    grant.learn(Learnt { opens: &opens, ..Learnt::default() })?;
    let mut names: HashMap<PersonId, Option<String>> = HashMap::new();
    let mut provisions = Vec::with_capacity(found.len());
    for known in found {
        let name = match known.person {
            None => None,
            Some(id) => match names.get(&id) {
                Some(name) => name.clone(),
                None => {
                    let person = grant.body().person(grant, &id).await?;
                    let name = person.map(|person| person.addressee);
                    names.insert(id, name.clone());
                    name
                }
            },
        };
        provisions.push(provision(known, name));
    }
    Ok(provisions)
}

fn provision(known: Found, integrated_addressee_number: Option<String>) -> Provision {
    let result = ResultName::ALL.iter().find(|name| name.as_str() == known.result);
    Provision {
        request_id: RequestId(known.request.request).to_string(),
        integrated_addressee_number,
        datasets: known.request.datasets.iter().map(ToString::to_string).collect(),
        result: result.copied().unwrap_or(ResultName::IntegrityFailure),
        authorised_ms: known.at_ms,
        outcome: known.outcome.map(str::to_owned),
    }
}
