//! What leaves the system by the decision of two persons: records of the log, a copy of the keyring (R25).

use chukei_domain::event::{Event, Record};
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::{BODY, Timed, Turn};
use crate::group::Test;

pub(super) const TESTS: &[Test<Timed>] = &[
    ("r25_a_copy_of_the_keyring_leaves_once_and_to_whoever_asked_for_it", keyring),
    ("r43_an_export_proves_itself_and_names_what_was_done_to_it", proven),
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

/// Holds an export against the peer list alone.
fn verified(turn: &Turn<'_>, file: &std::path::Path) -> crate::program::Ended {
    let pki = turn.stage.layout().dir().join("pki");
    let [file, peers, root] = [file.to_owned(), pki.join("peers.json"), pki.join("peer-root.pub")]
        .map(|path| path.display().to_string());
    let args = ["--json", "audit", "verify", "--export", &file, "--peers", &peers, "--root", &root];
    crate::program::run("chukei", &args)
}

fn proven(timed: &Timed) {
    let mut turn = timed.turn();
    turn.stage.a_day(BODY);
    let act = turn.carried_out(&["audit", "export", "--from", "2026-01-01", "--until", "2099-01-01"]);
    for form in ["jsonl", "csv"] {
        let out = turn.stage.file(&format!("proven.{form}"));
        let path = out.display().to_string();
        let exported =
            turn.first(&["audit", "export", "--act", &act, "--format", form, "--out", &path]).done();
        let told = verified(&turn, &out).done();
        assert_eq!(
            (&told["verified"], &told["events"]),
            (&Value::from(true), &exported["records"]),
            "{told}"
        );
        assert!(["FINAL", "PROVISIONAL"].iter().any(|standing| told["standing"] == *standing), "{told}");
        let text = std::fs::read_to_string(&out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let first = if form == "csv" { 2 } else { 1 };
        let number = |at: usize| (at - first + 1) as u64;
        let deed = |name: &str, lines: Vec<String>| {
            let path = turn.stage.written(&format!("{name}.{form}"), lines.join("\n") + "\n");
            let told = verified(&turn, path.as_ref()).ended_with(3);
            (told["first_bad"].as_u64(), told["reason"].as_str().unwrap().to_owned())
        };
        let owned = || lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let mut altered = owned();
        altered[first + 5] = altered[first + 5].replacen("chukei://", "chukei:/", 1);
        assert_eq!(deed("shown", altered), (Some(number(first + 5)), "altered".to_owned()));
        let mut flipped = owned();
        let at = flipped[first + 6].rfind("DONE").or(flipped[first + 6].rfind("PENDING")).map_or(40, |at| at);
        flipped[first + 6].replace_range(at..at + 1, "X");
        assert_eq!(deed("flipped", flipped), (Some(number(first + 6)), "altered".to_owned()));
        let mut dropped = owned();
        dropped.remove(first + 4);
        assert_eq!(deed("dropped", dropped), (Some(number(first + 4)), "missing".to_owned()));
        let mut swapped = owned();
        swapped.swap(first + 2, first + 3);
        assert_eq!(deed("swapped", swapped), (Some(number(first + 2)), "missing".to_owned()));
        let mut doubled = owned();
        doubled.insert(first + 3, doubled[first + 2].clone());
        assert_eq!(deed("doubled", doubled), (Some(number(first + 3)), "duplicated".to_owned()));
        let mut cut = owned();
        cut.truncate(first + 4);
        assert_eq!(deed("cut", cut), (Some(number(first + 4)), "cut_short".to_owned()));
        if form == "jsonl" {
            let edited = |at: usize, change: &dyn Fn(&mut Value)| {
                let mut lines = owned();
                let mut value = serde_json::from_str(&lines[at]).unwrap();
                change(&mut value);
                lines[at] = value.to_string();
                lines
            };
            let unproven = edited(first + 2, &|record| {
                record["salt"] = Value::Null;
                record["other"] = Value::Null;
            });
            assert_eq!(deed("unproven", unproven), (Some(number(first + 2)), "altered".to_owned()));
            // What is left is signed by the log alone.
            let unwitnessed = edited(lines.len() - 1, &|ends| {
                let note = ends["checkpoint"].as_str().unwrap();
                let (text, signatures) = note.split_once("\n\n").unwrap();
                let own = signatures.lines().next().unwrap();
                ends["checkpoint"] = format!("{text}\n\n{own}\n").into();
            });
            assert_eq!(deed("unwitnessed", unwitnessed), (None, "not_in_tree".to_owned()));
        }
        let again = turn.first(&["audit", "export", "--act", &act, "--format", form, "--out", &path]);
        assert_eq!(again.code_at(2), "NOT_WRITTEN", "nothing is overwritten");
    }
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
