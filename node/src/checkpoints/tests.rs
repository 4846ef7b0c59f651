//! Trees over real logs: grown, stored, stopped and gone on with, and what is proven out of them.

mod order;
pub(super) mod turns;

use std::collections::HashMap;
use std::sync::Arc;

use chukei_crypto::seal::{KeySource, key_ids};
use chukei_crypto::tlog::{Commitment, Frontier, Leaf, Part, Proof, Salt, TreeHead, verify_consistency};
use chukei_domain::event::{Outcome, Place, Target};
use chukei_store::journal::GivenUp;
use chukei_wire::id::RequestId;

use super::logs::Log;
use super::proofs::Snapshot;
use super::rows;
use crate::audit::{FIRST_EPOCH, Grown, LogTree, TreeError, Unstored};
use crate::hosted::HostedBody;
use crate::hosted::samples::{KEEP, Sample};

const BODY: &str = "982016";
const ACTOR: &str = "chukei://node/node-a";
const NOW: u64 = 1_795_219_200_000;

/// Writes `count` records.
async fn write(sample: &Sample, count: u32) {
    let body = sample.body(BODY);
    for _ in 1..count {
        // Queued, and durable before the one behind it.
        body.audit().outcome(ACTOR, RequestId([7; 16]), None, Outcome::Delivered, NOW);
    }
    body.audit().erased(ACTOR, "notices", count, NOW).await.unwrap();
}

async fn turn(sample: &Sample) -> Log {
    let mut log = Log::default();
    log.turn(&sample.body(BODY)).await.unwrap();
    log
}

async fn store_if_grown(sample: &Sample) {
    let body = sample.body(BODY);
    if let Some(unstored) = body.audit().tree().unstored() {
        rows::store(&body, &unstored).await.unwrap();
        body.audit().tree().stored(&unstored);
    }
}

/// Lets the body's tree grow and stores it.
pub(crate) async fn store_tree(body: &Arc<HostedBody>) {
    Log::default().turn(body).await.unwrap();
    if let Some(unstored) = body.audit().tree().unstored() {
        rows::store(body, &unstored).await.unwrap();
        body.audit().tree().stored(&unstored);
    }
}

/// The tree made anew out of the log alone.
fn anew(sample: &Sample) -> TreeHead {
    let tree = LogTree::default();
    while let Grown::Asks(persons) = sample.body(BODY).audit().grow_anew(&tree).unwrap() {
        tree.know(persons.into_iter().map(|person| (person, None)));
    }
    tree.head().0
}

/// The tree as what it is defined to be, from the records that open.
fn by_definition(sample: &Sample) -> TreeHead {
    let body = sample.body(BODY);
    let (keys, mut frontier) = (body.keys(), Frontier::new());
    let sealed: Vec<_> = body.audit().entries(1).map(|entry| entry.unwrap().sealed).collect();
    let mut places = HashMap::<[u8; 16], Place>::new();
    for record in body.audit().walk(1).map(Result::unwrap) {
        let index = frontier.size();
        assert_eq!(record.seq, index + 1);
        let commit = |part: Part, bytes: &[u8]| {
            let (ids, number) = key_ids(&sealed[index as usize]).unwrap();
            let salts = keys.day_key_by_id(ids.purpose, ids.day, number).unwrap().salts().unwrap();
            let salt = salts.tag(&[b"chukei log leaf salt v1", &[part as u8], &record.seq.to_be_bytes()]);
            Commitment::new(part, &Salt::from_bytes(salt), bytes)
        };
        let place = record.shown_to().map(|person| *places.entry(person).or_insert(Place::FIRST));
        let parts = record.parts(body.local_code(), place).unwrap();
        let leaf = Leaf {
            person: commit(Part::Person, &parts.person),
            internal: commit(Part::Internal, &parts.internal),
        };
        if let (Some(person), Some(place)) = (record.shown_to(), place) {
            places.insert(person, place.next(index, leaf.hash()).unwrap());
        }
        frontier.append(leaf.hash()).unwrap();
    }
    frontier.head()
}

