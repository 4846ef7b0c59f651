//! What each broker has of the body: asked for at all of them at a time, page by page, each page verified.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::exchange::{ExchangeError, Question, records};
use chukei_relay_client::request_id;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::limits::EXCHANGE_PAGE;
use chukei_wire::message::exchange::{ExchangeEntry, ExchangeQuery, ExchangeRecord};
use tokio::task::JoinSet;

use super::{Period, READ_MAX, Side};
use crate::app::Node;
use crate::outbound::announce::hop_header;

/// Time for one page.
const WAIT: Duration = Duration::from_secs(10);

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
) -> Result<Side<ExchangeRecord>, ExchangeError> {
    let asker = format!("body/{body}");
    let Period { from_ms, until_ms } = period;
    let mut query = ExchangeQuery { from_ms, until_ms, after: None, limit: EXCHANGE_PAGE };
    let mut found = Vec::new();
    loop {
        let request_id = request_id::fresh(node.clock.now_ms()).map_err(|_| ExchangeError::Malformed)?;
        let header = hop_header(Kind::ExchangeRecords, Some(body), request_id, WAIT);
        let question = Question { header: &header, asker: &asker, person, query: &query };
        let peers = node.watched_peers.load_full();
        let statement = records(broker, name, question, &peers).await?.statement;
        let last_ms = statement.entries.iter().rev().find_map(opened).map(|record| record.asked_ms);
        found.extend(statement.entries.into_iter().filter_map(into_opened).filter(|one| one.to_body));
        query.after = statement.next;
        if query.after.is_none() {
            return Ok(Side { records: found, whole_until_ms: until_ms });
        }
        if let Some(last_ms) = last_ms.filter(|_| found.len() >= READ_MAX) {
            return Ok(Side { records: found, whole_until_ms: last_ms });
        }
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
