//! R23: erasure by two persons, with a waiting period, a way back until it is over, and a signed record afterwards.

use chukei_domain::erasure::{ErasureRecord, InBackups, SIGNED_LABEL};
use chukei_harness::role::Role;
use data_encoding::HEXLOWER;
use rustix::process::Signal;
use serde_json::Value;

use super::{BODY, OTHER, Timed};
use crate::copy_file::TAX;
use crate::group::Test;
use crate::page::metric;
use crate::stage::until;

pub(super) const TESTS: &[Test<Timed>] = &[
    ("r23_a_person_is_erased_by_two_after_the_waiting_period_across_a_kill_and_a_restart", a_person),
    ("r23_an_erasure_is_called_off_within_the_waiting_period", called_off),
    ("r23_what_is_left_too_long_expires", left),
    ("r23_the_log_stays_until_its_own_retention_ends", the_log),
    ("r1_another_body_learns_nothing_of_an_act", another_body),
    ("r23_a_body_is_erased_by_two_and_its_log_stays", a_body),
];

fn a_person(timed: &Timed) {
    let mut turn = timed.turn();
    let stage = turn.stage;
    let persons = stage.with_copies(BODY, 2);
    let [gone, kept] = &persons[..] else { unreachable!() };
    let act = turn.requested(&["erase", "request", "--person", &gone.addressee]);
    // The first person is the second of nothing, and an administrator never is; a clerk decides on nothing.
    assert_eq!(turn.first(&["erase", "approve", &act]).refused(), "TWO_PERSON_REQUIRED");
    let refused = turn.clerk(&["erase", "approve", &act]).refused();
    assert!(["NOT_PERMITTED", "TWO_PERSON_REQUIRED"].contains(&refused.as_str()), "{refused}");
    // Nor is somebody who may approve the second person of what they ask for themselves.
    let own = turn.second(&["keys", "copy", "--reference", "R8-1"]).done();
    let own = own["act"].as_str().unwrap();
    assert_eq!(turn.second(&["act", "approve", own]).refused(), "TWO_PERSON_REQUIRED");
    turn.second(&["act", "cancel", own]).done();
    let approved = turn.second(&["erase", "approve", &act]).done();
    let at = |name: &str| approved[name].as_u64().unwrap();
    assert_eq!(at("not_before_ms"), at("approved_ms") + 72 * 3_600_000);
    assert_eq!(turn.second(&["erase", "approve", &act]).refused(), "REPLAY", "an approval counts once");
    assert_eq!(approved["integrated_addressee_number"], gone.addressee.as_str());

    // Killed, and once more stopped: the approval is as durable as it was told.
    stage.signal(Role::Node, Signal::KILL);
    until("the node is back", || turn.first(&["act", "list"]).code.filter(|code| *code == 0));
    assert_eq!(turn.act(&act)["state"], "approved");
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    stage.stack.wait_ready(std::time::Duration::from_secs(60)).unwrap();
    turn.pass(71);
    // The node has seen the time when it answers to a certificate of that hour; another act shows that it looked.
    let left = turn.requested(&["erase", "request", "--dataset", TAX]);
    assert_eq!(turn.act(&act)["state"], "approved", "an hour too early");
    assert_eq!(stage.self_info(&gone.user, BODY, &[TAX])["result"], "DONE");
    turn.second(&["act", "cancel", &left]).done();

    turn.pass(1);
    let executed = turn.until(&act, "executed");
    assert_eq!(executed["ended_by"], "chukei://node/node-a");
    let [first, second] = [&executed["requested_by"], &executed["approved_by"]];
    assert!(
        first.as_str().unwrap().ends_with("/u-tax-07") && second.as_str().unwrap().ends_with("/u-appr-01")
    );
    let certificate = until("the record of the end in the live store", || {
        let certificate = turn.first(&["erase", "status", &act]).done()["certificate"].clone();
        (!certificate.is_null()).then_some(certificate)
    });
    assert!(certificate["backups_ms"].is_null() && certificate["backups_not_before"].is_string());
    assert_eq!((&certificate["scope"], &certificate["reference"]), (&"person".into(), &"R8-zei/42".into()));
    assert_signed(&certificate, false);
    assert!(turn.act(&act)["integrated_addressee_number"].is_null(), "it points at nobody any more");
    assert_eq!(stage.self_info_refused(&gone.user, BODY, TAX), "NOT_FOUND");
    let shown = ["copy", "show", "--person", &gone.addressee, "--dataset", TAX];
    assert_eq!(turn.first(&shown).refused(), "NOT_FOUND");
    assert_eq!(stage.self_info(&kept.user, BODY, &[TAX])["result"], "DONE", "nobody else");
    assert_eq!(turn.first(&["act", "cancel", &act]).refused(), "REPLAY", "too late");

    turn.pass(8 * 24);
    let certificate = until("the record of the end in every backup", || {
        let certificate = turn.first(&["erase", "status", &act]).done()["certificate"].clone();
        certificate["backups_ms"].is_u64().then_some(certificate)
    });
    assert!(certificate["backups_ms"].as_u64() > certificate["live_ms"].as_u64());
    assert_signed(&certificate, true);
    assert_eq!(turn.first(&["audit", "verify"]).done()["verified"], true);
}

