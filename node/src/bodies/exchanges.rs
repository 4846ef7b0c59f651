//! Exchange records (情報提供等の記録) for the body's staff: its own log beside what the brokers have, one row for each request.
//!
//! What must hold: a row says who has it, so that what is missing on one side shows; another body's records are at no
//! broker to be had. A page reads a bounded number of records of each side: where a side has more, the page ends before that
//! one's last, so that no request is shown with half of what is known of it. Deliberately absent: notices.

mod at_brokers;
mod merge;
mod own;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;

use chukei_domain::codes::AddresseeNumber;
use chukei_store::Space;
use chukei_wire::header::PersonCode;
use chukei_wire::limits::EXCHANGE_LIST_PAGE;
use chukei_wire::message::staff::{ExchangeListPage, ExchangeListRequest, ListedExchange};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::persons::{PersonId, PersonRecord};

use at_brokers::AtBrokers;
use merge::{Cursor, Merged, Row};
use reading::Period;

/// One page per request message, until the caller has asked for all.
pub async fn list(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<ExchangeListRequest>().await? {
        let page = page(node, grant, &request).await?;
        shown += page.exchanges.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(
    node: &Arc<Node>,
    grant: &Grant<Read>,
    request: &ExchangeListRequest,
) -> Result<ExchangeListPage, CallError> {
    let refused = CallError::Refused;
    if !(1..=EXCHANGE_LIST_PAGE).contains(&request.limit) {
        return Err(refused(ResultName::BadFormat));
    }
    if request.from_ms >= request.until_ms {
        return Err(refused(ResultName::BadPeriod));
    }
    let after = request.after.as_ref().map(|cursor| Cursor::read(cursor)).transpose();
    let after = after.map_err(|merge::BadCursor| refused(ResultName::BadFormat))?;
    let person = person(grant, request.integrated_addressee_number.as_deref()).await?;
    let from_ms = after.map_or(request.from_ms, |cursor| cursor.at_ms.max(request.from_ms));
    let period = Period { from_ms, until_ms: request.until_ms };
    let AtBrokers { sides, unheard } =
        at_brokers::read(node, grant.body().code(), person.as_ref().map(|known| known.code), period).await;
    let own = own::read(grant.body(), person.as_ref().map(|known| known.person.id), period).await?;
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let Merged { rows, next } = merge::merge(own, sides).page(from_ms, request.until_ms, after, limit);
    let exchanges = named(grant, person, rows).await?;
    Ok(ExchangeListPage { exchanges, next: next.map(|cursor| cursor.write().into()), unheard })
}

async fn person(grant: &Grant<Read>, number: Option<&str>) -> Result<Option<PersonRecord>, CallError> {
    let Some(number) = number else { return Ok(None) };
    let number: AddresseeNumber = number.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
    let person = grant.body().person_by_addressee(grant, &number).await?;
    Ok(Some(person.ok_or(CallError::Refused(ResultName::NotFound))?))
}

/// The rows with the persons' numbers, and with what is hidden where no broker has said.
async fn named(
    grant: &Grant<Read>,
    asked: Option<PersonRecord>,
    rows: Vec<Row>,
) -> Result<Vec<ListedExchange>, CallError> {
    let body = grant.body();
    let codes: Vec<PersonCode> = rows.iter().filter_map(|row| row.code).collect();
    let aliases: Vec<_> = codes.iter().map(|code| body.code_row(code)).collect();
    let mut by_code: HashMap<PersonCode, PersonId> = HashMap::new();
    for (codes, aliases) in codes.chunks(256).zip(aliases.chunks(256)) {
        for (code, led) in codes.iter().zip(body.resolve(Space::PersonByCode, aliases).await?) {
            by_code.extend(led.map(|person| (*code, person.id)));
        }
    }
    let about = |row: &Row| {
        let by_code = row.code.and_then(|code| by_code.get(&code).copied());
        row.person.or(by_code).or(asked.as_ref().map(|person| person.person.id))
    };
    let opens: Vec<PersonId> = rows.iter().filter_map(about).collect();
    grant.learn(Learnt { opens: &opens, ..Learnt::default() })?;
    let mut known: HashMap<PersonId, Option<PersonRecord>> = HashMap::new();
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let id = about(&row);
        if let Some(id) = id.filter(|id| !known.contains_key(id)) {
            known.insert(id, own::person(grant, &id).await?);
        }
        let person = id.and_then(|id| known.get(&id)).and_then(Option::as_ref);
        listed.push(row.listed(person));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests;
