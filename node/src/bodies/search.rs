//! `audit-search`: events of the body's log by operator, action, person, time, result and request.
//!
//! What must hold: a person stands in the answer by the internal reference alone; whose number is asked for counts as
//! opened.

use std::sync::Arc;

use chukei_domain::codes::AddresseeNumber;
use chukei_domain::event::{Event, Record, Target};
use chukei_wire::id::RequestId;
use chukei_wire::limits::AUDIT_SEARCH_PAGE;
use chukei_wire::message::audit::{AuditEvent, AuditSearchPage, AuditSearchRequest};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::audit::{BadRecord, Page, Question};
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::persons::PersonId;

/// Characters of a name that is asked for, at most.
const NAME_MAX: usize = 256;
/// Hexadecimal digits of an internal reference.
const REFERENCE: usize = 32;

/// One page of events per question, until the caller has said all.
pub async fn search(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(asked) = call.next::<AuditSearchRequest>().await? {
        let page = page(grant, asked).await?;
        shown += page.events.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(grant: &Grant<Read>, asked: AuditSearchRequest) -> Result<AuditSearchPage, CallError> {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let names = [&asked.actor, &asked.action, &asked.result];
    let long = names.into_iter().flatten().any(|name| name.len() > NAME_MAX);
    if long || !(1..=AUDIT_SEARCH_PAGE).contains(&limit) {
        return Err(CallError::Refused(ResultName::BadFormat));
    }
    let person = match &asked.person {
        Some(person) => Some(who(grant, person).await?),
        None => None,
    };
    let question = Question {
        actor: asked.actor,
        action: asked.action,
        person,
        from_ms: asked.from_ms,
        until_ms: asked.until_ms,
        result: asked.result,
        request: asked.request.map(|request| request.0),
    };
    let page = Page { after: asked.after, newest_first: asked.newest_first, limit };
    let log = grant.body().audit().clone();
    let found = tokio::task::spawn_blocking(move || log.search(&question, page)).await;
    let found = found.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    let found = found.map_err(|BadRecord| CallError::Refused(ResultName::IntegrityFailure))?;
    Ok(AuditSearchPage { events: found.records.into_iter().map(event).collect(), next: found.next })
}

/// The person whose number or internal reference this is.
async fn who(grant: &Grant<Read>, person: &str) -> Result<PersonId, CallError> {
    let id = match HEXLOWER.decode(person.as_bytes()).ok().filter(|_| person.len() == REFERENCE) {
        Some(id) => id.try_into().map_err(|_| CallError::Refused(ResultName::BadFormat))?,
        None => {
            let number: AddresseeNumber =
                person.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
            let known = grant.body().person_by_addressee(grant, &number).await?;
            known.ok_or(CallError::Refused(ResultName::NotFound))?.person.id
        }
    };
    grant.learn(Learnt { opens: &[id], ..Learnt::default() })?;
    Ok(id)
}

fn event(record: Record) -> AuditEvent {
    let name = name(&record.event);
    let why = record.event.why();
    let request = record.event.request().or(record.call).map(RequestId);
    let person = match record.target {
        Some(Target::Person(id)) => Some(HEXLOWER.encode(&id)),
        _ => None,
    };
    AuditEvent {
        number: record.seq,
        at_ms: record.at_ms,
        event: name,
        affair: record.affair.map(|affair| affair.to_string()),
        person,
        request,
        device: why.and_then(|why| why.device.clone()),
        reasons: why.map(|why| why.reasons.clone()).unwrap_or_default(),
        on_behalf_of: why.and_then(|why| why.on_behalf_of).map(|body| body.to_string()),
        actor: record.actor,
        action: record.action,
        result: record.result,
    }
}

/// The name of an event in the catalogue: the one key of its form.
fn name(event: &Event) -> String {
    let form = serde_json::to_value(event).unwrap_or_default();
    let name = form.as_object().and_then(|form| form.keys().next()).cloned();
    name.unwrap_or_default()
}
