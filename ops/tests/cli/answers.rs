//! Calls of one question: what is printed, and how refusals and failures end.

use std::ffi::OsStr;

use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::id::NoticeId;
use chukei_wire::message::audit::{AuditVerifyReply, AuditVerifyRequest, LogFault};
use chukei_wire::message::staff::{
    CatalogueItem, CatalogueReply, NoticeDraft, NoticeSendReply, NoticeShowPage, NoticeShowRequest,
    NoticeTargets, PersonListPage, PersonListRequest, TargetState,
};
use chukei_wire::result::ResultName;
use serde_json::json;

use crate::stand_in::{Script, StaffCall, StandIn, chukei};

fn args<'a>(words: &[&'a str]) -> Vec<&'a OsStr> {
    words.iter().map(|word| OsStr::new(*word)).collect()
}

/// Answers every call with the same outer status.
struct Always(Outcome);

impl Script for Always {
    async fn serve(&mut self, call: StaffCall) {
        call.end_with(self.0.clone()).await;
    }
}

#[test]
fn a_refusal_ends_with_3_and_its_code() {
    let node = StandIn::start(Always(Outcome::Refused(ResultName::NotPermitted)));
    let printed = node.json(&args(&["catalogue", "list"]));
    assert_eq!((printed.exit, &printed.json["code"]), (3, &json!("NOT_PERMITTED")));
    assert!(printed.json["message"].as_str().is_some_and(|message| !message.is_empty()));
    let text = node.text(&args(&["catalogue", "list"]));
    assert_eq!((text.exit, text.text.as_str()), (3, ""));
}

#[test]
fn r10_an_individual_number_as_argument_never_reaches_the_node() {
    let node = StandIn::start(Always(Outcome::Refused(ResultName::NotFound)));
    let printed =
        node.json(&args(&["copy", "show", "--person", "123456789018", "--dataset", "TM00000000000002"]));
    assert_eq!((printed.exit, &printed.json["code"]), (3, &json!("FORBIDDEN_IDENTIFIER")));
    assert_eq!(node.calls(), 0);
}

/// Answers as if to another request.
struct Confused;

impl Script for Confused {
    async fn serve(&mut self, call: StaffCall) {
        call.answer_another().await;
    }
}

#[test]
fn r32_an_answer_to_another_request_stops() {
    let node = StandIn::start(Confused);
    let printed = node.json(&args(&["catalogue", "list"]));
    assert_eq!((printed.exit, &printed.json["code"]), (3, &json!("INTEGRITY_STOP")));
    assert_eq!(node.calls(), 1);
}

#[test]
fn a_node_that_is_not_there_ends_with_4_and_wrong_usage_with_2() {
    let dir = StandIn::start(Confused).stop();
    let gone = chukei(dir.path(), true, &args(&["catalogue", "list"]));
    assert_eq!((gone.exit, &gone.json["code"]), (4, &json!("UNAVAILABLE")));
    let wrong = chukei(dir.path(), true, &args(&["catalogue", "liszt"]));
    assert_eq!((wrong.exit, &wrong.json["code"]), (2, &json!("BAD_USAGE")));
    let checked = chukei(dir.path(), true, &args(&["config", "check"]));
    assert_eq!((checked.exit, &checked.json["body"]), (0, &json!("982016")));
    std::fs::write(dir.path().join("staff.toml"), "bodyy = 1").unwrap();
    let config = chukei(dir.path(), true, &args(&["config", "check"]));
    assert_eq!((config.exit, &config.json["code"]), (2, &json!("BAD_CONFIG")));
}

/// A node with three persons in pages of two, a catalogue of one item and a broken log.
struct Body;

impl Script for Body {
    async fn serve(&mut self, mut call: StaffCall) {
        match call.kind() {
            Kind::PersonList => {
                while let Some(request) = call.next::<PersonListRequest>().await {
                    let first = request.after.is_none();
                    let persons: &[&str] = if first { &["1", "2"] } else { &["3"] };
                    let persons = persons.iter().map(|person| (*person).to_owned()).collect();
                    let next = first.then(|| vec![2].into());
                    call.reply(&PersonListPage { persons, next }).await;
                }
            }
            Kind::CatalogueList => {
                let item = CatalogueItem {
                    info_name_code: "TM00000000000002".to_owned(),
                    info_name: "地方税関係".to_owned(),
                    info_item_code: "I1".to_owned(),
                    item_name: "備考".to_owned(),
                    item_type: "text".to_owned(),
                    max_length: 200,
                };
                call.reply(&CatalogueReply { version: "20240101".to_owned(), items: vec![item] }).await;
            }
            Kind::AuditVerify => {
                let Some(AuditVerifyRequest { checkpoint: None }) = call.next().await else {
                    panic!("no question")
                };
                let working = AuditVerifyReply { events: 3, of: Some(9), ..AuditVerifyReply::default() };
                call.reply(&working).await;
                let bad = AuditVerifyReply {
                    events: 7,
                    first_bad: Some(4),
                    reason: Some(LogFault::Missing),
                    ..AuditVerifyReply::default()
                };
                call.reply(&bad).await;
            }
            other => panic!("not asked for: {other:?}"),
        }
        call.finish().await;
    }
}

