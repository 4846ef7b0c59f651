//! R43: what is over is told of by the log, and not by whoever can write its files; what is left of it is compared as before.

use chukei_crypto::seal::Purpose;
use chukei_domain::day::{day_of, last_of_month};
use chukei_store::journal::GivenUp;

use super::*;
use crate::audit::{AuditLog, HandedOut, Handout, Keep};
use crate::hosted::samples::KEEP;

const DAY_MS: u64 = 86_400_000;
const EPOCHS: u32 = 7;

/// The day of `now_ms` is turned: keys that are over are destroyed, and the log tells of them.
async fn turn(sample: &Sample, now_ms: u64) {
    crate::expiry::turn(&sample.scope(BODY), day_of(now_ms), EPOCHS, now_ms).await.unwrap();
}

/// As if the entry had been made eleven years ago, under a key that is over.
fn made_old(entry: &mut file::Entry) {
    let at_ms = NOW - 4_018 * DAY_MS;
    entry.set_time(at_ms);
    let day = last_of_month(day_of(at_ms) + 2_557);
    entry.sealed()[3..7].copy_from_slice(&day.to_be_bytes());
}

#[tokio::test]
async fn r43_a_record_that_is_made_to_look_as_if_its_time_were_over_is_altered() {
    let sample = Sample::with(log().await, options()).await;
    turn(&sample, NOW).await;
    grow(&sample).await;
    let whole = sample.closed();
    for at in [0, 2] {
        let dir = copy(&whole);
        let path = derived(&dir)[at].clone();
        let number = first_in(&path);
        edit(&path, |file| made_old(&mut file.blocks[0][0]));
        let sample = Sample::with(copy(&dir), options()).await;
        let entry = sample.body(BODY).audit().records().entries(number).next().unwrap().unwrap();
        assert!(sample.body(BODY).audit().records().has_expired(&entry), "as it says itself");
        drop(sample);
        let found = found(dir, options()).await.unwrap();
        assert_eq!(found.bad, Some((Some(number), Altered)), "file {at}");
    }
}

#[tokio::test]
async fn r43_a_beginning_that_nobody_gave_up_is_missing() {
    let dir = copy(&log().await);
    let log = derived(&dir);
    let second = first_in(&log[1]);
    fs::remove_file(&log[0]).unwrap();
    file::keep_from(&journal(&dir).join("checkpoint"), BODY, second);
    let found = found(dir, options()).await.unwrap();
    assert_eq!((found.bad, found.expired), (Some((Some(1), Missing)), second - 1));
}

/// A log whose first file is given up as a node gives it up, seven years later.
async fn without_its_beginning() -> (Sample, u64) {
    let sample = Sample::with(log().await, options()).await;
    let later = NOW + 2_600 * DAY_MS;
    write_at(&sample, BODY, RECORDS + 200, later).await;
    turn(&sample, later).await;
    grow(&sample).await;
    sample.journal.derive().unwrap();
    let first = RECORDS + 1;
    let body = sample.body(BODY);
    body.audit().given_up(ACTOR, first, KEEP.before_ms(later), later).await.unwrap();
    sample.journal.forget_before(BODY, first, GivenUp::Retention).unwrap();
    grow(&sample).await;
    (sample, first)
}

#[tokio::test]
async fn r43_behind_what_was_given_up_persons_records_are_compared_with_their_leaves() {
    let (sample, first) = without_its_beginning().await;
    let found = verified(&sample, &[]).await;
    assert_eq!((found.bad, found.expired), (None, first - 1));
    let body = sample.body(BODY);
    let shown = body.audit().walk(first + 50).map(Result::unwrap).find(|record| record.target.is_some());
    let number = shown.unwrap().seq;
    let forged = body.audit().forged(number, |record| record.result = "DENY".to_owned());
    drop(body);
    let dir = sample.closed();
    let path = derived(&dir).into_iter().rev().find(|path| first_in(path) <= number).unwrap();
    let mut file = Edited::open(&path);
    let (block, at) = file.find(BODY, number).unwrap();
    file.blocks[block][at].seal(&forged);
    file.save();
    let sample = Sample::with(dir, options()).await;
    assert_eq!(verified(&sample, &[]).await.bad, Some((Some(number), NotInTree)));
}

#[tokio::test]
async fn r43_behind_what_was_given_up_every_record_leaves_with_its_proof() {
    let (sample, first) = without_its_beginning().await;
    let body = sample.body(BODY);
    let tree = StoredTree::of(&body).await.unwrap().unwrap();
    let log = body.audit().clone();
    let handed = tokio::task::spawn_blocking(move || {
        let (head, last) = (tree.head(), log.last_number());
        let span = log.span(0, u64::MAX, last).unwrap().unwrap();
        let mut handout = Handout::new(&log, span, head, tree);
        let mut records = 0;
        while let Some(handed) = handout.next().unwrap() {
            records += u64::from(matches!(handed, HandedOut::Record(..)));
        }
        (span.first, last, records)
    });
    let (from, last, records) = handed.await.unwrap();
    assert_eq!((from, records), (first, last - first + 1));
}

/// Where newer records have ended before older ones, because they are kept for a shorter time.
#[tokio::test]
async fn r43_a_record_that_is_over_between_others_leaves_them_whole() {
    let sample = Sample::with(log().await, options()).await;
    let body = sample.body(BODY);
    let brief = body.audit().kept_for(Keep::days(30));
    let about = |log: &AuditLog, now_ms: u64| {
        let target = Some(Target::Person([1; 16]));
        log.outcome(ACTOR, RequestId([7; 16]), target, Outcome::Delivered, now_ms);
    };
    brief.prepare(NOW).unwrap();
    let over = body.audit().last_number() + 1;
    about(&brief, NOW);
    let later = NOW + 90 * DAY_MS;
    about(body.audit(), later);
    turn(&sample, later).await;
    assert!(!body.keys().days(Purpose::Audit).contains(&last_of_month(day_of(NOW) + 30)));
    about(body.audit(), later);
    body.audit().erased(ACTOR, "notices", 1, later).await.unwrap();
    grow(&sample).await;
    let tree = StoredTree::of(&body).await.unwrap().unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let (tree, told) = (Some((tree.head(), tree)), &mut |_, _| true);
        brief.verify_against(Measure { tree, marks: &[], persons: 2, is_ended: false, told })
    });
    let found = read.await.unwrap().unwrap();
    assert_eq!((found.bad, found.expired), (None, 1), "record {over} is over");
}
