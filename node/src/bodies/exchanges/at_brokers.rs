//! What each broker has of the body: asked for at all of them at a time, page by page, each page verified.
//!
//! What must hold: a broker that has too much to do at the moment is asked again when it says, and is not one that was not
//! heard; each page, and all of them together, have their time.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::exchange::{ExchangeError, Question, records};
use chukei_relay_client::request_id;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::limits::EXCHANGE_PAGE;
use chukei_wire::message::exchange::{ExchangeEntry, ExchangeQuery, ExchangeRecord, ExchangeStatement};
use chukei_wire::result::ResultName;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::reading::{Period, Reading, Side, TooMany};
use crate::app::Node;
use crate::outbound::announce::hop_header;

/// Time for one page.
const WAIT: Duration = Duration::from_secs(10);
/// Time for all of them: no page is begun later.
const ALL_WITHIN: Duration = Duration::from_secs(30);
/// Least pause before the same page is asked for again.
const PAUSE: Duration = Duration::from_millis(10);

/// Why it is not known what a broker has.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHeard {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error("it has more than could be asked for in time")]
    TooLate,
}

/// Brokers by name with what they have, and those that were not heard.
pub(super) struct AtBrokers {
    pub(super) sides: Vec<(String, Side<ExchangeRecord>)>,
    pub(super) unheard: Vec<String>,
}

/// Asks every broker that is configured.
pub(super) async fn read(
    node: &Arc<Node>,
    body: BodyCode,
    person: Option<PersonCode>,
    period: Period,
) -> AtBrokers {
    let mut asked = JoinSet::new();
    for broker in node.brokers() {
        let node = node.clone();
        asked.spawn(async move {
            let name = broker.identity().name().to_owned();
            let side = one(&node, body, &broker, &name, person, period).await;
            (name, side)
        });
    }
    let mut heard = AtBrokers { sides: Vec::new(), unheard: Vec::new() };
    for (name, side) in asked.join_all().await {
        match side {
            Ok(side) => heard.sides.push((name, side)),
            Err(error) => tracing::info!(broker = name, %error, "exchange records were not told"),
        }
    }
    let is_heard = |name: &&String| heard.sides.iter().any(|(known, _)| known == *name);
    heard.unheard = node.broker_names().iter().filter(|name| !is_heard(name)).cloned().collect();
    heard
}

async fn one(
    node: &Node,
    body: BodyCode,
    broker: &PeerConnection,
    name: &str,
    person: Option<PersonCode>,
    period: Period,
) -> Result<Side<ExchangeRecord>, NotHeard> {
    let asker = &format!("body/{body}");
    let ask = |query: ExchangeQuery| async move {
        let request_id = request_id::fresh(node.clock.now_ms()).map_err(|_| ExchangeError::Malformed)?;
        let header = hop_header(Kind::ExchangeRecords, Some(body), request_id, WAIT);
        let question = Question { header: &header, asker, person, query: &query };
        let peers = node.watched_peers.load_full();
        Ok(records(broker, name, question, &peers).await?.statement)
    };
    pages(ask, period).await
}

/// Page by page, as far as one page for staff needs.
pub(super) async fn pages<Asking>(
    ask: impl Fn(ExchangeQuery) -> Asking,
    period: Period,
) -> Result<Side<ExchangeRecord>, NotHeard>
where
    Asking: Future<Output = Result<ExchangeStatement, ExchangeError>>,
{
    let until = Instant::now() + ALL_WITHIN;
    let (from_ms, until_ms) = (period.read_from_ms(), period.read_until_ms());
    let mut query = ExchangeQuery { from_ms, until_ms, after: None, limit: EXCHANGE_PAGE };
    let mut reading = Reading::of(period);
    loop {
        let statement = patiently(&ask, &query).await?;
        let last_ms = statement.entries.iter().rev().find_map(opened).map(|record| record.asked_ms);
        for record in statement.entries.into_iter().filter_map(into_opened).filter(|one| one.to_body) {
            reading.take(record.asked_ms, record)?;
        }
        query.after = statement.next;
        if query.after.is_none() {
            return Ok(reading.whole());
        }
        let is_late = Instant::now() >= until;
        match last_ms.filter(|at_ms| period.may_end_at(*at_ms)) {
            Some(last_ms) if is_late || reading.is_enough() => return Ok(reading.until(last_ms)),
            _ if is_late => return Err(NotHeard::TooLate),
            _ => {}
        }
    }
}

/// One page, also from a broker that has too much to do at first.
async fn patiently<Asking>(
    ask: &impl Fn(ExchangeQuery) -> Asking,
    query: &ExchangeQuery,
) -> Result<ExchangeStatement, ExchangeError>
where
    Asking: Future<Output = Result<ExchangeStatement, ExchangeError>>,
{
    let until = Instant::now() + WAIT;
    loop {
        let answer = ask(query.clone()).await;
        let Err(ExchangeError::NotAnswered(Outcome::RetryAfter(ResultName::Overloaded, wait_ms))) = answer
        else {
            return answer;
        };
        let again = Instant::now() + Duration::from_millis(wait_ms.into()).max(PAUSE);
        if again >= until {
            return answer;
        }
        tokio::time::sleep_until(again).await;
    }
}

fn opened(entry: &ExchangeEntry) -> Option<&ExchangeRecord> {
    match entry {
        ExchangeEntry::Open(record) => Some(record),
        ExchangeEntry::Closed => None,
    }
}

fn into_opened(entry: ExchangeEntry) -> Option<ExchangeRecord> {
    match entry {
        ExchangeEntry::Open(record) if record.kind == Kind::SelfInfo.as_str() => Some(*record),
        _ => None,
    }
}
