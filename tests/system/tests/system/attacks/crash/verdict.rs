//! What must be true when the kills are over.

use std::collections::BTreeMap;

use chukei_harness::layout::BODIES;
use chukei_harness::role::Role;
use serde_json::Value;

use super::ledger::{Held, Ledger};
use crate::attacks::rig::{BODY, Rig};
use crate::copy_file::TAX;
use crate::stage::until;

/// Compares the system with what it has acknowledged.
pub(crate) fn pass(rig: &Rig, ledger: &Ledger) {
    let (persons, notices, answers) = (ledger.persons(), ledger.notices(), ledger.answers());
    eprintln!("{} persons, {} notices, {} answers acknowledged", persons.len(), notices.len(), answers.len());
    assert!(
        persons.len() > 5 && notices.len() > 3 && !answers.is_empty(),
        "hardly anything was acknowledged"
    );
    for held in &persons {
        own_information(rig, held);
    }
    copies(rig, &persons);
    for sent in &notices {
        for target in &sent.targets {
            until("an acknowledged notice", || {
                let times = rig.notices(target).iter().filter(|id| **id == sent.id).count();
                assert!(times <= 1, "{} came {times} times", sent.id);
                (times == 1).then_some(())
            });
        }
        let expected = answers.iter().filter(|((notice, _), _)| *notice == sent.id);
        let expected: BTreeMap<&str, &str> =
            expected.map(|((_, addressee), choice)| (addressee.as_str(), choice.as_str())).collect();
        until("acknowledged answers at the body", || answers_at_body(rig, &sent.id, &expected));
    }
    for body in BODIES {
        let report = rig.staff(body.code, &["audit", "verify"]).done();
        assert_eq!(
            (&report["verified"], &report["first_bad"]),
            (&Value::Bool(true), &Value::Null),
            "{report}"
        );
    }
    told_to_the_end(rig);
    witnessed(rig);
    quiet_logs(rig);
}

/// What may have left before a kill has its end in the log, by the next start at the latest.
fn told_to_the_end(rig: &Rig) {
    until("the end of all that was given out", || {
        let report = rig.staff(BODY, &["provision", "status", "--limit", "2000"]).done();
        let provisions = report["provisions"].as_array().unwrap();
        assert!(!provisions.is_empty());
        let given = |provision: &&Value| provision["result"] == "DONE";
        provisions.iter().filter(given).all(|provision| provision["outcome"].is_string()).then_some(())
    });
}

/// R43: no log has two records at one place, or the broker would refuse to go on with it.
fn witnessed(rig: &Rig) {
    let cosigned = || rig.counted(Role::Broker, "chukei_log_heads_total{", "result=\"COSIGNED\"");
    let before = cosigned();
    for body in BODIES {
        rig.staff(body.code, &["catalogue", "list"]).done();
    }
    until("cosignatures", || (cosigned() >= before + BODIES.len() as u64).then_some(()));
}

fn own_information(rig: &Rig, held: &Held) {
    let value = until("own information", || rig.ask(&held.known).ok());
    assert!(held.may_show(&value), "{value} for {held:?}");
}

/// Every acknowledged row stands in the body's copies, once.
fn copies(rig: &Rig, persons: &[Held]) {
    for held in persons {
        let addressee = &held.known.person.addressee;
        let shown = rig.staff(BODY, &["copy", "show", "--person", addressee, "--dataset", TAX]).done();
        let records = shown["records"].as_array().unwrap();
        assert_eq!(records.len(), 1, "{shown}");
        assert_eq!(records[0]["record_id"], held.known.record_id());
        assert!(held.may_show(records[0]["value"].as_str().unwrap()), "{shown} for {held:?}");
    }
}

/// Whether the body has every one of these answers; a wrong one is a fault at once.
fn answers_at_body(rig: &Rig, notice: &str, expected: &BTreeMap<&str, &str>) -> Option<()> {
    let report = rig.staff(BODY, &["notice", "status", notice]).done();
    let targets = report["targets"].as_array().unwrap();
    assert!(targets.iter().all(|target| target["state"] != "FAILED"), "{report}");
    let answers: BTreeMap<&str, Vec<&str>> = targets
        .iter()
        .map(|target| {
            let chosen = target["answers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            (target["integrated_addressee_number"].as_str().unwrap(), chosen)
        })
        .collect();
    expected
        .iter()
        .all(|(addressee, choice)| {
            let found =
                answers.get(addressee).unwrap_or_else(|| panic!("{addressee} is no target: {report}"));
            assert!(found.is_empty() || found == &[*choice], "{addressee} chose {choice}: {report}");
            !found.is_empty()
        })
        .then_some(())
}

/// A kill is no mismatch and nobody panics of it.
fn quiet_logs(rig: &Rig) {
    for role in Role::ALL {
        let log = std::fs::read_to_string(rig.layout().log(role)).unwrap();
        for loud in ["integrity alarm", "panicked"] {
            let line = log.lines().find(|line| line.contains(loud));
            assert_eq!(line, None, "in the log of {role}");
        }
    }
}
