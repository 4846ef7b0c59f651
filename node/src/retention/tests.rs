//! R23: what a log has kept long enough goes, and nothing else does.

use chukei_domain::event::Event;
use chukei_store::journal::Entry;

use super::*;
use crate::access::grant::duty_write;
use crate::access::scope::BodyScope;
use crate::erasure::{Wanted, begin};
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const ACTOR: &str = "chukei://node/node-a";
const START: u64 = 1_600_000_000_000;

async fn write(sample: &Sample, day: u64) {
    let body = sample.bodies.opened(BODY.parse().unwrap()).unwrap();
    body.audit().erased(ACTOR, "notices", 20_000, START + day * DAY_MS).await.unwrap();
}

async fn turn(sample: &Sample, day: u64) -> u64 {
    let body = sample.bodies.opened(BODY.parse().unwrap()).unwrap();
    let now_ms = START + day * DAY_MS;
    of_body(&sample.journal, &body, ACTOR, before_ms(now_ms, 30), now_ms).await.unwrap()
}

#[tokio::test]
async fn r23_a_log_gives_up_what_is_too_old_says_so_and_goes_on() {
    let sample = Sample::new().await;
    for day in [0, 0, 1, 20] {
        write(&sample, day).await;
    }
    assert_eq!(turn(&sample, 30).await, 0, "kept for thirty days, the last one included");
    assert_eq!(turn(&sample, 31).await, 2);
    assert_eq!(turn(&sample, 31).await, 0);
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    assert_eq!(sample.journal.first_number(BODY), (3, Some(GivenUp::Retention)));
    let log: Vec<_> = body.audit().walk(1).map(Result::unwrap).collect();
    assert_eq!(log.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(log[2].event, Event::LogGivenUp { first: 3, before_ms: START + DAY_MS });
    assert_eq!(body.audit().verify().first_bad, None);
    assert_eq!(turn(&sample, 10_000).await, 3, "all there is, but for the record of it");
    assert_eq!(body.audit().walk(1).count(), 1);
}

#[tokio::test]
async fn r23_the_log_of_an_erased_body_ends_wholly_when_its_time_is_over() {
    let sample = Sample::new().await;
    write(&sample, 0).await;
    begin(&duty_write(&sample.scope(BODY), "test"), [1; 16], Wanted::Body, "R8-1", START).await.unwrap();
    crate::erasure::tests::to_the_end(&sample).await;
    let scope = BodyScope::of_duty(sample.bodies.opened(BODY.parse().unwrap()).unwrap(), "node-a");
    assert!(scope.body().is_ended());
    assert_eq!(turn(&sample, 31).await, 1, "the records of its erasure are not old enough");
    assert!(turn(&sample, 100_000).await > 1);
    assert_eq!(scope.body().audit().walk(1).count(), 0);
}

#[tokio::test]
async fn r22_evidence_of_permits_is_kept_for_its_time() {
    let sample = Sample::new().await;
    for day in 0..4 {
        let (partition, at_ms) = (EVIDENCE_PARTITION.to_owned(), START + day * DAY_MS);
        let entry = Entry { partition, kind: 32, at_ms, replay: None, sealed: vec![1] };
        sample.journal.append(entry).await.unwrap();
    }
    let at = |day: u64| before_ms(START + day * DAY_MS, 7);
    assert_eq!(of_evidence(&sample.journal, at(7)).await.unwrap(), 0);
    assert_eq!(of_evidence(&sample.journal, at(9)).await.unwrap(), 2);
    assert_eq!(sample.journal.read(EVIDENCE_PARTITION, 1).count(), 2);
}
