//! Queues of real bodies over a real store: durable, bounded in time, signed once, and in the log (R7).

use chukei_domain::day::DAY_MS;
use chukei_domain::event::{Event, Record, Reviewed};
use chukei_domain::review::{Decided, Item, Limits, Observation, Rule, Signature};
use chukei_store::{Batch, RowKey, Space, WriteFault};
use chukei_wire::id::RequestId;
use chukei_wire::result::ResultName;

use super::*;
use crate::audit::By;
use crate::config::review::ReviewSettings;
use crate::hosted::samples::Sample;
use crate::key_gate::Cause;

const BODY: &str = "982016";
const STAFF: &str = "chukei://body/982016/staff/u-tax-07";
const REVIEWER: &str = "chukei://body/982016/staff/u-rev-01";
const NODE: &str = "chukei://node/node-a";
/// 2026-11-24, a Tuesday, 10:00 in Japan.
const NOW: u64 = 1_795_482_000_000;

fn limits() -> Limits {
    ReviewSettings::default().limits().unwrap()
}

fn many(identity: &str) -> Observation<'_> {
    Observation {
        identity,
        human: true,
        action: "copy_show",
        decided: Decided::StepUp,
        reasons: &["many_persons"],
        not_evaluated: false,
        persons: 301,
        elsewhere: false,
        failed_factor: false,
        delegation: None,
        device: Some("t-01"),
        now_ms: NOW,
    }
}

fn word(by: &str, note: &str) -> Signature {
    Signature { by: by.to_owned(), at_ms: NOW + 1, note: note.to_owned() }
}

/// The reviewer, in a call.
fn by() -> By<'static> {
    By::call(REVIEWER, RequestId([21; 16]))
}

/// Events about the queue in a body's log.
fn told(sample: &Sample) -> Vec<Event> {
    let of_queue = |record: Record| match record.event {
        event @ (Event::ReviewOpened(_) | Event::ReviewSigned(_)) => Some(event),
        _ => None,
    };
    sample.body(BODY).audit().walk(1).map(Result::unwrap).filter_map(of_queue).collect()
}

fn opened(item: u64, subject: &str) -> Event {
    Event::ReviewOpened(of_item(item, subject, 1))
}

fn of_item(item: u64, subject: &str, count: u64) -> Reviewed {
    Reviewed { item, rule: Rule::ManyPersons, subject: subject.to_owned(), count }
}

fn items(sample: &Sample) -> Vec<Item> {
    sample.body(BODY).reviews().open_items(0, usize::MAX, |_| true)
}

#[tokio::test]
async fn r7_an_item_is_durable_and_in_the_log_once_it_is_settled() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    assert_eq!(body.reviews().observe(&limits(), &many(STAFF)), 0);
    assert_eq!(told(&sample), [], "nobody has waited for anything");
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    body.reviews().observe(&limits(), &many(STAFF));
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    drop(body);
    let before = items(&sample);
    assert_eq!((before.len(), before[0].count, before[0].persons), (1, 2, 301));
    let sample = sample.reopened().await;
    let after = items(&sample);
    assert!(after[0].told);
    assert_eq!(after, before);
    assert_eq!(told(&sample), [opened(1, STAFF)], "once, whatever is added to it");
    sample.body(BODY).reviews().observe(&limits(), &many("chukei://body/982016/staff/u-2"));
    assert_eq!(items(&sample)[1].number, 2, "numbers go on");
    assert_eq!(sample.body("982024").reviews().counts(7, NOW), [0, 0], "the other body has none of it");
}

#[tokio::test]
async fn a_crash_between_row_and_log_leaves_the_log_to_be_told_at_the_next_start() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    // The row alone, as a crash before the event leaves it.
    let item = items(&sample).remove(0);
    let batch = rows::put_open(&body, Batch::new(), &item).await.unwrap();
    body.apply(batch).await.unwrap();
    drop(body);
    let sample = sample.reopened().await;
    assert_eq!((items(&sample), told(&sample)), (vec![item], vec![]));
    let body = sample.body(BODY);
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    assert_eq!(told(&sample), [opened(1, STAFF)]);
}

#[tokio::test]
async fn what_a_crash_takes_is_only_what_was_not_settled_and_its_number_goes_to_the_next() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    body.reviews().observe(&limits(), &many("chukei://body/982016/staff/u-2"));
    drop(body);
    let sample = sample.reopened().await;
    assert_eq!(items(&sample).iter().map(|item| item.subject.as_str()).collect::<Vec<_>>(), [STAFF]);
    sample.body(BODY).reviews().observe(&limits(), &many("chukei://body/982016/staff/u-3"));
    assert_eq!(items(&sample)[1].number, 2, "which nobody was ever told of");
}

#[tokio::test]
async fn a_store_that_takes_no_writes_stops_no_operation_and_loses_no_item() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    *sample.fault.lock().unwrap() = Some(WriteFault::DiskFull);
    body.reviews().observe(&limits(), &many(STAFF));
    assert!(body.reviews().settle(&body, NODE, NOW).await.is_err());
    assert_eq!(told(&sample), [], "the log does not tell of what is not there");
    body.reviews().observe(&limits(), &many(STAFF));
    *sample.fault.lock().unwrap() = None;
    body.gate().set(None);
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    drop(body);
    let sample = sample.reopened().await;
    let told_late = Event::ReviewOpened(of_item(1, STAFF, 2));
    assert_eq!((items(&sample)[0].count, told(&sample)), (2, vec![told_late]));
}

