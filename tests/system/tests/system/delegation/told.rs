//! R42: what both bodies' logs and review queues tell of what one did on behalf of the other, as their own people read
//! them; and what they do not tell (R1).

use chukei_harness::layout::{AFFAIRS, STAFF};
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Kind};
use chukei_wire::message::staff::{CopyShowRequest, PersonBlockRequest, PersonListRequest};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{BODY, Delegated, HELPER, NOBODYS, dialled, leave, outcome, turn};
use crate::copy_file::TAX;
use crate::group::Test;
use crate::hop::Caller;
use crate::stage::{Stage, until};

pub(super) const TESTS: &[Test<Delegated>] = &[
    ("r42_both_logs_say_who_did_what_on_whose_behalf_under_which_delegation", both_logs),
    ("r42_r7_delegated_acts_are_one_review_item_per_delegation_and_day_with_both_bodies", reviewed),
];

/// One call, and how it ended; its request id as exports have it.
fn ask(
    stage: &Stage,
    caller: &Caller,
    of: &str,
    [kind, affair]: [&str; 2],
    message: &[u8],
) -> (String, Outcome) {
    let kind = *Kind::ALL.iter().find(|known| known.as_str() == kind).unwrap();
    let header = Header { affair: Some(affair.to_owned()), ..caller.header(kind, of) };
    let messages = [message.to_vec()];
    let reply = stage.runtime.block_on(caller.try_ask_with(&header, &leave(of), &messages)).unwrap();
    (HEXLOWER.encode(&header.request_id.0), outcome(&reply))
}

/// What a log tells of the decisions on a call: event and result of each line, all by the caller, about nobody. What the call
/// did names it as well, in the log of the body it was done to.
fn lines<'a>(log: &'a [Value], request: &str) -> Vec<(&'a str, &'a str)> {
    let decided = |line: &&Value| line["event"].as_str().is_some_and(|event| event.starts_with("call"));
    let of = log.iter().filter(|line| line["request"] == request).filter(decided);
    let shown = of.map(|line| {
        assert_eq!(line["actor"], format!("chukei://body/{HELPER}/staff/{STAFF}"), "{line}");
        assert_eq!(line["target"], Value::Null, "{line}");
        (line["event"].as_str().unwrap(), line["result"].as_str().unwrap())
    });
    shown.collect()
}

fn both_logs(Delegated(stage): &Delegated) {
    let _turn = turn();
    let person = &stage.with_copies(BODY, 1)[0];
    let integrated_addressee_number = person.addressee.clone();
    let caller = dialled(stage, HELPER);
    let show = CopyShowRequest {
        integrated_addressee_number: integrated_addressee_number.clone(),
        info_name_code: TAX.to_owned(),
    };
    let show = encode(&show).unwrap();
    let block = PersonBlockRequest { integrated_addressee_number, datasets: vec![TAX.to_owned()] };
    let block = encode(&block).unwrap();
    let tax = AFFAIRS[0];
    let (showing, told) = ask(stage, &caller, BODY, ["copy-show", tax], &show);
    assert_eq!(told, Outcome::Answered);
    let (blocking, told) = ask(stage, &caller, BODY, ["person-block", tax], &block);
    assert_eq!(told, Outcome::Answered);
    let (beyond, told) = ask(stage, &caller, BODY, ["copy-show", AFFAIRS[1]], &show);
    assert_eq!(told, Outcome::Refused(ResultName::ProxyScope));
    let (nowhere, told) = ask(stage, &caller, NOBODYS, ["copy-show", tax], &show);
    assert_eq!(told, Outcome::Refused(ResultName::NotAuthorised));

    let [of, by] = [BODY, HELPER].map(|body| stage.exported_log(body));
    for log in [&of, &by] {
        for request in [&showing, &blocking] {
            assert_eq!(lines(log, request), [("called", "PENDING"), ("call-ended", "DONE")]);
        }
        assert_eq!(lines(log, &beyond), [("call-refused", "PROXY_SCOPE")]);
        let called = log.iter().find(|line| line["request"] == *showing).unwrap();
        assert_eq!((&called["action"], &called["affair"]), (&"copy-show".into(), &tax.into()));
        assert_eq!((&called["on_behalf_of"], &called["delegation"]), (&BODY.into(), &"d-tax".into()));
        let device = format!("chukei://body/{HELPER}/device/t-01");
        assert_eq!((&called["device"], &called["department"]), (&device.into(), &"zeimu".into()));
        let refused = log.iter().find(|line| line["request"] == *beyond).unwrap();
        assert_eq!((&refused["on_behalf_of"], &refused["delegation"]), (&BODY.into(), &"d-tax".into()));
    }
    // Without a delegation the caller's own body alone is told (R1).
    assert_eq!(lines(&by, &nowhere), [("call-refused", "NOT_AUTHORISED")]);
    assert_eq!(lines(&of, &nowhere), []);
    // Whom it was about stands in the log of the body whose person it is, and in no other (R1).
    let blocked = of.iter().rfind(|line| line["event"] == "person-blocked").unwrap();
    assert_eq!(blocked["actor"], format!("chukei://body/{HELPER}/staff/{STAFF}"));
    let id = blocked["target"]["person"].as_str().unwrap();
    let number = HEXLOWER.encode(person.addressee.as_bytes());
    for line in &by {
        let text = line.to_string();
        assert!(![id, &number, &person.addressee].iter().any(|secret| text.contains(*secret)), "{text}");
    }
}

