//! A body with many passages: every page goes on behind the one before, and a broker that is asked too often is asked again.

use std::cell::Cell;

use chukei_domain::event::{Event, Record};
use chukei_relay_client::exchange::ExchangeError;
use chukei_wire::frame::Outcome;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::{ExchangeEntry, ExchangeQuery, ExchangeRecord, ExchangeStatement};
use tokio::time::Instant;

use super::reading::{APART_MS, READ_MAX};
use super::*;
use crate::audit;
use crate::samples::passage;

const NOW: u64 = 1_795_219_200_000;
/// Between two requests: forty in a second.
const EVERY_MS: u64 = 25;
/// Requests: for ten times as long as the two sides' times may differ at most.
const REQUESTS: u64 = 10 * APART_MS / EVERY_MS;
/// Questions that the broker answers in a second, and passages in a page of its.
const OF_A_SECOND: u32 = 32;

fn id(number: u64) -> [u8; 16] {
    (u128::from(number) << 64).to_be_bytes()
}

/// The body has decided on this request a moment after the broker was asked.
fn own(number: u64) -> Record {
    Record {
        seq: number + 1,
        at_ms: NOW + number * EVERY_MS + 7,
        actor: "chukei://portal/mynaportal".to_owned(),
        action: "self_info".to_owned(),
        target: None,
        affair: None,
        result: "DONE".to_owned(),
        call: None,
        event: Event::Authorised(audit::samples::request(id(number))),
    }
}

fn at_broker(number: u64) -> ExchangeRecord {
    let asked = passage(id(number), NOW + number * EVERY_MS);
    ExchangeRecord { permit_number: number + 1, number: number + 1, ..asked }
}

/// A broker with all of them, which counts its questions.
struct Asked {
    begun: Cell<Instant>,
    questions: Cell<u32>,
    turned_away: Cell<u32>,
}

impl Asked {
    async fn answer(&self, query: ExchangeQuery) -> Result<ExchangeStatement, ExchangeError> {
        let (now, second) = (Instant::now(), std::time::Duration::from_secs(1));
        if now - self.begun.get() >= second {
            self.begun.set(now);
            self.questions.set(0);
        }
        if self.questions.get() == OF_A_SECOND {
            self.turned_away.set(self.turned_away.get() + 1);
            return Err(ExchangeError::NotAnswered(Outcome::RetryAfter(ResultName::Overloaded, 900)));
        }
        self.questions.set(self.questions.get() + 1);
        let begin = match &query.after {
            Some(after) => u64::from_be_bytes(after.as_slice().try_into().unwrap()) + 1,
            None => (query.from_ms.max(NOW) - NOW).div_ceil(EVERY_MS),
        };
        let all = (begin..REQUESTS).map(at_broker).take_while(|one| one.asked_ms < query.until_ms);
        let page: Vec<_> = all.take(usize::from(query.limit)).collect();
        let full = page.len() == usize::from(query.limit);
        let next = page.last().filter(|_| full).map(|last| (last.number - 1).to_be_bytes().to_vec().into());
        Ok(ExchangeStatement {
            broker: "broker-a".to_owned(),
            told: "body/982016".to_owned(),
            request_id: RequestId([1; 16]),
            person: None,
            body: None,
            query,
            at_ms: NOW,
            last_record: REQUESTS,
            entries: page.into_iter().map(|one| ExchangeEntry::Open(Box::new(one))).collect(),
            next,
            counts: Vec::new(),
            roots: Vec::new(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn r40_a_busy_bodys_pages_are_all_of_its_requests_in_order_with_both_sides() {
    let broker =
        Asked { begun: Cell::new(Instant::now()), questions: Cell::default(), turned_away: Cell::default() };
    let until_ms = NOW + REQUESTS * EVERY_MS;
    let (mut shown, mut after) = (0, None::<Cursor>);
    loop {
        let from_ms = after.map_or(NOW, |cursor| cursor.at_ms);
        let period = Period { from_ms, until_ms };
        let first = period.read_from_ms().saturating_sub(NOW) / EVERY_MS;
        let own = own::collect((first..REQUESTS).map(|number| Ok(own(number))), None, period).unwrap();
        let told = at_brokers::pages(|query| broker.answer(query), period).await.unwrap();
        assert!(told.records.len() < READ_MAX + 256 + 2 * (APART_MS / EVERY_MS) as usize);
        let sides = vec![("broker-a".to_owned(), told)];
        let page = merge::merge(own, sides).page(from_ms, until_ms, after, 1_000);
        for row in page.rows {
            let row = row.listed(None);
            assert_eq!(row.request_id, RequestId(id(shown)).to_string());
            assert_eq!(row.at, ["body", "broker-a"], "{shown}");
            shown += 1;
        }
        let Some(next) = page.next else { break };
        assert!(after.is_none_or(|after| next > after), "the page goes back");
        after = Some(next);
    }
    assert_eq!(shown, REQUESTS);
    assert!(broker.turned_away.get() > 0, "it was never asked too often");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_has_no_room_for_long_is_not_heard() {
    let period = Period { from_ms: NOW, until_ms: NOW + 1 };
    let never = |_| async { Err(ExchangeError::NotAnswered(Outcome::RetryAfter(ResultName::Overloaded, 0))) };
    assert!(at_brokers::pages(never, period).await.is_err());
}

#[test]
fn a_page_goes_on_also_where_a_side_ends_at_its_begin() {
    let side = || reading::Side { records: Vec::new(), whole_until_ms: NOW };
    let page = merge::merge(side(), Vec::new()).page(NOW, NOW + APART_MS, None, 10);
    assert_eq!(page.next.map(|next| next.at_ms), Some(NOW + 1));
}
