//! The order of a log while many write to it at a time, and over a change of its owner.

use super::*;

/// Writers at a time, and records of each.
const WRITERS: u8 = 16;
const EACH: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r43_a_tree_that_grows_while_many_write_is_the_log_in_its_order() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let mut writers = tokio::task::JoinSet::new();
    for person in 1..=WRITERS {
        let body = body.clone();
        writers.spawn(async move {
            for count in 0..EACH {
                let (target, request) = (Some(Target::Person([person; 16])), RequestId([person; 16]));
                body.audit().outcome(ACTOR, request, target, Outcome::Delivered, NOW + count);
                body.audit().erased(ACTOR, "notices", 20_000, NOW).await.unwrap();
            }
        });
    }
    let mut log = Log::default();
    let mut sizes = vec![0];
    while !writers.is_empty() {
        log.turn(&body).await.unwrap();
        sizes.push(head(&sample).size);
        while let Some(written) = writers.try_join_next() {
            written.unwrap();
        }
    }
    log.turn(&body).await.unwrap();
    assert!(sizes.is_sorted(), "a tree never becomes smaller");
    assert_eq!(head(&sample).size, 2 * EACH * u64::from(WRITERS), "no event is lost, none has two places");
    assert_eq!(head(&sample), by_definition(&sample));
    assert_eq!(head(&sample), anew(&sample));
}

#[tokio::test]
async fn r43_a_log_goes_on_under_its_next_owner_and_the_one_before_adds_nothing() {
    let sample = Sample::new().await;
    write(&sample, 300).await;
    turn(&sample).await;
    store_if_grown(&sample).await;
    let before = head(&sample);
    let late = sample.body(BODY).audit().tree().unstored();
    let epoch = sample.body(BODY).epoch();
    assert!(late.is_none(), "everything is stored");

    let sample = sample.reopened().await;
    assert!(sample.body(BODY).epoch() > epoch, "the next owner has a lease of its own");
    write(&sample, 40).await;
    turn(&sample).await;
    let mut now = Snapshot::of(&sample.body(BODY));
    let proof = now.consistency(&sample.body(BODY), before.size).await.unwrap();
    verify_consistency(&proof, &before, &now.head()).unwrap();
    assert_eq!(head(&sample), by_definition(&sample));
}
