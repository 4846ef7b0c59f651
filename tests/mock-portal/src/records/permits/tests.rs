//! Statements that agree, and everything in which they may not.

use chukei_wire::message::exchange::{ExchangeEnd, ExchangeQuery};

use super::*;

const NOW: u64 = 1_795_219_200_000;
const FIRST: [u8; 16] = [1; 16];
const SECOND: [u8; 16] = [2; 16];

fn record(request: u8, epoch: Option<[u8; 16]>, number: u64) -> ExchangeRecord {
    ExchangeRecord {
        request_id: RequestId([request; 16]),
        kind: "self-info".into(),
        body: "982016".parse().unwrap(),
        portal: "mynaportal".into(),
        to_body: true,
        affair: None,
        datasets: Vec::new(),
        legal_basis: "番号法附則6条3項".into(),
        asked_ms: NOW,
        ended: Some(ExchangeEnd { at_ms: NOW + 1, result: ANSWERED.into() }),
        permit_epoch: epoch,
        permit_number: number,
        number: u64::from(request),
        person: None,
        undisclosed: false,
    }
}

fn root(epoch: [u8; 16], covered: u64, root: u8) -> EpochRoot {
    EpochRoot { epoch, covered, root: [root; 32] }
}

fn statement(broker: &str, records: Vec<ExchangeRecord>, roots: Vec<EpochRoot>) -> ExchangeStatement {
    ExchangeStatement {
        broker: broker.into(),
        told: "portal/mynaportal".into(),
        request_id: RequestId([9; 16]),
        person: None,
        body: None,
        query: ExchangeQuery { from_ms: 0, until_ms: NOW, after: None, limit: 256 },
        at_ms: NOW,
        last_record: 9,
        entries: records.into_iter().map(|record| ExchangeEntry::Open(Box::new(record))).collect(),
        next: None,
        counts: Vec::new(),
        roots,
    }
}

/// What comes of these pages, one after the other, behind what was known.
fn taken(known: Vec<KnownRoot>, pages: &[ExchangeStatement]) -> Result<Permits, Wrong> {
    let mut permits = Permits::known(known);
    pages.iter().try_for_each(|page| permits.take(page))?;
    Ok(permits)
}

fn is_refused(pages: &[ExchangeStatement]) -> bool {
    taken(Vec::new(), pages).is_err()
}

#[test]
fn r22_permits_under_signed_roots_agree_over_pages_brokers_and_visits() {
    let pages = [
        statement(
            "broker-a",
            vec![record(1, Some(FIRST), 4), record(2, Some(FIRST), 7)],
            vec![root(FIRST, 9, 1)],
        ),
        statement("broker-a", vec![record(3, Some(FIRST), 8)], vec![root(FIRST, 12, 2)]),
        statement("broker-b", vec![record(4, Some(SECOND), 4)], vec![root(SECOND, 4, 3)]),
    ];
    let permits = taken(Vec::new(), &pages).unwrap();
    assert_eq!(permits.unproven(u64::MAX), []);
    let known = permits.into_roots();
    assert_eq!(
        known.iter().map(|root| (root.epoch, root.covered)).collect::<Vec<_>>(),
        [(FIRST, 12), (SECOND, 4)]
    );
    // The next visit; an index that is made anew tells of an older root for a while.
    let older = statement("broker-a", vec![record(1, Some(FIRST), 4)], vec![root(FIRST, 3, 8)]);
    assert_eq!(taken(known.clone(), &[older]).unwrap().unproven(u64::MAX), [], "known to be covered");
    taken(known, &pages[1..]).unwrap();
}

#[test]
fn r22_a_permit_that_no_root_covers_is_told_by_its_request() {
    let page = statement(
        "broker-a",
        vec![record(1, Some(FIRST), 9), record(2, Some(FIRST), 10), record(3, Some(SECOND), 1)],
        vec![root(FIRST, 9, 1)],
    );
    let permits = taken(Vec::new(), &[page]).unwrap();
    assert_eq!(permits.unproven(NOW + 1), [RequestId([2; 16]), RequestId([3; 16])]);
    assert_eq!(permits.unproven(NOW), [], "there was no time to sign yet");
}

#[test]
fn r35_statements_that_contradict_each_other_are_refused() {
    let of = |broker: &str, request, number, covered, hash| {
        statement(broker, vec![record(request, Some(FIRST), number)], vec![root(FIRST, covered, hash)])
    };
    let first = of("broker-a", 1, 4, 9, 1);
    for (what, second) in [
        ("one number, two roots", of("broker-a", 2, 5, 9, 2)),
        ("one root, two numbers", of("broker-a", 2, 5, 12, 1)),
        ("one permit, two requests", of("broker-a", 2, 4, 9, 1)),
        ("an epoch of two brokers", of("broker-b", 2, 5, 12, 2)),
    ] {
        assert!(is_refused(&[first.clone(), second.clone()]), "{what}");
        let known = taken(Vec::new(), std::slice::from_ref(&first)).unwrap().into_roots();
        let visit = taken(known, &[second]);
        assert_eq!(visit.is_err(), what != "one permit, two requests", "{what}, at the next visit");
    }
}

#[test]
fn r35_a_page_whose_permits_do_not_fit_its_roots_is_refused() {
    let one = |record: ExchangeRecord, roots| is_refused(&[statement("broker-a", vec![record], roots)]);
    assert!(one(record(1, None, 0), Vec::new()), "answered without a permit");
    assert!(one(record(1, None, 3), Vec::new()), "a number of no epoch");
    assert!(one(record(1, Some(FIRST), 0), Vec::new()), "an epoch without a number");
    assert!(one(record(1, Some(FIRST), 1), vec![root(SECOND, 1, 1)]), "a root of no permit of the page");
    assert!(one(record(1, Some(FIRST), 1), vec![root(FIRST, 0, 1)]), "a root over nothing");
    assert!(
        one(record(1, Some(FIRST), 1), vec![root(FIRST, 1, 1), root(FIRST, 2, 2)]),
        "two roots of one epoch"
    );
    let refused = ExchangeRecord {
        ended: Some(ExchangeEnd { at_ms: NOW, result: "NOT_FOUND".into() }),
        ..record(1, None, 0)
    };
    assert!(!one(refused, Vec::new()), "what was refused had none");
}