/// The open items about acts on behalf of the body, as a body's reviewer sees them.
fn items(stage: &Stage, body: &str) -> Vec<Value> {
    let listed = stage.staff(body, &["review", "list"]).done();
    let items = listed["items"].as_array().unwrap().iter().filter(|item| item["rule"] == "delegated");
    let about = format!("{HELPER} for {BODY}, ");
    items.filter(|item| item["subject"].as_str().unwrap().starts_with(&about)).cloned().collect()
}

fn reviewed(Delegated(stage): &Delegated) {
    let _turn = turn();
    let care = ["delegation", "grant", "d-care", "--to", HELPER, "--affairs", AFFAIRS[1]];
    let [begin, end] = [-1, 20].map(|days| crate::founding::moment(stage.layout(), days));
    let rest = ["--function", "person_list", "--from", &begin, "--until", &end];
    stage.staff(BODY, &[&care[..], &rest].concat()).done();
    let list = encode(&PersonListRequest { after: None }).unwrap();
    let both = |times: u32| {
        let caller = dialled(stage, HELPER);
        for affair in [AFFAIRS[0], AFFAIRS[1]] {
            for _ in 0..times {
                assert_eq!(ask(stage, &caller, BODY, ["person-list", affair], &list).1, Outcome::Answered);
            }
        }
    };
    both(3);
    let actor = format!("chukei://body/{HELPER}/staff/{STAFF}");
    let of = |body: &str, id: &str| -> Vec<Value> {
        let subject = format!("{HELPER} for {BODY}, {id}");
        items(stage, body).into_iter().filter(|item| item["subject"] == subject).collect()
    };
    for body in [BODY, HELPER] {
        let item = until("the items", || {
            let [tax, care] = ["d-tax", "d-care"].map(|id| of(body, id));
            (!tax.is_empty() && care.first().is_some_and(|item| item["count"] == 3)).then(|| {
                assert_eq!((tax.len(), care.len()), (1, 1), "one of each delegation: {tax:?} {care:?}");
                care[0].clone()
            })
        });
        assert_eq!((&item["actors"], &item["results"]), (&json!([actor]), &json!(["DONE"])), "{item}");
        assert_eq!(item["actions"], json!(["person_list"]), "{item}");
    }
    // Whoever acted does not sign it off in their own body; the body that was acted for does.
    let own = of(HELPER, "d-care")[0]["id"].to_string();
    let sign = |body: &str, id: &str| {
        stage.staff(body, &["review", "sign", id, "--count", "3", "--note", "代行の確認"])
    };
    assert_eq!(sign(HELPER, &own).refused(), "TWO_PERSON_REQUIRED");
    sign(BODY, &of(BODY, "d-care")[0]["id"].to_string()).done();

    stage.layout().set_clock("+86400s").unwrap();
    until("the node to have read the clock", || {
        (stage.staff(BODY, &["act", "list"]).code == Some(0)).then_some(())
    });
    both(1);
    for body in [BODY, HELPER] {
        let days = until("the next day's items", || Some(of(body, "d-tax")).filter(|items| items.len() == 2));
        assert_ne!(days[0]["opened_ms"], days[1]["opened_ms"], "{days:?}");
    }
    stage.staff(BODY, &["delegation", "revoke", "d-care"]).done();
}
