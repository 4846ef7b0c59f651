//! What brokers tell of a person's requests held against what the body's log shows of them: neither side can leave one out
//! alone.
//!
//! What must hold: a difference is told by request id; what either side has closed may be what the other one shows, and no
//! more than that. Requests of the last seconds are left out, because neither side has to show them yet. Deliberately
//! absent: what a body refused before it was proven whose request it was, which has no place in its log and is a difference.

use std::collections::BTreeSet;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::exchange::{self, Question};
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Direction, Header, Kind, PersonCode};
use chukei_wire::id::RequestId;
use chukei_wire::limits::EXCHANGE_PAGE;
use chukei_wire::message::exchange::{ExchangeEntry, ExchangePage, ExchangeQuery, ExchangeRecord};

use crate::core::Core;
use crate::request;

/// Pages of one broker, at most.
const PAGES_MAX: usize = 512;
/// Milliseconds in which both sides have told of a request.
pub(super) const SETTLING_MS: u64 = 5_000;
/// Milliseconds that one page may take.
const TRY_MS: u32 = 10_000;

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
    /// Requests begun from then on are left out, Unix milliseconds.
    pub(super) until_ms: u64,
}

/// Asks every configured broker; `None` where one of them does not tell.
pub(super) async fn told(
    core: &Core,
    links: &Dialer,
    code: PersonCode,
    body: BodyCode,
    until_ms: u64,
) -> Option<Told> {
    let brokers = links.all();
    if brokers.len() < links.targets() {
        return None;
    }
    let mut told = Told::default();
    for broker in brokers {
        if let Err(error) = ask(core, &broker, code, body, until_ms, &mut told).await {
            tracing::info!(broker = broker.identity().name(), %error, "exchange records are not told");
            return None;
        }
    }
    Some(told)
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
}

async fn ask(
    core: &Core,
    broker: &PeerConnection,
    code: PersonCode,
    body: BodyCode,
    until_ms: u64,
    told: &mut Told,
) -> Result<(), Untold> {
    let name = broker.identity().name().to_owned();
    let asker = format!("portal/{}", core.name);
    let (mut after, mut answered, mut due) = (None, 0, None);
    for _ in 0..PAGES_MAX {
        let header = request::header(core.clock.now_ms(), Kind::ExchangeRecords, Direction::Hop, TRY_MS)?;
        let header = Header { body: Some(body), portal: Some(core.name.clone()), ..header };
        let query = ExchangeQuery { from_ms: 0, until_ms, after, limit: EXCHANGE_PAGE };
        let question = Question { header: &header, asker: &asker, person: Some(code), query: &query };
        let page: ExchangePage = exchange::records(broker, &name, question, &core.peers.load()).await?;
        for count in &page.statement.counts {
            due = Some(due.unwrap_or(0) + count.answered);
            told.closed += count.closed;
        }
        for entry in &page.statement.entries {
            let ExchangeEntry::Open(record) = entry else { continue };
            answered += u64::from(record.is_answered());
            take(told, record);
        }
        after = page.statement.next;
        if after.is_none() {
            // What it counted is what it showed.
            return if due.unwrap_or(0) == answered { Ok(()) } else { Err(Untold::Pages) };
        }
    }
    Err(Untold::Pages)
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

/// Requests that only one side tells of, beyond what the other has closed; none where both agree.
pub(super) fn differences(told: &Told, shown: &Shown<'_>) -> Vec<RequestId> {
    let settled = |request: &&RequestId| request.unix_ms().is_none_or(|at| at < shown.until_ms);
    let not_at_body: Vec<RequestId> =
        told.answered.difference(shown.asked).filter(settled).copied().collect();
    let not_at_brokers: Vec<RequestId> =
        shown.asked.difference(&told.shown).filter(settled).copied().collect();
    let mut differences = Vec::new();
    for (missing, closed) in [(not_at_body, shown.closed), (not_at_brokers, told.closed)] {
        if missing.len() as u64 > closed {
            differences.extend(missing);
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u8]) -> BTreeSet<RequestId> {
        numbers.iter().map(|number| RequestId([*number; 16])).collect()
    }

    fn differ(answered: &[u8], shown: &[u8], hidden: u64, at_body: &[u8], closed: u64) -> Vec<u8> {
        let told = Told { answered: ids(answered), shown: ids(shown), closed: hidden };
        let asked = ids(at_body);
        let differing = differences(&told, &Shown { asked: &asked, closed, until_ms: u64::MAX });
        differing.iter().map(|request| request.0[0]).collect()
    }

    #[test]
    fn what_one_side_leaves_out_is_told_by_request() {
        assert_eq!(differ(&[1, 2], &[1, 2, 3], 0, &[1, 2, 3], 0), Vec::<u8>::new());
        assert_eq!(differ(&[1, 2], &[1, 2], 0, &[1], 0), [2], "left out at the body");
        assert_eq!(differ(&[1], &[1], 0, &[1, 2], 0), [2], "left out at the brokers");
        assert_eq!(differ(&[1, 2], &[1, 2], 0, &[], 1), [1, 2], "more than is closed");
    }

    #[test]
    fn r50_what_is_hidden_at_either_side_is_no_difference() {
        assert_eq!(differ(&[1, 2], &[1, 2], 0, &[1], 2), Vec::<u8>::new());
        assert_eq!(differ(&[1], &[1], 1, &[1, 2], 0), Vec::<u8>::new());
        assert_eq!(differ(&[], &[], 2, &[], 4), Vec::<u8>::new());
    }

    #[test]
    fn requests_of_the_last_seconds_are_left_out() {
        let id: RequestId = "019aa3d2c8007abc8123456789abcdef".parse().unwrap();
        let told = Told { answered: [id].into(), shown: [id].into(), closed: 0 };
        let at = id.unix_ms().unwrap();
        let none = BTreeSet::new();
        let of = |until_ms| differences(&told, &Shown { asked: &none, closed: 0, until_ms }).len();
        assert_eq!((of(at), of(at + 1)), (0, 1));
    }
}