fn head(sample: &Sample) -> TreeHead {
    sample.body(BODY).audit().tree().head().0
}

#[tokio::test]
async fn r43_a_tree_goes_on_after_a_stop_from_wherever_it_was_stored() {
    let mut sample = Sample::new().await;
    write(&sample, 700).await;
    turn(&sample).await;
    assert_eq!(head(&sample), anew(&sample), "what was kept from its writing is what the log has");
    assert_eq!(head(&sample), by_definition(&sample));
    assert_eq!(head(&sample).size, sample.body(BODY).audit().last_number());
    for more in [0, 1, 300, 5_000] {
        store_if_grown(&sample).await;
        if more > 0 {
            write(&sample, more).await;
        }
        let before = sample.body(BODY).audit().last_number();
        sample = sample.reopened().await;
        turn(&sample).await;
        assert_eq!((head(&sample).size, head(&sample)), (before, anew(&sample)), "{more} more");
    }
}

#[tokio::test]
async fn every_earlier_tree_is_proven_to_be_the_beginning_out_of_tiles_that_are_held_and_stored() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let (mut log, mut heads) = (Log::default(), Vec::new());
    for count in [1, 254, 1, 1, 400, 3, 700] {
        write(&sample, count).await;
        log.turn(&body).await.unwrap();
        heads.push(head(&sample));
        if count % 2 == 0 {
            store_if_grown(&sample).await;
        }
    }
    assert!(sample.body(BODY).audit().tree().unstored_leaves() == 0);
    write(&sample, 700).await;
    log.turn(&body).await.unwrap();
    assert_eq!(sample.body(BODY).audit().tree().unstored_leaves(), 700, "held, and not stored yet");
    let mut now = Snapshot::of(&body);
    for old in &heads {
        let proof = now.consistency(&body, old.size).await.unwrap();
        verify_consistency(&proof, old, &now.head()).unwrap();
    }
}

#[tokio::test]
async fn a_stored_tree_that_is_damaged_or_longer_than_the_log_is_made_anew() {
    let mut sample = Sample::new().await;
    for person in [1, 2, 1] {
        ended(&sample, person).await;
    }
    write(&sample, 594).await;
    turn(&sample).await;
    store_if_grown(&sample).await;
    let whole = head(&sample);
    assert_eq!(whole.size, 600);
    let damaged = (whole, vec![((0, 2), vec![7; 32 * 88])]);
    let longer = (TreeHead { size: 601, ..whole }, Vec::new());
    for (head_there, tiles) in [damaged, longer] {
        let unstored = Unstored { head: head_there, epoch: FIRST_EPOCH, tiles, chains: Vec::new() };
        rows::store(&sample.body(BODY), &unstored).await.unwrap();
        sample = sample.reopened().await;
        turn(&sample).await;
        assert_eq!((head(&sample), whole), (anew(&sample), by_definition(&sample)));
    }
}

#[tokio::test]
async fn r43_a_tree_that_is_lost_is_not_made_anew_with_other_leaves_once_records_are_gone() {
    let sample = Sample::new().await;
    write(&sample, 600).await;
    store_tree(&sample.body(BODY)).await;
    let whole = head(&sample);
    let body = sample.body(BODY);
    body.keyring().destroy_days_before(KEEP.last_day(NOW) + 1).unwrap();
    drop(body);
    let sample = sample.reopened().await;
    turn(&sample).await;
    assert_eq!(head(&sample), whole, "leaves of what has expired stay");
    for given_up in [false, true] {
        if given_up {
            sample.journal.forget_before(BODY, 301, GivenUp::Retention).unwrap();
        }
        let damaged =
            Unstored { head: whole, epoch: 1, tiles: vec![((0, 2), vec![7; 2_816])], chains: vec![] };
        rows::store(&sample.body(BODY), &damaged).await.unwrap();
        let tree = LogTree::default();
        let gone = sample.body(BODY).audit().grow_anew(&tree).unwrap_err();
        assert!(matches!(gone, TreeError::Gone(1)), "{gone}");
    }
    let sample = sample.reopened().await;
    let (mut log, body) = (Log::default(), sample.body(BODY));
    let lost = log.turn(&body).await.unwrap_err();
    assert!(lost.is_lost(), "{lost}");
    assert!(log.head_for(&body, "broker-a").await.unwrap().is_none(), "nothing is stated of it");
}