#[test]
fn pages_become_one_list() {
    let node = StandIn::start(Body);
    let person = |number: &str| json!({ "integrated_addressee_number": number });
    let all = node.json(&args(&["person", "list"]));
    assert_eq!(all.json, json!({ "persons": [person("1"), person("2"), person("3")], "more": false }));
    let some = node.json(&args(&["person", "list", "--limit", "2"]));
    assert_eq!(some.json, json!({ "persons": [person("1"), person("2")], "more": true }));
    let catalogue = node.json(&args(&["catalogue", "list"]));
    let item = &catalogue.json["items"][0];
    assert_eq!((&item["type"], &item["max_length"]), (&json!("text"), &json!(200)));
}

/// Tells of the same page for ever.
struct Standing;

impl Script for Standing {
    async fn serve(&mut self, mut call: StaffCall) {
        while let Some(PersonListRequest { .. }) = call.next().await {
            let next = Some(serde_bytes::ByteBuf::from(*b"2"));
            call.reply(&PersonListPage { persons: vec!["000009820160101".to_owned()], next }).await;
        }
    }
}

#[test]
fn pages_that_do_not_go_on_end_as_a_fault_of_the_node() {
    let node = StandIn::start(Standing);
    let printed = node.json(&args(&["person", "list"]));
    assert_eq!((printed.exit, &printed.json["code"]), (1, &json!("PROTOCOL")));
}

#[test]
fn a_log_that_is_not_whole_is_said_and_is_no_success() {
    let node = StandIn::start(Body);
    let printed = node.json(&args(&["audit", "verify"]));
    assert_eq!(printed.exit, 3);
    assert_eq!(printed.json["verified"], json!(false));
    assert_eq!((&printed.json["events"], &printed.json["first_bad"]), (&json!(7), &json!(4)));
}

/// Registers one notice and shows it.
struct Notices;

impl Script for Notices {
    async fn serve(&mut self, mut call: StaffCall) {
        if call.kind() == Kind::NoticeSend {
            let draft: NoticeDraft = call.next().await.unwrap();
            let mut targets = 0;
            while let Some(part) = call.next::<NoticeTargets>().await {
                targets += u32::try_from(part.targets.len()).unwrap();
            }
            assert_eq!((targets, draft.choices.len()), (draft.targets, 1));
            let notice = NoticeId([7; 16]);
            call.reply(&NoticeSendReply { notice, targets, result: ResultName::Registered }).await;
        } else {
            while let Some(request) = call.next::<NoticeShowRequest>().await {
                let state = TargetState {
                    integrated_addressee_number: "000009820160101".to_owned(),
                    state: "READ".to_owned(),
                    answers: vec!["a".to_owned()],
                };
                assert_eq!(request.notice, NoticeId([7; 16]));
                call.reply(&NoticeShowPage { targets: vec![state], next: None }).await;
            }
        }
        call.finish().await;
    }
}

#[test]
fn a_notice_is_sent_with_all_its_targets_and_its_state_shown() {
    let node = StandIn::start(Notices);
    let targets: Vec<String> = (0..10_001).map(|n| format!("{n:015}")).collect();
    let content = json!({
        "idempotency_key": "k", "affair": "JM99000000001000", "title": "t", "body": "b",
        "choices": [{ "id": "a", "label": "窓口" }], "retention_days": 30, "targets": targets,
    });
    let file = node.file("notice.json", content.to_string());
    let sent = node.json(&["notice".as_ref(), "send".as_ref(), file.as_os_str()]);
    let id = "07".repeat(16);
    assert_eq!(sent.json, json!({ "notice_id": id, "targets": 10_001, "result": "REGISTERED" }));
    let status = node.json(&args(&["notice", "status", &id]));
    let target =
        json!({ "integrated_addressee_number": "000009820160101", "state": "READ", "answers": ["a"] });
    assert_eq!(status.json, json!({ "notice_id": id, "targets": [target] }));
}
