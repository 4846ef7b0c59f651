//! What brokers tell of a person's requests held against what the body's log shows of them: neither side can leave one out
//! alone.
//!
//! What must hold: a difference is told by request id. A body hides from the person what it has told brokers to hide, so that
//! what brokers show and the body does not is always told: as kept closed where closed places could hold it, two for each
//! request, and as left out where they could not. What brokers have closed may be what the body shows, and no more than
//! that. Requests of the last seconds are left out, because neither side has to show them yet. Deliberately absent: what a
//! body refused before it was proven whose request it was, which has no place in its log and is a difference.

use std::collections::BTreeSet;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::exchange::{self, Question};
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::limits::EXCHANGE_PAGE;
use chukei_wire::message::exchange::{BodyCount, ExchangeEntry, ExchangePage, ExchangeQuery, ExchangeRecord};

use super::fetch::Asked;
use super::gather::Gathered;
use super::permits::Permits;
use super::seen::Seen;
use super::wrong::Wrong;
use crate::core::Core;
use crate::request;
use crate::storage::VaultError;

/// Pages of one broker, at most.
const PAGES_MAX: usize = 512;
/// Milliseconds in which both sides have told of a request.
pub(super) const SETTLING_MS: u64 = 5_000;
/// Milliseconds that one page may take.
const TRY_MS: u32 = 10_000;

/// Why the two sides were not compared.
pub(super) enum NotCompared {
    /// Brokers contradict themselves.
    Wrong(Wrong),
    /// What is known of them.
    Store(VaultError),
}

/// What the brokers' records and the body's differ in; `None` where a broker does not tell, or nothing of the log is witnessed
/// yet: then every place of it is closed.
pub(super) async fn compared(
    core: &Core,
    links: &Dialer,
    asked: &Asked,
    gathered: &Gathered,
    lost: &[RequestId],
    begun_ms: u64,
) -> Result<Option<Differences>, NotCompared> {
    let known = core.vault.permit_roots(asked.person, asked.body).await.map_err(NotCompared::Store)?;
    let mut permits = Permits::known(known.clone());
    let told = told(core, links, asked, begun_ms, &mut permits).await.map_err(NotCompared::Wrong)?;
    let unproven = permits.unproven(begun_ms.saturating_sub(SETTLING_MS));
    let roots = permits.into_roots();
    if roots != known {
        let kept = core.vault.keep_permit_roots(asked.person, asked.body, roots).await;
        kept.map_err(NotCompared::Store)?;
    }
    let (Some(told), Some(_)) = (told, &gathered.logs) else { return Ok(None) };
    let requests = gathered.seen.iter().filter(|place| place.is_asked()).map(Seen::request).collect();
    let closed = gathered.count.saturating_sub(gathered.seen.len() as u64);
    let until_ms = begun_ms.saturating_sub(SETTLING_MS);
    let shown = Shown { asked: &requests, closed, lost, until_ms };
    Ok(Some(Differences { unproven, ..differences(&told, &shown) }))
}

/// What brokers tell of the requests of a person to a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Requests for own information that were answered.
    pub(super) answered: BTreeSet<RequestId>,
    /// Every request that they show.
    pub(super) shown: BTreeSet<RequestId>,
    /// Those that they do not show, or not yet.
    pub(super) closed: u64,
}

/// What the body's log shows.
pub(super) struct Shown<'a> {
    /// The requests at open places.
    pub(super) asked: &'a BTreeSet<RequestId>,
    /// How many places are closed.
    pub(super) closed: u64,
    /// Requests that it is known to have lost.
    pub(super) lost: &'a [RequestId],
    /// Requests begun from then on are left out, Unix milliseconds.
    pub(super) until_ms: u64,
}

/// Asks every configured broker; `None` where one of them does not tell.
async fn told(
    core: &Core,
    links: &Dialer,
    asked: &Asked,
    until_ms: u64,
    permits: &mut Permits,
) -> Result<Option<Told>, Wrong> {
    let brokers = links.all();
    if brokers.len() < links.targets() {
        return Ok(None);
    }
    let mut told = Told::default();
    for broker in brokers {
        match ask(core, &broker, asked, until_ms, &mut told, permits).await {
            Ok(()) => {}
            Err(Untold::Wrong(wrong)) => {
                tracing::error!(
                    broker = broker.identity().name(),
                    "what a broker has signed contradicts itself"
                );
                return Err(wrong);
            }
            Err(error) => {
                tracing::info!(broker = broker.identity().name(), %error, "exchange records are not told");
                return Ok(None);
            }
        }
    }
    Ok(Some(told))
}

