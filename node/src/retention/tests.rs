//! R23: what a log has kept long enough goes, and nothing else does.

use chukei_domain::day::start_of;
use chukei_domain::event::Event;
use chukei_store::journal::Entry;

use super::*;
use crate::access::grant::duty_write;
use crate::checkpoints::store_tree;
use crate::erasure::{Wanted, begin};
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const ACTOR: &str = "chukei://node/node-a";
/// The day on which the sample's keyrings were made: 2024-10-04.
const TODAY: u32 = 20_000;
const START: u64 = 1_728_010_800_000;
/// The last day of the month that is seven years behind it: 2031-10-31.
const LAST: u32 = 22_583;
const EPOCHS: u32 = 7;

fn at(day: u32) -> u64 {
    start_of(day) + DAY_MS / 2
}

fn opened(sample: &Sample) -> Arc<HostedBody> {
    sample.bodies.opened(BODY.parse().unwrap()).unwrap()
}

/// A record of so many days after the first one.
async fn write(sample: &Sample, day: u32) {
    opened(sample).audit().erased(ACTOR, "notices", 20_000, at(TODAY + day)).await.unwrap();
}

async fn give_up_on(sample: &Sample, day: u32) -> u64 {
    of_body(&sample.journal, &opened(sample), ACTOR, EPOCHS, at(day)).await.unwrap().0
}

/// The turn of the day: what a node does of its own accord.
async fn turn(sample: &Sample, day: u32) -> u64 {
    crate::expiry::turn(&sample.scope(BODY), day, EPOCHS, at(day)).await.unwrap();
    give_up_on(sample, day).await
}

#[tokio::test]
async fn r23_records_end_with_the_key_of_their_month_and_the_log_says_so_and_goes_on() {
    let sample = Sample::new().await;
    for day in [0, 0, 1, 40] {
        write(&sample, day).await;
    }
    store_tree(&sample.body(BODY)).await;
    let body = sample.body(BODY);
    assert_eq!(body.keys().days(Purpose::Audit)[..2], [LAST, LAST + 30], "the records' month and the next");
    assert_eq!(turn(&sample, LAST).await, 0, "kept for seven years, and until the month is over");
    assert_eq!(body.audit().verify().unwrap().expired, 0);

    let before = body.audit().last_number();
    crate::expiry::turn(&sample.scope(BODY), LAST + 1, EPOCHS, at(LAST + 1)).await.unwrap();
    assert_eq!(body.keys().days(Purpose::Audit).first(), Some(&(LAST + 30)));
    let told = body.audit().walk(before + 1).next().unwrap().unwrap();
    assert_eq!(told.event, Event::Erased { purpose: "audit".into(), day: LAST });
    let verified = body.audit().verify().unwrap();
    assert_eq!((verified.expired, verified.bad), (3, None), "expired is not bad");
    assert_eq!(body.audit().walk(1).next().unwrap().unwrap().seq, 4);

    assert_eq!(give_up_on(&sample, LAST + 1).await, 3);
    assert_eq!(turn(&sample, LAST + 2).await, 0);
    drop(body);
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    assert_eq!(sample.journal.first_number(BODY), (4, Some(GivenUp::Retention)));
    let log: Vec<_> = body.audit().walk(1).map(Result::unwrap).collect();
    assert_eq!(log[0].seq, 4);
    let before_ms = start_of(LAST + 1 - 2_557);
    let given_up = Event::LogGivenUp { first: 4, before_ms };
    assert!(log.iter().any(|record| record.event == given_up), "2031-11-01 less seven years");
    assert_eq!(body.audit().verify().unwrap().bad, None);
}

#[tokio::test]
async fn r43_nothing_is_given_up_that_the_stored_tree_does_not_have() {
    let sample = Sample::new().await;
    write(&sample, 0).await;
    write(&sample, 0).await;
    assert_eq!(turn(&sample, LAST + 1).await, 0, "no tree is open");
    let sample = Sample::new().await;
    write(&sample, 0).await;
    store_tree(&sample.body(BODY)).await;
    write(&sample, 0).await;
    assert_eq!(turn(&sample, LAST + 1).await, 1, "the first alone is in the stored tree");
    let body = sample.body(BODY);
    assert!(body.audit().tree().is_storing_asked_for());
    store_tree(&body).await;
    assert_eq!((give_up_on(&sample, LAST + 1).await, body.audit().tree().is_storing_asked_for()), (1, false));
}

#[tokio::test]
async fn r23_a_young_record_that_is_made_to_name_a_key_that_is_gone_is_altered_and_not_expired() {
    let sample = Sample::new().await;
    write(&sample, 0).await;
    crate::expiry::turn(&sample.scope(BODY), TODAY + 50, EPOCHS, at(TODAY + 50)).await.unwrap();
    let body = sample.body(BODY);
    let log = body.audit().records();
    let mut entry = log.entries(1).next().unwrap().unwrap();
    assert!(!log.has_expired(&entry));
    entry.sealed[3..7].copy_from_slice(&(TODAY + 49).to_be_bytes());
    assert!(!log.has_expired(&entry));
    assert!(log.open(entry).is_err());
}

#[tokio::test]
async fn r23_the_log_of_an_erased_body_ends_wholly_when_its_time_is_over() {
    let sample = Sample::new().await;
    write(&sample, 0).await;
    begin(&duty_write(&sample.scope(BODY), "test"), [1; 16], Wanted::Body, "R8-1", START).await.unwrap();
    crate::erasure::tests::to_the_end(&sample).await;
    let body = opened(&sample);
    assert!(body.is_ended() && body.audit().verify().unwrap().bad.is_none());
    let log = body.audit().clone();
    let records = log.last_number();
    let last = *body.keyring().snapshot().days(Purpose::Audit).last().unwrap();
    let epoch = body.keyring().ids().epoch;
    assert!(give_up_on(&sample, LAST + 1).await > 0);
    assert!(body.keyring().ids().epoch > epoch, "no older copy of its keyring opens what was ended");
    give_up_on(&sample, last + 1).await;
    assert_eq!((log.walk(1).count(), log.last_number()), (0, records), "it says nothing of its end");
    assert!(body.keyring().snapshot().days(Purpose::Audit).is_empty());
}

#[tokio::test]
async fn r22_evidence_of_permits_is_kept_for_its_time() {
    let sample = Sample::new().await;
    for day in 0..4 {
        let (partition, at_ms) = (EVIDENCE_PARTITION.to_owned(), START + day * DAY_MS);
        let entry = Entry { partition, kind: 32, at_ms, replay: None, sealed: vec![1] };
        sample.journal.append(entry).await.unwrap();
    }
    let until = |day: u64| before_ms(START + day * DAY_MS, 7);
    assert_eq!(of_evidence(&sample.journal, until(7)).await.unwrap(), 0);
    assert_eq!(of_evidence(&sample.journal, until(9)).await.unwrap(), 2);
    assert_eq!(sample.journal.read(EVIDENCE_PARTITION, 1).count(), 2);
}
