//! The review queue: pages put together, a note that never leaves the machine with a number of a person in it.

use std::ffi::OsStr;

use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::message::review::{
    ReviewItem, ReviewListRequest, ReviewPage, ReviewSignReply, ReviewSignRequest, ReviewSignature,
    ReviewWanted,
};
use chukei_wire::result::ResultName;
use serde_json::json;

use crate::stand_in::{Script, StaffCall, StandIn};

fn args<'a>(words: &[&'a str]) -> Vec<&'a OsStr> {
    words.iter().map(|word| OsStr::new(*word)).collect()
}

fn item(number: u64) -> ReviewItem {
    ReviewItem {
        number,
        rule: "many_persons".to_owned(),
        subject: "chukei://body/982016/staff/u-tax-07".to_owned(),
        opened_ms: 1_795_482_000_000,
        last_ms: 1_795_482_060_000,
        due_ms: 1_796_086_800_000,
        overdue: number == 2,
        count: 3,
        persons: 301,
        actors: Vec::new(),
        actions: vec!["copy_show".to_owned()],
        results: vec!["STEP_UP_REQUIRED".to_owned()],
        reasons: vec!["many_persons".to_owned()],
        devices: vec!["t-01".to_owned()],
        signed: None,
    }
}

/// Three items, two to a page; the second is signed by whoever asks, the third is about them.
struct Queue;

impl Script for Queue {
    async fn serve(&mut self, mut call: StaffCall) {
        if call.kind() == Kind::ReviewSign {
            let ReviewSignRequest { number, count, note } = call.next().await.unwrap();
            if number != 2 {
                return call.end_with(Outcome::Refused(ResultName::TwoPersonRequired)).await;
            }
            if count != item(2).count {
                call.reply(&ReviewSignReply::Outdated).await;
                return call.finish().await;
            }
            let signed = ReviewSignature { by: "u-rev-01".to_owned(), at_ms: 1_795_482_090_000, note };
            call.reply(&ReviewSignReply::Signed(Box::new(ReviewItem { signed: Some(signed), ..item(2) })))
                .await;
            return call.finish().await;
        }
        while let Some(ReviewListRequest { wanted, after }) = call.next().await {
            let page = match (wanted, after) {
                (ReviewWanted::Open, None) => ReviewPage { items: vec![item(1), item(2)], next: Some(2) },
                (ReviewWanted::Open, Some(2)) => ReviewPage { items: vec![item(3)], next: None },
                (ReviewWanted::Number(number), None) => ReviewPage { items: vec![item(number)], next: None },
                _ => ReviewPage { items: Vec::new(), next: None },
            };
            call.reply(&page).await;
        }
        call.finish().await;
    }
}

#[test]
fn r7_the_queue_is_listed_whole_shown_and_signed() {
    let node = StandIn::start(Queue);
    let listed = node.json(&args(&["review", "list"])).json;
    let of = |key: &str| {
        listed["items"].as_array().unwrap().iter().map(|item| item[key].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("id"), [json!(1), json!(2), json!(3)]);
    assert_eq!(of("state"), [json!("OPEN"), json!("OVERDUE"), json!("OPEN")]);
    assert_eq!(listed["more"], false);
    assert_eq!(node.json(&args(&["review", "list", "--overdue"])).json["items"], json!([]));
    let shown = node.text(&args(&["review", "show", "2"])).text;
    for line in [
        "状態\t期限超過",
        "内容\t短時間に多数の対象者 (many_persons)",
        "10分間の対象者\t301人",
        "期間\t2026-11-24 10:00:00",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let word = ["review", "sign", "2", "--count", "3", "--note", "窓口の混雑を確認"];
    let signed = node.json(&args(&word)).json;
    assert_eq!((&signed["state"], &signed["note"]), (&json!("SIGNED"), &json!("窓口の混雑を確認")));
    let told = node.text(&args(&word)).text;
    assert!(
        told.contains("2番を点検済みにしました") && told.contains("回数\t3回"),
        "what was signed: {told}"
    );
    let own = node.json(&args(&["review", "sign", "3", "--count", "3", "--note", "確認"]));
    assert_eq!((own.exit, &own.json["code"]), (3, &json!("TWO_PERSON_REQUIRED")));
}

#[test]
fn r7_what_the_reviewer_did_not_see_is_not_signed() {
    let node = StandIn::start(Queue);
    let unseen = node.text(&args(&["review", "sign", "2", "--note", "確認"]));
    assert_eq!((unseen.exit, node.calls()), (2, 0), "it is said what was seen");
    let outdated = node.json(&args(&["review", "sign", "2", "--count", "2", "--note", "確認"]));
    assert_eq!((outdated.exit, &outdated.json["code"]), (3, &json!("OUTDATED")));
    let told = outdated.json["message"].as_str().unwrap();
    assert!(told.contains("点検済みにしていません") && told.contains("review show"), "{told}");
}

#[test]
fn r10_a_note_with_an_individual_number_is_never_sent() {
    let node = StandIn::start(Queue);
    let refused = node.json(&args(&["review", "sign", "2", "--count", "3", "--note", "1234 5678 9018 の件"]));
    assert_eq!((refused.exit, &refused.json["code"]), (3, &json!("FORBIDDEN_IDENTIFIER")));
    assert!(!refused.text.contains("9018"), "{}", refused.text);
    assert_eq!(node.calls(), 0);
}
