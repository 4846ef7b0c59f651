//! Exchange records for whom they are about: a person's to the portal, a body's to the body.
//!
//! What must hold: a portal sees passages of its own alone, a node those of a body it has announced; a question is on record
//! before it is answered, and is answered by everything that was durable before it; to a portal what is hidden and what has
//! not ended are the same, in the entry, in the counts and in the cursor. The page is signed as a whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chukei_domain::event::ExchangesAsked;
use chukei_relay_client::exchange::person_hash;
use chukei_relay_client::permit::RootKeeper;
use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::PersonCode;
use chukei_wire::limits::{EXCHANGE_CURSOR_MAX, EXCHANGE_PAGE};
use chukei_wire::message::exchange::{
    BodyCount, ExchangeEntry, ExchangePage, ExchangeQuery, ExchangeRecord, ExchangeStatement,
};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::broker::Broker;
use crate::broker::codes::Party;
use crate::broker::ending::{Ending, NOT_READY, end};
use crate::broker::exchange::ExchangeError;
use crate::broker::index::{Asked, Cursor, IndexError, Indexed, Mark, Walked};
use crate::broker::peer::Peer;

/// Questions of a portal in a second, for all its persons.
const OF_A_PORTAL: u32 = 256;
/// Questions and words of a body in a second.
pub(super) const OF_A_BODY: u32 = 32;
/// What of a request's time is left for the answer when the index was waited for.
const TO_ANSWER: Duration = Duration::from_millis(250);

/// Who asks for records, and about whom.
struct Asker {
    party: Party,
    /// As statements name it.
    told: String,
    person: Option<u64>,
    body: Option<BodyCode>,
}

impl Asker {
    /// The portal that sees what it has asked for alone; `None` for a body.
    fn portal(&self) -> Option<&str> {
        match &self.party {
            Party::Portal(name) => Some(name),
            Party::Body(_) => None,
        }
    }

    fn asked<'a>(&'a self, query: &ExchangeQuery) -> Asked<'a> {
        let ExchangeQuery { from_ms, until_ms, .. } = *query;
        Asked { person: self.person, body: self.body.as_ref(), from_ms, until_ms }
    }
}

/// Why there is no page.
enum NoPage {
    Told(Outcome),
    Failed(IndexError),
}

impl From<Outcome> for NoPage {
    fn from(outcome: Outcome) -> Self {
        Self::Told(outcome)
    }
}

impl From<ResultName> for NoPage {
    fn from(name: ResultName) -> Self {
        Self::Told(Outcome::Refused(name))
    }
}

impl From<ExchangeError> for NoPage {
    fn from(error: ExchangeError) -> Self {
        Self::Told(error.outcome())
    }
}

impl From<IndexError> for NoPage {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Cursor => ResultName::BadFormat.into(),
            error => Self::Failed(error),
        }
    }
}

/// Answers one question.
pub(super) async fn show(
    broker: &Arc<Broker>,
    peer: &Peer,
    party: Party,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let query: ExchangeQuery = request.recv.read_message().await?;
    match page(broker, peer, party, request, query).await {
        Ok(page) => {
            request.put_status(Outcome::Answered).await?;
            request.send.write_message(&page).await?;
            request.send.finish().await?;
            Ok(Ending::Answered)
        }
        Err(NoPage::Told(outcome)) => end(request, outcome).await,
        Err(NoPage::Failed(error)) => {
            tracing::warn!(request_id = %request.header.request_id, %error, "records are not shown now");
            end(request, NOT_READY).await
        }
    }
}

async fn page(
    broker: &Broker,
    peer: &Peer,
    party: Party,
    request: &AcceptedRequest,
    query: ExchangeQuery,
) -> Result<ExchangePage, NoPage> {
    let now_ms = broker.clock.now_ms();
    let asker = asker(broker, party, request, now_ms)?;
    check(&query)?;
    let most = if asker.portal().is_some() { OF_A_PORTAL } else { OF_A_BODY };
    broker.questions.admit(&asker.party, most, Instant::now())?;
    let after = query
        .after
        .as_ref()
        .map(|sealed| broker.index.opened_cursor(sealed, &asker.told, asker.asked(&query)));
    let after = after.transpose()?;
    let number = broker.exchanges.asked(peer.connection.identity(), event(&asker, request), now_ms).await?;
    let within = request.deadline().saturating_duration_since(Instant::now()).saturating_sub(TO_ANSWER);
    broker.index.upto(number, within).await?;
    let found = match asker.portal() {
        Some(portal) => for_portal(broker, &asker, portal, &query, after).await?,
        None => for_body(broker, &asker, &query, after, now_ms).await?,
    };
    let next = found.next.map(|cursor| broker.index.sealed_cursor(&cursor, &asker.told)).transpose()?;
    let statement = ExchangeStatement {
        broker: broker.name.clone(),
        told: asker.told,
        request_id: request.header.request_id,
        person: request.hop.sender_code.as_ref().map(person_hash),
        body: request.header.body,
        query,
        at_ms: now_ms,
        last_record: number,
        roots: broker.index.roots_of(&epochs(&found.entries)).await?,
        entries: found.entries,
        next: next.map(Into::into),
        counts: found.counts,
    };
    let signed = statement.signed_bytes().map_err(|_| NoPage::from(ResultName::BadFormat))?;
    Ok(ExchangePage { signature: broker.roots.key().sign(&signed), statement })
}

