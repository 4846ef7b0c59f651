//! What leaves the system by the decision of two persons: records of the log, a copy of the keyring (R25).

use chukei_domain::event::{Event, Record};
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::{BODY, Timed, Turn};
use crate::group::Test;

pub(super) const TESTS: &[Test<Timed>] = &[
    ("r25_a_copy_of_the_keyring_leaves_once_and_to_whoever_asked_for_it", keyring),
    ("the_log_is_handed_out_record_by_record_to_whoever_asked_for_it", the_log),
];

fn fetch(turn: &Turn<'_>, act: &str) -> (crate::program::Ended, std::path::PathBuf) {
    let out = turn.stage.file("fetched");
    (turn.first(&["act", "fetch", act, "--out", &out.display().to_string()]), out)
}

fn keyring(timed: &Timed) {
    let mut turn = timed.turn();
    let act = turn.decided(&["keys", "copy"]);
    let (early, out) = fetch(&turn, &act);
    assert_eq!(early.refused(), "OUTSIDE_WINDOW");
    assert!(!out.exists(), "nothing is left of what was refused");
    turn.pass(72);
    turn.until(&act, "executed");
    let other = turn.stage.file("other").display().to_string();
    let refused = turn.second(&["act", "fetch", &act, "--out", &other]).refused();
    assert_eq!(refused, "NOT_PERMITTED", "for the first person alone");
    // The days that have passed may have it written anew meanwhile.
    let place = turn.stage.layout().dir().join(format!("node/keys/{BODY}.keyring"));
    let before = std::fs::read(&place).unwrap();
    let (fetched, out) = fetch(&turn, &act);
    fetched.done();
    let lay = [before, std::fs::read(place).unwrap()];
    assert!(lay.contains(&std::fs::read(&out).unwrap()), "as sealed as it lies there");
    assert_eq!(fetch(&turn, &act).0.refused(), "REPLAY", "once");
    assert_eq!(turn.act(&act)["fetched"], true);
}

fn the_log(timed: &Timed) {
    let mut turn = timed.turn();
    let act = turn.carried_out(&["audit", "export", "--from", "2026-01-01", "--until", "2099-01-01"]);
    // Behind what was decided on: not in it.
    turn.first(&["catalogue", "list"]).done();
    let mut exports = Vec::new();
    for _ in 0..2 {
        let (fetched, out) = fetch(&turn, &act);
        let count = fetched.done()["records"].as_u64().unwrap();
        let text = std::fs::read_to_string(out).unwrap();
        assert_eq!(text.lines().count() as u64, count);
        exports.push(text);
    }
    assert_eq!(exports[0], exports[1], "the same whenever it is fetched");
    let mut approved = false;
    for (line, number) in exports[0].lines().zip(1..) {
        let line: Value = serde_json::from_str(line).unwrap();
        let record = HEXLOWER.decode(line["record"].as_str().unwrap().as_bytes()).unwrap();
        let record = Record::from_bytes(&record).unwrap();
        assert_eq!((line["seq"].as_u64(), record.seq), (Some(number), number), "whole, and in order");
        if let Event::Act(told) = &record.event {
            assert_eq!(line["event"], "act");
            approved |= told.second.as_ref().is_some_and(|second| second.ends_with("/u-appr-01"));
        }
    }
    assert!(approved, "each step is in it, with both persons");
    let none = turn.carried_out(&["audit", "export", "--from", "2020-01-01", "--until", "2020-01-02"]);
    assert_eq!(fetch(&turn, &none).0.done()["records"], 0);
}
