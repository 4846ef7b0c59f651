//! What of a person's exchange records the body hides from the person (不開示該当フラグ, R50), told to every broker.
//!
//! What must hold: what is to be told is durable with the flag itself, and is told until every configured broker has it,
//! over restarts, a broker's absence, and a broker that joins later; the newest word alone is told. What brokers have
//! acknowledged they have durably. Deliberately absent: who may set and clear the flag, see `bodies` and `acts`.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::seal::SealError;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::exchange::{ExchangeError, undisclosed};
use chukei_relay_client::request_id;
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::header::Kind;
use chukei_wire::limits::UNDISCLOSED_DATASETS_MAX;
use chukei_wire::message::exchange::UndisclosedMark;
use prometheus::IntGauge;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::access::grant::{Grant, Write, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonId, PersonRecord};
use crate::hosted::rows::RowError;
use crate::outbound::announce::hop_header;
use crate::telemetry::duty::Duty;

/// How often what is pending is tried.
const LOOK: Duration = Duration::from_secs(2);
/// Time for one word to a broker.
const WAIT: Duration = Duration::from_secs(10);
/// Rows read at a time.
const PAGE: usize = 256;
/// How long staff wait for the brokers before they are told that it is pending.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Words to brokers of one body: more to tell, and more told.
#[derive(Debug, Default)]
pub struct Undisclosing {
    more: Notify,
    told: Notify,
}

impl Undisclosing {
    /// A flag has changed.
    pub(crate) fn more_to_tell(&self) {
        self.more.notify_one();
    }
}

/// Which brokers have the newest word about a person.
#[derive(Clone, Serialize, Deserialize)]
struct Word {
    #[serde(rename = "p", with = "serde_bytes")]
    person: PersonId,
    /// The newest.
    #[serde(rename = "v")]
    version: u64,
    /// Names of the brokers that have it.
    #[serde(rename = "b")]
    brokers: Vec<String>,
}

/// Why a word was not told.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("broker: {0}")]
    Broker(#[from] ExchangeError),
    #[error("no request id")]
    NoId,
}

/// Adds to `batch` that the brokers are to be told about this person, whose flags have changed.
pub(crate) async fn to_tell(
    body: &HostedBody,
    batch: Batch,
    person: &PersonRecord,
) -> Result<Batch, RowError> {
    let version = person.flags.undisclosed_version;
    put(body, batch, person, Word { person: person.person.id, version, brokers: Vec::new() }).await
}

async fn put(body: &HostedBody, batch: Batch, person: &PersonRecord, word: Word) -> Result<Batch, RowError> {
    let row = row(body, &word.person);
    body.put(batch, Space::Undisclosed, row, HostedBody::person_seal(&person.person), &word).await
}

fn row(body: &HostedBody, person: &PersonId) -> RowKey {
    body.row(Space::Undisclosed, &[person])
}

/// Brokers that do not have the newest word about a person yet, after a short wait for them.
pub(crate) async fn waiting_for(
    node: &Node,
    body: &HostedBody,
    person: &PersonId,
) -> Result<Vec<String>, RowError> {
    let deadline = Instant::now() + AT_ONCE;
    loop {
        let told = body.undisclosing().told.notified();
        body.undisclosing().more_to_tell();
        let row = row(body, person);
        let stored = body.get_row(&row).await?;
        let word: Option<Word> = body.open_row(Space::Undisclosed, &row, &stored).await?;
        let Some(word) = word else { return Ok(Vec::new()) };
        let waiting = missing(node, &word);
        if waiting.is_empty() || tokio::time::timeout_at(deadline, told).await.is_err() {
            return Ok(waiting);
        }
    }
}

fn missing(node: &Node, word: &Word) -> Vec<String> {
    node.broker_names().iter().filter(|name| !word.brokers.contains(name)).cloned().collect()
}

