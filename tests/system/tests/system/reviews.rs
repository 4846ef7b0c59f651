//! The review queue (R7), end to end: a pattern becomes an item, which outlives a kill; a reviewer whom it is not about
//! signs it off; one that nobody signs is overdue, and the metric that the alarm stands on says so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::{AFFAIRS, CARE_CLERK, DEVICE, STAFF};
use chukei_harness::role::Role;
use chukei_relay_client::factor::{FactorHolder, FileKey};
use chukei_wire::codec::encode;
use chukei_wire::frame::{FRAME_HEAD, Outcome, Status};
use chukei_wire::header::{Header, Kind};
use chukei_wire::message::staff::{CopyShowRequest, ProvisionStatusRequest};
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};
use rustix::process::Signal;
use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::hop::{Caller, Reply, credentials, dial_staff, key_file};
use crate::page::metric;
use crate::person::Person;
use crate::program::Ended;
use crate::stage::{Stage, until};

const TESTS: &[Test<Reviewed>] = &[
    ("r7_refusals_elsewhere_are_an_item_that_outlives_a_kill_and_is_signed", refusals_elsewhere),
    ("r6_the_three_hundred_and_first_person_within_ten_minutes_steps_up_and_is_an_item", many_persons),
    ("r7_nobody_signs_off_what_they_did_themselves", own_item),
    ("r7_what_came_after_the_reviewers_look_is_not_signed_unseen", grown),
    ("r10_a_note_with_an_individual_number_is_refused_and_not_echoed", note_with_a_number),
    ("r7_an_item_that_nobody_signs_is_overdue_and_alarms", overdue),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("review", TESTS)
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Persons opened by one call.
const TOGETHER: usize = 11;

/// Its tests take turns: they look at one queue. The member of staff is a reviewer, the clerk of the care affair is none.
struct Reviewed {
    stage: Stage,
    /// Seconds by which the stage's clock was moved.
    turns: Mutex<u64>,
}

impl Shared for Reviewed {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("review", |_| ())?, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Reviewed {
    fn turn(&self) -> MutexGuard<'_, u64> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    fn pass(&self, turn: &mut u64, seconds: u64) {
        *turn += seconds;
        self.stage.layout().set_clock(&format!("+{turn}s")).unwrap();
    }

    /// Runs a command as the reviewer.
    fn reviewer(&self, args: &[&str]) -> Ended {
        self.stage.staff(BODY, args)
    }

    /// Items as the reviewer sees them.
    fn items(&self, which: &[&str]) -> Vec<Value> {
        let listed = self.reviewer(&[&["review", "list"], which].concat()).done();
        listed["items"].as_array().unwrap().clone()
    }

    /// Signs an item as it is listed now.
    fn sign(&self, number: &str, note: &str) -> Ended {
        let seen = self.reviewer(&["review", "show", number]).done()["count"].to_string();
        self.sign_as_seen(number, &seen, note)
    }

    /// Signs an item of so many operations.
    fn sign_as_seen(&self, number: &str, seen: &str, note: &str) -> Ended {
        self.reviewer(&["review", "sign", number, "--count", seen, "--note", note])
    }

    /// An open item of this rule about `name`.
    fn found(&self, rule: &str, name: &str) -> Option<Value> {
        let subject = format!("chukei://body/{BODY}/staff/{name}");
        let is = |item: &Value| item["rule"] == rule && item["subject"] == subject;
        self.items(&[]).into_iter().find(is)
    }

    /// Somebody asks another body until it is an item; its number.
    fn pry(&self, name: &str) -> String {
        let layout = self.stage.layout();
        let own = credentials(layout, &format!("staff-{BODY}-{name}"));
        let caller = self.stage.runtime.block_on(dial_staff(layout, &own)).unwrap();
        let item = until("an item", || {
            let header = caller.header(Kind::CatalogueList, OTHER);
            self.stage.runtime.block_on(caller.ask(&header, &[]));
            self.found("refused_elsewhere", name)
        });
        assert_eq!(item["results"], serde_json::json!(["NOT_FOUND"]), "{item}");
        item["id"].to_string()
    }
}

fn refusals_elsewhere(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry(CARE_CLERK);
    on.stage.signal(Role::Node, Signal::KILL);
    // What was listed was durable before it was shown.
    until("the node is back", || on.reviewer(&["review", "list"]).code.filter(|code| *code == 0));
    assert_eq!(on.found("refused_elsewhere", CARE_CLERK).unwrap()["id"].to_string(), number);
    let note = "研修中の誤操作、本人に確認";
    let signed = on.sign(&number, note).done();
    let by = format!("chukei://body/{BODY}/staff/{STAFF}");
    assert_eq!((&signed["state"], &signed["signed_by"]), (&"SIGNED".into(), &by.into()));
    assert_eq!(on.found("refused_elsewhere", CARE_CLERK), None);
    let kept = on.items(&["--signed"]);
    assert!(kept.iter().any(|item| is(item, &number)), "{kept:?}");
    let again = on.sign(&number, note).done();
    assert_eq!(again["signed_ms"], signed["signed_ms"], "repeated, it is the same signature");
    assert_ne!(on.pry(CARE_CLERK), number, "what comes after a signature is not signed");
}

fn own_item(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry(STAFF);
    let own = on.sign(&number, "確認");
    assert_eq!(own.refused(), "TWO_PERSON_REQUIRED");
    assert_eq!(on.found("refused_elsewhere", STAFF).unwrap()["id"].to_string(), number, "it stays open");
    until("that they tried is an item as well", || on.found("second_person", STAFF));
}

/// The same pattern again between the look and the signature.
fn grown(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry(CARE_CLERK);
    let of = || on.found("refused_elsewhere", CARE_CLERK).unwrap();
    let seen = of()["count"].clone();
    let grown = until("more of it", || {
        assert_eq!(on.pry(CARE_CLERK), number, "it is merged");
        Some(of()).filter(|item| item["count"] != seen)
    });
    assert_eq!(on.sign_as_seen(&number, &seen.to_string(), "確認").refused(), "OUTDATED");
    let shown = on.reviewer(&["review", "show", &number]).done();
    assert_eq!((&shown["state"], &shown["signed_by"]), (&"OPEN".into(), &Value::Null));
    assert_eq!(on.items(&["--signed"]).iter().find(|item| is(item, &number)), None);
    let signed = on.sign(&number, "確認").done();
    assert!(signed["count"].as_u64() >= grown["count"].as_u64(), "{signed}");
}

/// What the status of a reply says.
fn outcome(reply: &Reply) -> Outcome {
    let length = u32::from_be_bytes(reply.bytes[1..FRAME_HEAD].try_into().unwrap()) as usize;
    Status::from_bytes(&reply.bytes[FRAME_HEAD..FRAME_HEAD + length]).unwrap().outcome
}

/// D9. A few persons are opened by one call, the others one by one: so that there are fewer requests than persons.
fn many_persons(on: &Reviewed) {
    let mut turn = on.turn();
    let stage = &on.stage;
    let persons = stage.persons(BODY, 301);
    let (together, others) = persons.split_at(TOGETHER);
    for person in together {
        stage.self_info(&person.user, BODY, &[TAX]);
    }
    on.reviewer(&["signal", "device", DEVICE, "healthy"]).done();
    let own = credentials(stage.layout(), &format!("staff-{BODY}-{CARE_CLERK}"));
    // By turns over two connections: it is who asks that counts, however they come.
    let clerks = [(); 2].map(|()| stage.runtime.block_on(dial_staff(stage.layout(), &own)).unwrap());
    let [clerk, other] = &clerks;
    let asked = std::cell::Cell::new(0_usize);
    // A factor that was shown just now would lift what is asked for.
    on.pass(&mut turn, 11 * 60);
    let ask_by = |clerk: &Caller, kind, message: Vec<u8>| {
        let header = Header { affair: Some(AFFAIRS[1].to_owned()), ..clerk.header(kind, BODY) };
        outcome(&stage.runtime.block_on(clerk.ask(&header, &[message])))
    };
    let ask = |kind, message| {
        asked.set(asked.get() + 1);
        ask_by(&clerks[asked.get() % 2], kind, message)
    };
    let all = ProvisionStatusRequest { integrated_addressee_number: None, from_ms: None, limit: 1_000 };
    assert_eq!(ask(Kind::ProvisionStatus, encode(&all).unwrap()), Outcome::Answered);
    let request = |person: &Person| {
        let integrated_addressee_number = person.addressee.clone();
        let request = CopyShowRequest { integrated_addressee_number, info_name_code: TAX.to_owned() };
        encode(&request).unwrap()
    };
    let show = |person: &Person| ask(Kind::CopyShow, request(person));
    let (last, before) = others.split_last().unwrap();
    for (at, person) in before.iter().enumerate() {
        assert_eq!(show(person), Outcome::Refused(ResultName::NotFound), "nothing is stored of them: {at}");
    }
    assert_eq!(show(last), Outcome::Refused(ResultName::StepUpRequired));
    let item = until("the item", || on.found("many_persons", CARE_CLERK));
    assert_eq!((&item["persons"], &item["results"]), (&301.into(), &serde_json::json!(["STEP_UP_REQUIRED"])));
    let number = item["id"].to_string();
    let face = key_file(stage.layout(), &format!("factor-{BODY}-{CARE_CLERK}-face.key"));
    let face = FileKey::load("face", &face).unwrap();
    let clock = stage.layout().clock();
    let holder = FactorHolder { connection: &clerk.peer, user: own.identity(), clock: &clock };
    stage.runtime.block_on(holder.show(&face)).unwrap();
    let by = |clerk: &Caller| ask_by(clerk, Kind::CopyShow, request(last));
    assert_eq!(by(clerk), Outcome::Refused(ResultName::NotFound), "a fresh factor lifts it");
    assert_eq!(by(other), Outcome::Refused(ResultName::StepUpRequired), "on its own connection");
    on.sign(&number, "照会の集中、課長に確認").done();
}

fn note_with_a_number(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry(CARE_CLERK);
    let refused = on.sign(&number, "1234-5678-9018 の方の件");
    assert!(!refused.stderr.contains("9018"), "{refused:?}");
    assert_eq!(refused.refused(), "FORBIDDEN_IDENTIFIER");
    let shown = on.reviewer(&["review", "show", &number]).done();
    assert_eq!((&shown["state"], &shown["note"]), (&"OPEN".into(), &Value::Null));
}

/// Whether an item has this number.
fn is(item: &Value, number: &str) -> bool {
    item["id"].as_u64() == number.parse().ok()
}

fn overdue(on: &Reviewed) {
    let mut turn = on.turn();
    let number = on.pry(CARE_CLERK);
    let layout = on.stage.layout();
    let of = |name: &str| metric(layout, Role::Node, name);
    until("the item is counted", || (of("chukei_reviews_open") >= 1.0).then_some(()));
    assert!(on.items(&["--overdue"]).iter().all(|item| !is(item, &number)));
    on.pass(&mut turn, 7 * 86_400);
    until("the item is overdue", || (of("chukei_reviews_overdue") >= 1.0).then_some(()));
    let overdue = on.items(&["--overdue"]);
    let item = overdue.iter().find(|item| is(item, &number)).unwrap();
    assert_eq!(item["state"], "OVERDUE");
    let before = of("chukei_reviews_overdue");
    on.sign(&number, "確認").done();
    until("one less is overdue", || (of("chukei_reviews_overdue") < before).then_some(()));
}
