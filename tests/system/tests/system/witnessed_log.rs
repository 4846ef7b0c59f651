//! R43: brokers cosign a body's log only where it continues what they have cosigned before; a log that was set back is told by
//! every side.

use std::fs;
use std::path::Path;

use chukei_harness::layout::{APPROVER, STAFF};
use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::page::counted;
use crate::person::Person;
use crate::program::{Ended, with_config};
use crate::restoring;
use crate::stage::{Stage, until};

const TESTS: &[Test<Witnessed>] =
    &[("r43_a_log_that_is_put_back_to_an_older_copy_is_refused_by_its_witness_and_its_follower", set_back)];
const RESTORED: &[Test<Restored>] =
    &[("r43_a_restored_log_is_cosigned_once_two_persons_have_decided_that_it_goes_on", decided)];
const BODY: &str = "982016";

pub(crate) fn trials() -> Vec<Trial> {
    group("witnessed_log", TESTS).into_iter().chain(group("restored_log", RESTORED)).collect()
}

struct Witnessed(Stage);

impl Shared for Witnessed {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("witnessed-log", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn forks(stage: &Stage, role: Role) -> f64 {
    counted(stage.layout().metrics(role), "chukei_integrity_alarms_total", r#"kind="log_fork""#)
}

/// Writes events, and waits until a broker remembers them.
fn grow(stage: &Stage) {
    stage.a_day(BODY);
    stage.witnessed(BODY);
}

/// Follows the log until the copy has caught up.
fn followed(stage: &Stage, to: &Path) -> Ended {
    let (layout, pki) = (stage.layout(), stage.layout().dir().join("pki"));
    let config = layout.auditor_config(BODY).display().to_string();
    let [to, peers, root] = [to.to_owned(), pki.join("peers.json"), pki.join("peer-root.pub")]
        .map(|path| path.display().to_string());
    let args = ["audit", "follow", "--to", &to, "--peers", &peers, "--root", &root, "--once"];
    with_config("chukei", &config, &args)
}

fn set_back(on: &Witnessed) {
    let stage = &on.0;
    stage.harm_logs();
    grow(stage);
    let copy_of_log = stage.file("followed");
    let first = followed(stage, &copy_of_log).done();
    grow(stage);
    let more = followed(stage, &copy_of_log).done();
    assert!(more["entries"].as_u64() > first["entries"].as_u64(), "it goes on: {first} {more}");
    assert!(more["checkpoint"].as_u64() > Some(0) && more["silent"] == false, "{more}");
    stage.stack.stop_role(Role::Node).unwrap();
    let (data, copy) = (stage.layout().dir().join("node"), stage.layout().dir().join("node-copy"));
    copied(&data, &copy);
    // It goes on after a stop, and so does the broker's memory after one of its own.
    stage.stack.start_role(Role::Node).unwrap();
    grow(stage);
    stage.stack.stop_role(Role::Broker).unwrap();
    stage.stack.start_role(Role::Broker).unwrap();
    grow(stage);
    assert_eq!([Role::Node, Role::Broker].map(|role| forks(stage, role)), [0.0, 0.0]);
    followed(stage, &copy_of_log).done();

    stage.stack.stop_role(Role::Node).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&copy, &data).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until("the alarm at both sides", || {
        let told = [Role::Node, Role::Broker].map(|role| forks(stage, role));
        told.iter().all(|told| *told >= 1.0).then_some(())
    });
    let told = followed(stage, &copy_of_log).ended_with(3);
    assert_eq!([&told["code"], &told["reason"]], ["INTEGRITY_FAILURE", "rolled_back"], "{told}");
    // What it has is whole, and is not what was witnessed: that is found by whoever asks.
    let told = stage.staff(BODY, &["audit", "verify"]).ended_with(3);
    assert_eq!([&told["code"], &told["reason"]], ["INTEGRITY_FAILURE", "rolled_back"], "{told}");
}

struct Restored(Stage);

impl Shared for Restored {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("restored-log", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// How often the broker has refused a head of a log that went on by nobody's decision.
fn undecided(stage: &Stage) -> f64 {
    counted(stage.layout().metrics(Role::Broker), "chukei_log_heads_total", r#"result="TWO_PERSON_REQUIRED""#)
}

/// The person's records of this body, once they verify and all of their requests are told of.
fn verified(stage: &Stage, person: &Person, requests: usize) -> Value {
    until("records that verify", || {
        let ended = stage.portal(&["records", "--person", &person.user, "--verify"]);
        // A role may still be finding its peers; nothing is ever refused.
        let told = (ended.code != Some(4)).then(|| ended.done())?;
        let body = &told["bodies"][0];
        let whole = told["verified"] == true && body["closed"] == 0;
        (whole && body["records"].as_array()?.len() == requests).then(|| body.clone())
    })
}

fn decided(on: &Restored) {
    let stage = &on.0;
    // The other bodies' logs, which nobody decides about.
    stage.harm_logs();
    let person = &stage.with_copies(BODY, 1)[0];
    stage.self_info(&person.user, BODY, &[TAX]);
    verified(stage, person, 1);
    let kept = stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone();
    grow(stage);
    let refused = stage.staff(BODY, &["act", "request", "log-gap", "--reference", "R8-42"]);
    assert_eq!(refused.refused(), "NOT_FOUND", "a log that was never restored has no gap");
    let out = stage.file("backups");
    let taken = restoring::backup(stage, &out, None);
    let lost = stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone();
    stage.stack.stop_role(Role::Node).unwrap();
    restoring::empty(&stage.layout().dir().join("node"));
    restoring::node(stage, &["backup", "restore"], &["--from", taken["backup"].as_str().unwrap()]).done();
    stage.stack.start_role(Role::Node).unwrap();
    until("a refusal and the node's alarm", || {
        let alarms =
            counted(stage.layout().metrics(Role::Node), "chukei_integrity_alarms_total", r#"kind="log_gap""#);
        (alarms >= 1.0 && undecided(stage) >= 1.0).then_some(())
    });
    // It serves meanwhile, and no event of it is cosigned.
    stage.persons(BODY, 3);
    assert_eq!(counted(stage.layout().metrics(Role::Broker), "chukei_log_gaps_total", ""), 0.0);

    let act = stage.staff(BODY, &["act", "request", "log-gap", "--reference", "R8-42"]).done();
    let id = act["act"].as_str().unwrap();
    assert_eq!(stage.staff(BODY, &["act", "approve", id]).refused(), "TWO_PERSON_REQUIRED", "alone");
    let approver = stage.layout().approver_config(BODY).display().to_string();
    with_config("chukei", &approver, &["act", "approve", id]).done();
    stage.layout().set_clock("+72h").unwrap();
    until("an epoch that begins", || {
        (counted(stage.layout().metrics(Role::Broker), "chukei_log_gaps_total", "") == 1.0).then_some(())
    });
    assert_eq!(stage.staff(BODY, &["act", "show", id]).done()["state"], "executed");
    let told = fs::read_to_string(stage.layout().log(Role::Broker)).unwrap();
    let line = told.lines().find(|line| line.contains("goes on in a new epoch")).unwrap();
    assert!([STAFF, APPROVER].iter().all(|name| line.contains(name)), "{line}");
    grow(stage);
    // R41: the person's records verify, and what the restore has lost is told as lost.
    let new = stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone();
    let body = verified(stage, person, 3);
    let told: Vec<_> =
        body["records"].as_array().unwrap().iter().map(|record| &record["request_id"]).collect();
    assert_eq!(told[1..], [&kept, &new]);
    assert_eq!(body["lost"], serde_json::json!([lost]), "{body}");
    let again = stage.staff(BODY, &["act", "request", "log-gap", "--reference", "R8-42"]);
    assert_eq!(again.refused(), "NOT_FOUND", "it was decided");
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copied(&entry.path(), &there);
        } else if kind.is_file() {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}