/// Tells brokers of the body's words until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let scope = BodyScope::of_duty(body.clone(), &node.name);
    let grant = duty_write(&scope, "tell_undisclosed");
    let mut duty = Duty::new("undisclosed", body.code(), &node.metrics);
    let mut pending = Pending { gauge: node.metrics.undisclosed_pending.clone(), shown: 0 };
    // At the start nothing is known: a broker may have joined.
    let mut due = true;
    loop {
        if body.is_ended() {
            return;
        }
        if due && body.gate().pass().is_ok() {
            match look(&node, &grant).await {
                Ok(left) => {
                    duty.done();
                    pending.show(left);
                    due = left > 0;
                }
                Err(error) => drop(duty.failed(&error)),
            }
            body.undisclosing().told.notify_waiters();
        }
        tokio::select! {
            going_on = node.sleep(LOOK) => if !going_on {
                return;
            },
            () = body.undisclosing().more.notified() => due = true,
        }
    }
}

/// Tells what is to be told to the brokers in reach; how many persons are left.
async fn look(node: &Node, grant: &Grant<Write>) -> Result<i64, RowError> {
    let body = grant.body();
    let brokers = node.brokers();
    let (mut left, mut after) = (0, None);
    loop {
        let page = body.scan(&RowKey::new(Space::Undisclosed), after.as_ref(), PAGE).await?;
        for (row, stored) in &page.rows {
            let word: Word = match body.open_value(Space::Undisclosed, row, &stored.value).await {
                Ok(word) => word,
                // The person is erased: the row goes with the others.
                Err(RowError::Seal(SealError::KeyDestroyed)) => continue,
                Err(error) => return Err(error),
            };
            let missing = missing(node, &word);
            let Some(person) =
                (if missing.is_empty() { None } else { body.person(grant, &word.person).await? })
            else {
                continue;
            };
            let reached =
                brokers.iter().filter(|broker| missing.iter().any(|name| name == broker.identity().name()));
            let told = tell_all(node, body, reached, &person).await?;
            left += i64::from(told.len() < missing.len());
            if told.is_empty() {
                continue;
            }
            let version = person.flags.undisclosed_version;
            let before = if version == word.version { word.brokers } else { Vec::new() };
            let word =
                Word { person: word.person, version, brokers: before.into_iter().chain(told).collect() };
            let batch = Batch::new().require_version(row.clone(), stored.version);
            // Where it changed meanwhile, the newer word is told next.
            if let Err(error) = body.apply(put(body, batch, &person, word).await?).await {
                tracing::debug!(%error, "a word on hidden records changed meanwhile");
                left += 1;
            }
            body.undisclosing().told.notify_waiters();
        }
        after = page.next();
        if after.is_none() {
            return Ok(left);
        }
    }
}

/// The names of those that have it now.
async fn tell_all(
    node: &Node,
    body: &HostedBody,
    brokers: impl Iterator<Item = &PeerConnection>,
    person: &PersonRecord,
) -> Result<Vec<String>, RowError> {
    let mut told = Vec::new();
    for broker in brokers {
        let name = broker.identity().name();
        match tell(node, body, broker, person).await {
            Ok(()) => told.push(name.to_owned()),
            Err(NotTold::Row(error)) => return Err(error),
            Err(error) => tracing::info!(broker = name, %error, "what is hidden is to be told again"),
        }
    }
    Ok(told)
}

async fn tell(
    node: &Node,
    body: &HostedBody,
    broker: &PeerConnection,
    person: &PersonRecord,
) -> Result<(), NotTold> {
    let request_id = request_id::fresh(node.clock.now_ms()).map_err(|_| NotTold::NoId)?;
    let header = hop_header(Kind::Undisclosed, Some(body.code()), request_id, WAIT);
    Ok(undisclosed(broker, &header, person.code, &mark(person)).await?)
}

/// The newest word. More datasets than a word has room for are said as all: too much is hidden rather than too little.
fn mark(person: &PersonRecord) -> UndisclosedMark {
    let flags = &person.flags;
    let many = flags.undisclosed_datasets.len() > UNDISCLOSED_DATASETS_MAX;
    let datasets = if many { &[][..] } else { &flags.undisclosed_datasets };
    UndisclosedMark {
        version: flags.undisclosed_version,
        all: flags.undisclosed_all || many,
        datasets: datasets.iter().map(ToString::to_string).collect(),
    }
}

/// One body's part of the gauge, which goes with it.
struct Pending {
    gauge: IntGauge,
    shown: i64,
}

impl Pending {
    fn show(&mut self, count: i64) {
        self.gauge.add(count - self.shown);
        self.shown = count;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.show(0);
    }
}
