//! Sides put together: whatever is missing shows, and pages are the whole in pieces.

use std::collections::BTreeSet;

use chukei_wire::message::exchange::ExchangeEnd;
use proptest::prelude::*;

use super::*;
use crate::audit;
use crate::samples::passage;

const NOW: u64 = 1_795_219_200_000;

fn own(request: u8, at_ms: u64) -> Own {
    Own {
        request: audit::samples::request([request; 16]),
        affair: None,
        person: Some([9; 16]),
        result: "DONE".to_owned(),
        at_ms,
        outcome: None,
    }
}

fn at_broker(request: u8, asked_ms: u64) -> ExchangeRecord {
    let ended = Some(ExchangeEnd { at_ms: asked_ms + 5, result: "ANSWERED".to_owned() });
    let (number, undisclosed) = (u64::from(request), request == 3);
    ExchangeRecord { ended, number, undisclosed, ..passage([request; 16], asked_ms) }
}

fn side<T>(records: Vec<T>, whole_until_ms: u64) -> Side<T> {
    Side { records, whole_until_ms }
}

fn ids(rows: Vec<Row>) -> Vec<ListedExchange> {
    rows.into_iter().map(|row| row.listed(None)).collect()
}

#[test]
fn a_request_is_one_row_that_says_who_has_it() {
    let brokers = vec![
        ("broker-b".to_owned(), side(vec![at_broker(1, NOW + 1), at_broker(3, NOW + 3)], u64::MAX)),
        ("broker-a".to_owned(), side(vec![at_broker(1, NOW)], u64::MAX)),
    ];
    let merged = merge(side(vec![own(1, NOW + 2), own(2, NOW + 2)], u64::MAX), brokers);
    let listed = ids(merged.page(0, u64::MAX, None, 10).rows);
    let at: Vec<Vec<&str>> = listed.iter().map(|row| row.at.iter().map(String::as_str).collect()).collect();
    assert_eq!(at, [vec!["body", "broker-a", "broker-b"], vec!["body"], vec!["broker-b"]]);
    assert_eq!((listed[0].asked_ms, listed[0].ending.as_deref()), (NOW, Some("ANSWERED")));
    assert_eq!((listed[1].result, listed[1].ending.as_deref()), (Some(ResultName::Done), None));
    assert_eq!((listed[2].result, listed[2].undisclosed), (None, true));
}

#[test]
fn a_page_ends_before_a_side_that_has_more_and_goes_on_there() {
    let cut = NOW + 2 * APART_MS;
    let own = side(vec![own(1, NOW), own(2, cut - 1)], cut);
    let brokers =
        vec![("broker-a".to_owned(), side(vec![at_broker(1, NOW), at_broker(4, cut + 1)], u64::MAX))];
    let page = merge(own, brokers).page(NOW, u64::MAX, None, 10);
    let next = page.next.unwrap();
    assert_eq!(ids(page.rows).len(), 1, "what is near the end may be half of it");
    assert_eq!(next.at_ms, cut - APART_MS);
    assert_eq!(Cursor::read(&next.write()), Ok(next));
    assert_eq!(Cursor::read(&[0; 23]), Err(BadCursor));
}

proptest! {
    #[test]
    fn pages_are_the_whole_in_order_without_repetition(
        own_at in proptest::collection::btree_map(0u8..40, 0u64..50, 0..30),
        broker_at in proptest::collection::btree_map(0u8..40, 0u64..50, 0..30),
        limit in 1usize..7,
    ) {
        let sides = || {
            let body = own_at.iter().map(|(id, at)| own(*id, NOW + at)).collect();
            let broker = broker_at.iter().map(|(id, at)| at_broker(*id, NOW + at)).collect();
            merge(side(body, u64::MAX), vec![("broker-a".to_owned(), side(broker, u64::MAX))])
        };
        let (mut shown, mut after) = (Vec::new(), None);
        loop {
            let page = sides().page(NOW, NOW + 100, after, limit);
            prop_assert!(page.rows.len() <= limit);
            shown.extend(ids(page.rows).into_iter().map(|row| (row.asked_ms, row.request_id)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        prop_assert!(shown.is_sorted());
        let all: BTreeSet<u8> = own_at.keys().chain(broker_at.keys()).copied().collect();
        prop_assert_eq!(shown.len(), all.len());
    }
}