#[tokio::test]
async fn r7_a_reviewer_signs_once_and_nobody_what_they_did_themselves() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    let refused =
        async |number, signature| match body.reviews().sign(&body, NODE, number, 1, signature, by()).await {
            Err(sign::SignError::Refused(name)) => name,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(1, word(STAFF, "確認")).await, ResultName::TwoPersonRequired);
    assert_eq!(refused(2, word(REVIEWER, "確認")).await, ResultName::NotFound);
    assert_eq!(refused(1, word(REVIEWER, "123456789018")).await, ResultName::ForbiddenIdentifier, "R10");
    assert_eq!(refused(1, word(REVIEWER, " ")).await, ResultName::BadFormat);
    let signed = body.reviews().sign(&body, NODE, 1, 1, word(REVIEWER, "繁忙期の照会"), by()).await.unwrap();
    assert_eq!(signed.signed, Some(word(REVIEWER, "繁忙期の照会")));
    let again = body.reviews().sign(&body, NODE, 1, 1, word(REVIEWER, "繁忙期の照会"), by()).await.unwrap();
    assert_eq!(again, signed, "repeated");
    let other = "chukei://body/982016/staff/u-rev-02";
    assert_eq!(refused(1, word(other, "繁忙期の照会")).await, ResultName::AlreadyAnswered);
    drop(body);
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    assert_eq!(items(&sample), []);
    assert_eq!(body.reviews().signed_item(&body, 1).await.unwrap(), Some(signed.clone()));
    assert_eq!(body.reviews().signed_items(&body, 0, 10).await.unwrap(), [signed]);
    assert_eq!(body.reviews().signed_items(&body, 1, 10).await.unwrap(), []);
    let event = Event::ReviewSigned(of_item(1, STAFF, 1));
    assert_eq!(told(&sample), [opened(1, STAFF), event]);
    let signed = body.audit().walk(2).next().unwrap().unwrap();
    assert_eq!(
        (signed.actor.as_str(), signed.call),
        (REVIEWER, Some([21; 16])),
        "R3: what leads to the device"
    );
    body.reviews().observe(&limits(), &many(STAFF));
    assert_eq!(items(&sample)[0].number, 2, "the same pattern again, after the signature, is another item");
}

#[tokio::test]
async fn r7_an_item_that_has_grown_since_the_look_is_not_signed_nor_told() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    let looked_at = items(&sample).remove(0);
    body.reviews().observe(&limits(), &many(STAFF));
    let sign = async |seen| body.reviews().sign(&body, NODE, 1, seen, word(REVIEWER, "確認"), by()).await;
    assert!(matches!(sign(looked_at.count).await, Err(SignError::Outdated)));
    assert_eq!(body.reviews().signed_item(&body, 1).await.unwrap(), None);
    assert_eq!(told(&sample), [Event::ReviewOpened(of_item(1, STAFF, 2))], "nobody has signed");
    let signed = sign(2).await.unwrap();
    assert_eq!((signed.count, sign(2).await.unwrap()), (2, signed), "repeated");
    let other = sign(looked_at.count).await;
    assert!(
        matches!(other, Err(SignError::Refused(ResultName::AlreadyAnswered))),
        "of what was never signed"
    );
}

#[tokio::test]
async fn a_signature_that_cannot_be_written_leaves_the_item_open() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    body.reviews().settle(&body, NODE, NOW).await.unwrap();
    *sample.fault.lock().unwrap() = Some(WriteFault::DiskFull);
    assert!(body.reviews().sign(&body, NODE, 1, 1, word(REVIEWER, "確認"), by()).await.is_err());
    assert_eq!(items(&sample).len(), 1);
    *sample.fault.lock().unwrap() = None;
    body.gate().set(None);
    body.reviews().sign(&body, NODE, 1, 1, word(REVIEWER, "確認"), by()).await.unwrap();
    assert_eq!(items(&sample).len(), 0);
}

#[tokio::test]
async fn r1_an_item_that_was_altered_or_moved_leaves_its_body_unserved() {
    for moved in [false, true] {
        let sample = Sample::new().await;
        let body = sample.body(BODY);
        body.reviews().observe(&limits(), &many(STAFF));
        body.reviews().settle(&body, NODE, NOW).await.unwrap();
        let prefix = RowKey::new(Space::Review).bytes(&[0]);
        let (row, stored) = body.scan(&prefix, None, 1).await.unwrap().rows.remove(0);
        let mut value = stored.value.clone();
        let to = match moved {
            true => prefix.bucket(2),
            false => row,
        };
        if !moved {
            *value.last_mut().unwrap() ^= 1;
        }
        body.partition().apply(Batch::new().put(to, value)).await.unwrap();
        let fault = Reviews::default().load(&body).await.unwrap_err();
        assert_eq!(fault.cause, Cause::Damaged, "{fault}");
    }
}

#[tokio::test]
async fn items_become_overdue_as_time_goes_by() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    body.reviews().observe(&limits(), &many(STAFF));
    let due = NOW + 7 * DAY_MS;
    assert_eq!(body.reviews().counts(7, due - 1), [1, 0]);
    assert_eq!(body.reviews().counts(7, due), [1, 1]);
    assert_eq!(body.reviews().open_items(0, 10, |item| item.is_overdue(7, due)).len(), 1);
}
