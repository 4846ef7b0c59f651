//! What leads from one record to another: the call of what was done, the person of what was closed.

use chukei_domain::event::{Circumstances, Event, Outcome, Record, Target, Why};
use chukei_wire::id::RequestId;
use chukei_wire::result::ResultName;

use super::log::Draft;
use super::samples::request;
use super::*;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const NODE: &str = "chukei://node/node-a";
const SYSTEM: &str = "chukei://body/982016/system/zeimu";
const PORTAL: &str = "chukei://portal/mynaportal via broker-a";
const NOW: u64 = 1_795_482_000_000;

fn records(log: &AuditLog) -> Vec<Record> {
    log.walk(1).map(Result::unwrap).collect()
}

#[tokio::test]
async fn r3_what_a_call_did_names_the_call_and_duty_names_none() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let log = body.audit();
    log.imported(By::call(SYSTEM, RequestId([21; 16])), [1, 2, 3], NOW).await.unwrap();
    log.imported(By::itself(NODE), [1, 2, 3], NOW).await.unwrap();
    let told = records(log);
    assert_eq!((told[0].actor.as_str(), told[0].circumstances()), (SYSTEM, Circumstances::With([21; 16])));
    assert_eq!((told[1].actor.as_str(), told[1].circumstances()), (NODE, Circumstances::Duty));
}

#[tokio::test]
async fn a_request_that_a_stop_left_open_is_closed_with_its_person() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let log = body.audit();
    let person = Some(Target::Person([9; 16]));
    for id in [[1; 16], [2; 16]] {
        let event = Event::Authorised(request(id));
        let draft = Draft::new(PORTAL, "self_info", ResultName::Done, event);
        log.write(draft.about(person), NOW).await.unwrap();
    }
    log.outcome(PORTAL, RequestId([1; 16]), person, Outcome::Delivered, NOW + 1);
    // Everything queued before this is durable with it.
    log.imported(By::itself(NODE), [0; 3], NOW + 2).await.unwrap();
    assert_eq!(log.close_open_requests(NODE, NOW + 3).unwrap(), 1);
    log.imported(By::itself(NODE), [0; 3], NOW + 4).await.unwrap();
    let told = records(log);
    let closed = Event::Outcome { request: [2; 16], outcome: Outcome::Unknown };
    assert_eq!((&told[4].event, told[4].target, told[4].actor.as_str()), (&closed, person, NODE));
    assert_eq!(told[4].shown_to(), Some([9; 16]), "the person is told of the end as well");
    assert_eq!(log.close_open_requests(NODE, NOW + 5).unwrap(), 0);
}

#[tokio::test]
async fn r43_a_request_that_a_stop_left_open_is_found_however_much_was_written_behind_it() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let log = body.audit();
    let (person, minute) = (Some(Target::Person([9; 16])), 60_000);
    // Between the first and the others the log could not be written for hours, or the clock was set on.
    for (id, at_ms) in [(1, NOW), (2, NOW + 300 * minute), (3, NOW + 300 * minute)] {
        let event = Event::Authorised(request([id; 16]));
        let draft = Draft::new(PORTAL, "self_info", ResultName::Done, event);
        log.write(draft.about(person), at_ms).await.unwrap();
    }
    // More in a minute than were ever looked at by their number.
    for count in 0..36_000 {
        let at_ms = NOW + 300 * minute + count;
        if count % 1_000 == 0 {
            log.imported(By::itself(NODE), [0; 3], at_ms).await.unwrap();
        } else if count == 20_500 {
            log.outcome(PORTAL, RequestId([2; 16]), person, Outcome::Delivered, at_ms);
        } else {
            log.note(Draft::done(NODE, "expiry", Event::Erased { purpose: "notices".into(), day: 1 }), at_ms);
        }
    }
    log.imported(By::itself(NODE), [0; 3], NOW + 301 * minute).await.unwrap();
    let last = log.last_number();
    assert_eq!(log.close_open_requests(NODE, NOW + 301 * minute).unwrap(), 2);
    log.imported(By::itself(NODE), [0; 3], NOW + 301 * minute).await.unwrap();
    let told: Vec<_> = log.walk(last + 1).map(Result::unwrap).collect();
    for (record, id) in told.iter().zip([1, 3]) {
        let closed = Event::Outcome { request: [id; 16], outcome: Outcome::Unknown };
        assert_eq!((&record.event, record.target), (&closed, person));
    }
    assert_eq!(log.close_open_requests(NODE, NOW + 302 * minute).unwrap(), 0);
}

#[tokio::test]
async fn a_record_is_found_by_its_time_also_where_the_clock_was_set_back_for_a_while() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let log = body.audit();
    let hour = 3_600_000;
    // Two hours back in the middle, and on from there.
    let times = [0, 1, 2, 2, 30, 31, 29, 30, 32, 60, 61].map(|hours| NOW + hours * hour);
    for at_ms in times {
        log.imported(By::itself(NODE), [0; 3], at_ms).await.unwrap();
    }
    for since_ms in times.into_iter().flat_map(|at| [at - 1, at, at + 1]) {
        let expected = times.iter().position(|at| *at >= since_ms).map_or(times.len(), |place| place);
        assert_eq!(log.first_since(since_ms).unwrap(), expected as u64 + 1, "{since_ms}");
    }
}

#[tokio::test]
async fn r43_a_record_of_every_request_is_found_whole_under_the_mark_of_its_request() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let log = body.audit();
    let person = Some(Target::Person([9; 16]));
    let told = [
        Event::Authorised(request([1; 16])),
        Event::Refused(request([2; 16])),
        Event::RecordsAsked(request([3; 16])),
        Event::Outcome { request: [1; 16], outcome: Outcome::Delivered },
        Event::Called { request: [4; 16], why: Why::default() },
        Event::CallRefused { request: [5; 16], why: Why::default() },
        Event::CallEnded { request: [4; 16], count: 1 },
    ];
    for event in told.clone() {
        log.write(Draft::new(PORTAL, "self_info", ResultName::Done, event).about(person), NOW).await.unwrap();
    }
    let marks: Vec<_> = log.records().entries(1).map(|entry| entry.unwrap().replay).collect();
    let request = [Some([1; 16]), Some([2; 16]), Some([3; 16]), Some([1; 16])];
    assert_eq!((&marks[..4], &marks[4..]), (&request[..], &[None; 3][..]));
    let verified = log.verify().unwrap();
    assert_eq!((verified.events, verified.bad), (told.len() as u64, None));
}