#[tokio::test]
async fn r43_a_restored_log_goes_on_in_an_epoch_of_its_own() {
    let sample = Sample::new().await;
    write(&sample, 3).await;
    let restored = chukei_store::image::Restored { backup: [1; 32], last_number: 3 };
    sample.body(BODY).audit().restored(ACTOR, restored, NOW + 5).await.unwrap();
    write(&sample, 2).await;
    turn(&sample).await;
    assert_eq!(sample.body(BODY).audit().tree().head().1, NOW + 5);
    store_if_grown(&sample).await;
    let sample = sample.reopened().await;
    turn(&sample).await;
    assert_eq!(sample.body(BODY).audit().tree().head().1, NOW + 5);
}

#[tokio::test]
async fn r23_records_about_a_person_are_numbered_without_a_gap_and_name_the_one_before() {
    let mut sample = Sample::new().await;
    let mut expected = std::collections::HashMap::<u8, u64>::new();
    for (turns, person) in [1, 2, 1, 3, 1, 2, 1, 4].into_iter().enumerate() {
        ended(&sample, person).await;
        *expected.entry(person).or_default() += 1;
        if turns % 2 == 0 {
            turn(&sample).await;
        }
        if turns % 3 == 0 {
            turn(&sample).await;
            store_if_grown(&sample).await;
            sample = sample.reopened().await;
        }
    }
    turn(&sample).await;
    assert_eq!(head(&sample), by_definition(&sample));
    store_if_grown(&sample).await;
    let body = sample.body(BODY);
    for (person, number) in expected {
        let ends = rows::chains(&body, &[[person; 16]]).await.unwrap();
        assert_eq!(ends[0].1.as_ref().map(|chain| chain.end.number), Some(number), "person {person}");
    }
    assert_eq!(rows::chains(&body, &[[9; 16]]).await.unwrap(), [([9; 16], None)]);
}

/// Writes the end of a request of this person.
async fn ended(sample: &Sample, person: u8) {
    let target = Some(Target::Person([person; 16]));
    let request = RequestId([person; 16]);
    let body = sample.body(BODY);
    body.audit().outcome(ACTOR, request, target, Outcome::Delivered, NOW);
    // Durable once one behind it is.
    write(sample, 1).await;
}

#[tokio::test]
async fn r43_a_head_is_shown_from_every_size_that_a_broker_names() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let (mut log, mut heads) = (Log::default(), Vec::new());
    for count in [3, 2, 2, 4, 5, 6, 9] {
        write(&sample, count).await;
        log.turn(&body).await.unwrap();
        heads.push(head(&sample));
    }
    let now = heads.pop().unwrap();
    let known = |size: u64| heads.iter().find(|head| head.size == size).unwrap();
    let mut named = Vec::new();
    for size in [7, 3, 16, 5, 11, 22] {
        log.behind("broker-a", size);
        let shown = log.head_for(&body, "broker-a").await.unwrap().unwrap();
        assert_eq!(shown.old_size, size);
        let also: Vec<u64> = shown.also.iter().map(|also| also.old_size).collect();
        let skipped = named.len().saturating_sub(4);
        assert_eq!(also, named[skipped..], "the newest of them, besides");
        let first = std::iter::once((shown.old_size, &shown.proof));
        for (old, proof) in first.chain(shown.also.iter().map(|also| (also.old_size, &also.proof))) {
            verify_consistency(&Proof::from_bytes(proof).unwrap(), known(old), &now).unwrap();
        }
        named.push(size);
    }
    assert!(log.head_for(&body, "broker-b").await.unwrap().unwrap().also.is_empty(), "named by another");
    // One that has more than there is: the log was set back, and says so.
    log.behind("broker-a", 99);
    let shown = log.head_for(&body, "broker-a").await.unwrap().unwrap();
    assert_eq!((shown.old_size, shown.proof.len()), (99, 0));
}