/// The record is what is shown, and says when it is final in backups.
fn assert_signed(certificate: &Value, in_backups: bool) {
    let bytes = |name: &str| HEXLOWER.decode(certificate[name].as_str().unwrap().as_bytes()).unwrap();
    let record = ErasureRecord::from_bytes(&bytes("record")).unwrap();
    assert_eq!(matches!(record.backups, InBackups::Since(_)), in_backups);
    assert_eq!(record.to_signed_bytes().unwrap(), [SIGNED_LABEL, &bytes("record")].concat());
    assert_eq!(bytes("signature").len(), 64);
}

fn called_off(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.with_copies(BODY, 1)[0];
    let act = turn.decided(&["erase", "request", "--person", &person.addressee]);
    assert_ne!(turn.clerk(&["erase", "cancel", &act]).code, Some(0), "a clerk calls nothing off");
    assert_eq!(turn.first(&["erase", "cancel", &act]).done()["state"], "cancelled");
    assert_eq!(turn.first(&["erase", "cancel", &act]).refused(), "REPLAY");
    assert_eq!(turn.second(&["erase", "approve", &act]).refused(), "REPLAY");
    // A later one is carried out: the worker has passed the first by.
    turn.carried_out(&["audit", "export", "--from", "2026-01-01", "--until", "2026-01-02"]);
    assert_eq!(turn.act(&act)["state"], "cancelled");
    assert_eq!(turn.stage.self_info(&person.user, BODY, &[TAX])["result"], "DONE");
}

fn left(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.persons(BODY, 1)[0];
    let act = turn.requested(&["erase", "request", "--person", &person.addressee]);
    let open = metric(turn.stage.layout(), Role::Node, "chukei_acts_open");
    turn.pass(14 * 24);
    let expired = turn.until(&act, "expired");
    assert_eq!(expired["failure"], Value::Null);
    assert_eq!(turn.second(&["erase", "approve", &act]).refused(), "EXPIRED");
    assert_eq!(turn.first(&["erase", "cancel", &act]).refused(), "EXPIRED");
    let now = metric(turn.stage.layout(), Role::Node, "chukei_acts_open");
    assert!(now < open || open == 0.0, "{open} acts were open, and {now} are");
}

fn the_log(timed: &Timed) {
    let turn = timed.turn();
    let asked = |args: &[&str]| turn.first(&[args, &["--reference", "R8-1"]].concat()).refused();
    assert_eq!(asked(&["erase", "request", "--records"]), "RETENTION_LOCKED");
    assert_eq!(asked(&["erase", "request", "--person", "000009820249999"]), "NOT_FOUND");
    assert_eq!(asked(&["erase", "request", "--dataset", "TM00000000000099"]), "NOT_FOUND");
    let bad = turn.first(&["erase", "request", "--all", "--reference", "海鳴市"]);
    assert_eq!(bad.refused(), "BAD_FORMAT");
}

fn another_body(timed: &Timed) {
    let turn = timed.turn();
    let act = turn.requested(&["keys", "copy"]);
    let other = |args: &[&str]| turn.stage.staff(OTHER, args);
    let never = "0".repeat(32);
    for id in [&act, &never] {
        assert_eq!(other(&["act", "show", id]).refused(), "NOT_FOUND");
        assert_eq!(other(&["act", "cancel", id]).refused(), "NOT_FOUND");
    }
    let listed = other(&["act", "list"]).done();
    assert!(!listed.to_string().contains(&act), "{listed}");
    turn.first(&["act", "cancel", &act]).done();
}

fn a_body(timed: &Timed) {
    const ENDS: &str = "983012";
    let mut turn = timed.turn();
    let stage = turn.stage;
    let person = &stage.with_copies(ENDS, 1)[0];
    let asked = ["erase", "request", "--all", "--reference", "R8-keiyaku/9"];
    let act = stage.staff(ENDS, &asked).done()["act"].as_str().unwrap().to_owned();
    let approver = stage.layout().approver_config(ENDS);
    turn.by(&approver, &["erase", "approve", &act]).done();
    assert_eq!(stage.self_info(&person.user, ENDS, &[TAX])["result"], "DONE");
    turn.pass(72);
    until("the end of the body, as if it had never been", || {
        let ended = stage.staff(ENDS, &["erase", "status", &act]);
        (ended.code == Some(3)).then(|| assert_eq!(ended.refused(), "NOT_FOUND"))
    });
    until("nothing of its persons", || {
        let asked = ["self-info", "--person", &person.user, "--body", ENDS, "--dataset", TAX];
        (stage.portal(&asked).code != Some(0)).then_some(())
    });
    assert_eq!(turn.first(&["audit", "verify"]).done()["verified"], true, "the others go on");
}
