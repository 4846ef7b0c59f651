//! A page counts for its own question alone, and as its broker signed it.

use chukei_crypto::sign::SigningKey;
use chukei_wire::header::Kind;
use chukei_wire::message::exchange::ExchangeRecord;

use super::*;

const BODY: &str = "982016";
const NOW: u64 = 1_795_219_200_000;

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

fn header() -> Header {
    let request = "019aa3d2c8007abc8123456789abcdef".parse().unwrap();
    Header::hop(Kind::ExchangeRecords, Some(BODY.parse().unwrap()), request, 1_000)
}

fn record(body: &str) -> ExchangeEntry {
    ExchangeEntry::Open(Box::new(ExchangeRecord {
        request_id: header().request_id,
        kind: "self-info".into(),
        body: body.parse().unwrap(),
        portal: "mynaportal".into(),
        to_body: true,
        affair: None,
        datasets: Vec::new(),
        legal_basis: "番号法附則6条3項".into(),
        asked_ms: NOW,
        ended: None,
        permit_epoch: None,
        permit_number: 0,
        number: 1,
        person: None,
        undisclosed: false,
    }))
}

fn query() -> ExchangeQuery {
    ExchangeQuery { from_ms: 0, until_ms: NOW, after: None, limit: 2 }
}

fn statement() -> ExchangeStatement {
    ExchangeStatement {
        broker: "broker-a".into(),
        told: "portal/mynaportal".into(),
        request_id: header().request_id,
        person: Some(person_hash(&PersonCode([1; 17]))),
        body: header().body,
        query: query(),
        at_ms: NOW,
        last_record: 9,
        entries: vec![ExchangeEntry::Closed, record(BODY)],
        next: None,
        counts: Vec::new(),
        roots: Vec::new(),
    }
}

fn signed(statement: ExchangeStatement, key: &SigningKey) -> ExchangePage {
    let signature = key.sign(&statement.signed_bytes().unwrap());
    ExchangePage { statement, signature }
}

fn is_taken(page: &ExchangePage, public: &[u8]) -> bool {
    let (header, query) = (header(), query());
    let question = Question {
        header: &header,
        asker: "portal/mynaportal",
        person: Some(PersonCode([1; 17])),
        query: &query,
    };
    check(page, "broker-a", &question, public).is_ok()
}

#[test]
fn a_page_counts_as_its_broker_signed_it_for_this_question() {
    let key = key();
    assert!(is_taken(&signed(statement(), &key), &key.public()));
    assert!(!is_taken(&signed(statement(), &self::key()), &key.public()), "another's signature");
    let mut altered = signed(statement(), &key);
    altered.statement.entries.pop();
    assert!(!is_taken(&altered, &key.public()), "an entry was taken out");
}

#[test]
fn r32_a_page_for_another_question_is_none_however_well_it_is_signed() {
    let key = key();
    let changes: [fn(&mut ExchangeStatement); 8] = [
        |s| s.broker = "broker-b".into(),
        |s| s.told = "portal/another".into(),
        |s| s.request_id.0[15] ^= 1,
        |s| s.person = Some(person_hash(&PersonCode([2; 17]))),
        |s| s.body = None,
        |s| s.query.limit = 3,
        |s| s.entries.push(ExchangeEntry::Closed),
        |s| s.entries = vec![record("982024")],
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut statement = statement();
        change(&mut statement);
        assert!(!is_taken(&signed(statement, &key), &key.public()), "{at}");
    }
    let mut long = statement();
    long.next = Some(vec![0; EXCHANGE_CURSOR_MAX + 1].into());
    assert!(!is_taken(&signed(long, &key), &key.public()));
}
