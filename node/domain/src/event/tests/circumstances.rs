//! R3: of every record it is known where its device, department and reasons stand.

use super::samples::{events, record, why};
use crate::event::{Circumstances, Event, Record, Why};

const CALL: [u8; 16] = [21; 16];

fn by(actor: &str, call: Option<[u8; 16]>, event: Event) -> Record {
    Record { actor: actor.to_owned(), call, ..record(event) }
}

#[test]
fn r3_a_decision_tells_itself_what_it_was_made_on() {
    let called =
        by("chukei://body/982016/staff/u-tax-07", None, Event::Called { request: [1; 16], why: why() });
    assert_eq!(called.circumstances(), Circumstances::Here(&why()));
    let empty = Event::CallRefused { request: [1; 16], why: Why::default() };
    assert_eq!(by("chukei://node/node-a", None, empty).circumstances(), Circumstances::Here(&Why::default()));
}

#[test]
fn r3_what_a_call_did_leads_to_the_call() {
    let imported = Event::CopiesImported { registered: 1, unchanged: 0, rejected: 0 };
    let of_call = by("chukei://body/982016/system/zeimu", Some(CALL), imported.clone());
    assert_eq!(of_call.circumstances(), Circumstances::With(CALL));
    let ended = Event::CallEnded { request: [1; 16], count: 1 };
    let ended = by("chukei://body/982016/system/zeimu", None, ended);
    assert_eq!(ended.circumstances(), Circumstances::With([1; 16]));
    for process in ["chukei://node/node-a", "chukei://broker/broker-a"] {
        assert_eq!(by(process, None, imported.clone()).circumstances(), Circumstances::Duty);
    }
    let old = by("chukei://body/982016/system/zeimu", None, imported);
    assert_eq!(old.circumstances(), Circumstances::Untold);
}

#[test]
fn r3_no_event_of_a_call_or_of_duty_leaves_them_unknown() {
    for event in events() {
        let of_call = by("chukei://body/982016/staff/u-tax-07", Some(CALL), event.clone());
        let of_duty = by("chukei://node/node-a", None, event);
        for record in [of_call, of_duty] {
            assert_ne!(record.circumstances(), Circumstances::Untold, "{record:?}");
        }
    }
}
