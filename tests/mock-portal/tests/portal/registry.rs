//! New persons: their numbers, the portal's own codes, the list.

use std::collections::HashSet;

use crate::body::Body;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_unique_in_order_bound_to_their_body_and_known_to_the_portal() {
    let stage = Stage::set().await;
    let persons = stage.persons("982016", 600).await;
    let addressees: Vec<&str> = persons.iter().map(|person| person.addressee.as_str()).collect();
    assert_eq!(addressees[..2], ["000009820160101", "000009820160102"]);
    assert!(addressees.is_sorted_by(|a, b| a < b));
    assert_eq!(persons.iter().map(|person| &person.id).collect::<HashSet<_>>().len(), 600);
    let (own, other) = (Body::of(&stage, 0), Body::of(&stage, 1));
    for person in &persons[..3] {
        own.enrol(&stage, person);
        let parts = chukei_crypto::acquisition::split(&person.number).unwrap();
        let party = format!("body/{}", other.code);
        assert_eq!(stage.broker.desk.person(&party, &parts.broker_part), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_makes_new_persons_also_at_the_same_time() {
    let stage = Stage::set().await;
    let (first, second) = tokio::join!(stage.persons("982016", 300), stage.persons("982016", 300));
    let numbers: HashSet<_> = first.iter().chain(&second).map(|person| person.addressee.clone()).collect();
    assert_eq!(numbers.len(), 600);
    assert_eq!(stage.client().await.persons("982016").await.unwrap().len(), 600);
    assert_eq!(stage.client().await.persons("982024").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_are_there_after_a_kill() {
    let mut stage = Stage::set().await;
    let persons = stage.persons("982016", 10).await;
    stage.kill();
    stage.start().await;
    let listed = stage.client().await.persons("982016").await.unwrap();
    let ids: Vec<String> = listed.into_iter().map(|entry| entry.person).collect();
    assert_eq!(ids, persons.iter().map(|person| person.id.clone()).collect::<Vec<_>>());
    let more = stage.persons("982016", 1).await;
    assert_eq!(more[0].addressee, "000009820160111");
}