/// Why a broker's records are not told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error(transparent)]
    Exchange(#[from] exchange::ExchangeError),
    #[error(transparent)]
    Random(#[from] chukei_crypto::random::RandomError),
    #[error("pages that contradict each other, or too many")]
    Pages,
    #[error("permits that contradict each other")]
    Wrong(Wrong),
}

async fn ask(
    core: &Core,
    broker: &PeerConnection,
    of: &Asked,
    until_ms: u64,
    told: &mut Told,
    permits: &mut Permits,
) -> Result<(), Untold> {
    let name = broker.identity().name().to_owned();
    let asker = format!("portal/{}", core.name);
    let (mut after, mut answered, mut due) = (None, 0, 0_u64);
    for _ in 0..PAGES_MAX {
        let header = request::header(core.clock.now_ms(), Kind::ExchangeRecords, Direction::Hop, TRY_MS)?;
        let header = Header { body: Some(of.body), portal: Some(core.name.clone()), ..header };
        let query = ExchangeQuery { from_ms: 0, until_ms, after, limit: EXCHANGE_PAGE };
        let question = Question { header: &header, asker: &asker, person: Some(of.code), query: &query };
        let page: ExchangePage = exchange::records(broker, &name, question, &core.peers.load()).await?;
        permits.take(&page.statement).map_err(Untold::Wrong)?;
        due = due.saturating_add(counted(told, &page.statement.counts));
        for entry in &page.statement.entries {
            let ExchangeEntry::Open(record) = entry else { continue };
            answered += u64::from(record.is_answered());
            take(told, record);
        }
        after = page.statement.next;
        if after.is_none() {
            // What it counted is what it showed.
            return if due == answered { Ok(()) } else { Err(Untold::Pages) };
        }
    }
    Err(Untold::Pages)
}

/// Takes what a broker says that it does not show; how many answered requests it says that it shows.
fn counted(told: &mut Told, counts: &[BodyCount]) -> u64 {
    // A broker's numbers may be any: what no sum can hold is as many as there can be.
    let closed = counts.iter().fold(told.closed, |closed, count| closed.saturating_add(count.closed));
    told.closed = closed;
    counts.iter().fold(0, |answered, count| answered.saturating_add(count.answered))
}

fn take(told: &mut Told, record: &ExchangeRecord) {
    if !record.to_body || record.kind != Kind::SelfInfo.as_str() {
        return;
    }
    told.shown.insert(record.request_id);
    if record.is_answered() {
        told.answered.insert(record.request_id);
    }
}

/// Places that a request takes in the body's log: its own, and that of its end.
const PLACES: u64 = 2;

/// What the two sides differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Requests that only one side tells of, and that the other has no room for.
    pub(super) left_out: Vec<RequestId>,
    /// Requests that brokers show as answered, and the body, if anywhere, at places that it keeps closed.
    pub(super) kept_closed: Vec<RequestId>,
    /// Answered requests whose permits are under no signed root.
    pub(super) unproven: Vec<RequestId>,
}

impl Differences {
    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What the two sides differ in; nothing where they agree.
pub(super) fn differences(told: &Told, shown: &Shown<'_>) -> Differences {
    let settled = |request: &&RequestId| request.unix_ms().is_none_or(|at| at < shown.until_ms);
    let missing = told.answered.difference(shown.asked).filter(settled);
    let not_at_body: Vec<RequestId> =
        missing.filter(|request| !shown.lost.contains(request)).copied().collect();
    let not_at_brokers: Vec<RequestId> =
        shown.asked.difference(&told.shown).filter(settled).copied().collect();
    let mut differences = Differences::default();
    if not_at_body.len() as u64 > shown.closed / PLACES {
        differences.left_out = not_at_body;
    } else {
        differences.kept_closed = not_at_body;
    }
    if not_at_brokers.len() as u64 > told.closed {
        differences.left_out.extend(not_at_brokers);
    }
    differences
}

#[cfg(test)]
mod tests;