/// Who asks, about whom: a portal about a person of its own, a body about its passages.
fn asker(broker: &Broker, party: Party, request: &AcceptedRequest, now_ms: u64) -> Result<Asker, NoPage> {
    let peers = broker.peers.load();
    let body = request.header.body;
    let listed = party.is_listed(&peers) && body.is_none_or(|body| Party::Body(body).is_listed(&peers));
    if !listed {
        return Err(ResultName::NotFound.into());
    }
    let named = request.hop.sender_code.map(|code| broker.codes.person(&party, &code, now_ms));
    let person = named.transpose().map_err(|_| NoPage::from(ResultName::NotFound))?;
    let nobody = matches!(party, Party::Portal(_)) && person.is_none();
    if nobody || request.hop.permit.is_some() {
        return Err(ResultName::BadFormat.into());
    }
    Ok(Asker { told: party.to_string(), party, person, body })
}

fn check(query: &ExchangeQuery) -> Result<(), NoPage> {
    let bounded = (1..=EXCHANGE_PAGE).contains(&query.limit)
        && query.after.as_ref().is_none_or(|cursor| cursor.len() <= EXCHANGE_CURSOR_MAX);
    if !bounded {
        return Err(ResultName::BadFormat.into());
    }
    if query.from_ms >= query.until_ms {
        return Err(ResultName::BadPeriod.into());
    }
    Ok(())
}

fn event(asker: &Asker, request: &AcceptedRequest) -> ExchangesAsked {
    ExchangesAsked {
        request: request.header.request_id.0,
        party: asker.told.clone(),
        body: asker.body.and_then(|body| body.as_str().parse().ok()),
        person: asker.person,
    }
}

/// What a page holds.
struct Found {
    entries: Vec<ExchangeEntry>,
    next: Option<Cursor>,
    counts: Vec<BodyCount>,
}

/// A page of one person's passages with one portal; with the first, all of them are counted.
async fn for_portal(
    broker: &Broker,
    asker: &Asker,
    portal: &str,
    query: &ExchangeQuery,
    after: Option<Cursor>,
) -> Result<Found, NoPage> {
    let first = after.is_none();
    let limit = usize::from(query.limit);
    let marks = match asker.person {
        Some(person) => broker.index.marks_of(person).await?,
        None => HashMap::new(),
    };
    let (mut entries, mut full) = (Vec::new(), None);
    let mut counts: BTreeMap<BodyCode, BodyCount> = BTreeMap::new();
    let walked = broker.index.walk(asker.asked(query), after, |indexed, cursor| {
        let Indexed { record, .. } = indexed;
        if record.portal != portal {
            return ControlFlow::Continue(());
        }
        let body = record.body;
        let entry = to_portal(record, marks.get(&body));
        if first {
            count(counts.entry(body).or_insert_with(|| none_of(body)), &entry);
        }
        if entries.len() < limit {
            entries.push(entry);
            if entries.len() == limit {
                full = Some(cursor.clone());
            }
        }
        if full.is_some() && !first { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let (next, counts) = match walked.await? {
        Walked::Whole => (full, counts.into_values().collect()),
        // Too many to be counted in one question.
        Walked::Until(cursor) => (full.or(Some(cursor)), Vec::new()),
    };
    Ok(Found { entries, next, counts })
}

/// What a portal is shown of a passage.
fn to_portal(record: ExchangeRecord, mark: Option<&Mark>) -> ExchangeEntry {
    let hidden = mark.is_some_and(|mark| mark.hides(&record.datasets));
    if hidden || record.ended.is_none() {
        ExchangeEntry::Closed
    } else {
        ExchangeEntry::Open(Box::new(record))
    }
}

fn none_of(body: BodyCode) -> BodyCount {
    BodyCount { body, answered: 0, others: 0, closed: 0 }
}

fn count(of: &mut BodyCount, entry: &ExchangeEntry) {
    match entry {
        ExchangeEntry::Closed => of.closed += 1,
        ExchangeEntry::Open(record) if record.is_answered() => of.answered += 1,
        ExchangeEntry::Open(_) => of.others += 1,
    }
}

/// A page of a body's passages: everything, with what the person is not shown marked.
async fn for_body(
    broker: &Broker,
    asker: &Asker,
    query: &ExchangeQuery,
    after: Option<Cursor>,
    now_ms: u64,
) -> Result<Found, NoPage> {
    let Party::Body(body) = asker.party else { return Err(ResultName::NotPermitted.into()) };
    let limit = usize::from(query.limit);
    let mut found = Vec::new();
    let walked = broker.index.walk(asker.asked(query), after, |indexed, _| {
        found.push(indexed);
        if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let next = match walked.await? {
        Walked::Whole => None,
        Walked::Until(cursor) => Some(cursor),
    };
    let persons: Vec<u64> = found.iter().filter_map(|one| one.person).collect();
    let marks = broker.index.marks_at(&body, &persons).await?;
    let code = |person: u64| -> Option<PersonCode> { broker.codes.code(&asker.party, person, now_ms) };
    let entries = found.into_iter().map(|Indexed { person, mut record }| {
        let mark = person.and_then(|person| marks.get(&person));
        record.undisclosed = mark.is_some_and(|mark| mark.hides(&record.datasets));
        record.person = person.and_then(code);
        ExchangeEntry::Open(Box::new(record))
    });
    Ok(Found { entries: entries.collect(), next, counts: Vec::new() })
}

/// The epochs of permits that a page names, in order, each once.
fn epochs(entries: &[ExchangeEntry]) -> Vec<[u8; 16]> {
    let of = |entry: &ExchangeEntry| match entry {
        ExchangeEntry::Closed => None,
        ExchangeEntry::Open(record) => record.permit_epoch,
    };
    entries.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
