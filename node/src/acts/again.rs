//! R23: a request that comes again under its idempotency key is the same act, also when that is carried out and what it
//! was about is gone; and nothing else is.

use chukei_domain::act::State;
use chukei_domain::register::RegisterFile;
use chukei_relay_client::clock::Clock;
use chukei_wire::codec::encode;
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::{ActId, IdempotencyKey, RequestId};
use chukei_wire::limits::DEADLINE_MAX_MS;
use chukei_wire::message::act::{ActRequest, ActWanted};
use chukei_wire::result::ResultName;
use tempfile::TempDir;

use super::carry::Worker;
use super::rows::{self, Row};
use super::stops::{BODY, FIRST, POLICY, REGISTER, SECOND, node, opened};
use super::{ActError, approve, request};
use crate::access::grant::{Grant, Write, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::erasure::Carrier;
use crate::hosted::samples::Sample;
use crate::register::Change;
use crate::telemetry::open_acts::OpenActs;

const PERSON: &str = "000009820160101";
const CATALOGUE: &str = include_str!("../../domain/catalogue/20240101.toml");

/// A node with the two who decide on record, and one person.
async fn stage() -> (Node, TempDir) {
    let sample = Sample::new().await;
    let policies = opened(&sample).await;
    let put = RegisterFile::parse(REGISTER).unwrap().check().unwrap();
    let (scope, now_ms) = (sample.scope(BODY), Clock::system().now_ms());
    let change = Change { put, ..Change::default() };
    sample.body(BODY).change_register(&duty_write(&scope, "test"), change, now_ms).await.unwrap();
    sample.enroll(BODY, 1).await;
    drop(scope);
    let journal = sample.journal.clone();
    let (bodies, dir) = sample.given_away();
    (node(bodies, &journal, &dir, policies), dir)
}

fn header(key: Option<u8>) -> Header {
    let header = Header::hop(Kind::ActRequest, BODY.parse().ok(), RequestId([1; 16]), DEADLINE_MAX_MS);
    Header { idempotency_key: key.map(|key| IdempotencyKey([key; 32])), ..header }
}

fn by(node: &Node, identity: &str) -> Grant<Write> {
    let scope = BodyScope::of_staff(&node.bodies, &identity.parse().unwrap(), &header(None)).unwrap();
    duty_write(&scope, "test")
}

async fn asked(node: &Node, identity: &str, key: Option<u8>, wanted: &ActWanted) -> Result<Row, ResultName> {
    let asked = ActRequest { wanted: wanted.clone(), reference: "R8-1".to_owned() };
    match request(node, &by(node, identity), &header(key), asked).await {
        Ok(row) => Ok(row),
        Err(ActError::Refused(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

/// Lets the second person decide it, and the node do it.
async fn carried_out(node: &Node, act: [u8; 16]) {
    approve(node, &by(node, SECOND), ActId(act)).await.unwrap();
    let now_ms = node.clock.now_ms();
    node.witness.hear("broker-a", now_ms, now_ms);
    let body = node.bodies.opened(BODY.parse().unwrap()).unwrap();
    let scope = BodyScope::of_duty(body, "node-a");
    let worker = Worker { node, scope: scope.clone() };
    worker.look(&mut OpenActs::new(&node.metrics)).await.unwrap();
    Carrier { scope: &scope, course: node, clock: &node.clock, keep: 7 }.carry_on().await.unwrap();
    let row = rows::load(scope.body(), act).await.unwrap().unwrap().row;
    assert_eq!((row.act.state, row.act.failure), (State::Executed, None));
}

#[tokio::test]
async fn r23_the_same_call_again_is_the_same_act_when_what_it_was_about_is_gone() {
    let (node, _dir) = stage().await;
    let name = "never".to_owned();
    let load = ActWanted::PolicyLoad { name: name.clone(), text: POLICY.to_owned() };
    let remove = ActWanted::PolicyRemove { name };
    let catalogue = ActWanted::CatalogueLoad { text: CATALOGUE.replace("20240101", "20250101") };
    let erase = ActWanted::ErasePerson { integrated_addressee_number: PERSON.to_owned() };
    let there = asked(&node, FIRST, None, &load).await.unwrap().act.id;
    carried_out(&node, there).await;
    for (key, wanted, gone) in [
        (1, remove, ResultName::NotFound),
        (2, catalogue, ResultName::BadPeriod),
        (3, erase, ResultName::NotFound),
    ] {
        let first = asked(&node, FIRST, Some(key), &wanted).await.unwrap();
        assert_eq!(asked(&node, FIRST, Some(key), &wanted).await.as_ref(), Ok(&first), "while it is open");
        carried_out(&node, first.act.id).await;
        assert_eq!(asked(&node, FIRST, Some(100), &wanted).await, Err(gone), "another one");
        let again = asked(&node, FIRST, Some(key), &wanted).await.map(|row| (row.act.id, row.act.state));
        assert_eq!(again, Ok((first.act.id, State::Executed)), "{:?}", first.act.subject.kind());
        let other = asked(&node, FIRST, Some(key), &ActWanted::EraseBody).await;
        assert_eq!(other, Err(ResultName::DuplicateRecordId), "something else under its key");
    }
}

#[tokio::test]
async fn r23_an_idempotency_key_is_of_whoever_asks_and_of_the_whole_request() {
    let (node, _dir) = stage().await;
    let first = asked(&node, FIRST, Some(1), &ActWanted::KeyringCopy).await.unwrap();
    let other = asked(&node, SECOND, Some(1), &ActWanted::KeyringCopy).await.unwrap();
    let [one, two] = [None, None].map(|key| asked(&node, FIRST, key, &ActWanted::KeyringCopy));
    let ids = [first.act.id, other.act.id, one.await.unwrap().act.id, two.await.unwrap().act.id];
    assert_eq!(std::collections::BTreeSet::from(ids).len(), ids.len(), "none is another's");
    let asked = ActRequest { wanted: ActWanted::KeyringCopy, reference: "R8-2".to_owned() };
    let refused = request(&node, &by(&node, FIRST), &header(Some(1)), asked).await;
    assert!(matches!(refused, Err(ActError::Refused(ResultName::DuplicateRecordId))), "another reference");
}

#[tokio::test]
async fn r10_what_a_request_is_known_by_tells_nothing_without_its_key() {
    let (node, _dir) = stage().await;
    let erase = ActWanted::ErasePerson { integrated_addressee_number: PERSON.to_owned() };
    let [one, two] = [1, 2].map(|key| asked(&node, FIRST, Some(key), &erase));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(one.act.subject, two.act.subject);
    assert!(one.request.is_some() && one.request != two.request, "the same person under two keys");
    let kept = encode(&one).unwrap();
    assert!(!kept.windows(PERSON.len()).any(|part| part == PERSON.as_bytes()));
}
