//! The registry's binding master turns from version 1 to version 2 while half the persons are enrolled anew: both halves
//! are served, until version 1 is over.

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use super::{list_masters, pki};
use crate::attacks::rig::{BODY, Known};
use crate::group::{Shared, group};
use crate::notice_file::notice;
use crate::page::page;
use crate::person::Person;
use crate::stage::{Stage, until};

/// The group.
pub(super) fn trials() -> Vec<Trial> {
    group::<BindingRotation>(
        "binding_rotation",
        &[("r22_both_halves_are_served_until_the_old_binding_is_over", turn)],
    )
}

/// Persons of one half.
const HALF: usize = 3;
const FIRST: &str = "version = 1\nfile = \"pki/portal-mynaportal.binding-1.key\"";
const SECOND: &str = "version = 2\nfile = \"pki/portal-mynaportal.binding-2.key\"";

struct BindingRotation(Stage);

impl Shared for BindingRotation {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("binding-rotation", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn turn(rotation: &BindingRotation) {
    let stage = &rotation.0;
    let persons = stage.known_persons(BODY, 2 * HALF);
    let (renewed, left) = persons.split_at(HALF);
    pki(stage.layout()).binding_master("mynaportal", 2).unwrap();
    turn_to(stage, &[FIRST, SECOND]);
    // Nobody is enrolled anew yet.
    persons.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    let file = reissued(stage, HALF);
    assert_eq!(enrolled(stage, &file), [HALF, 0], "the newer binding is new");
    assert_eq!(enrolled(stage, &file), [0, HALF], "the same file again changes nothing");
    persons.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    assert_eq!(notified(stage, "n-both", &persons), vec!["UNREAD"; 2 * HALF]);
    turn_to(stage, &[SECOND]);
    renewed.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    // Refused by name, without an alarm, and nobody else's channel is stopped by it.
    left.iter().for_each(|known| assert_eq!(stage.ask(known), Err("CODE_NOT_ACQUIRED".to_owned())));
    renewed.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    let states = notified(stage, "n-half", &persons);
    assert_eq!(states, [vec!["UNREAD"; HALF], vec!["FAILED"; HALF]].concat());
    let file = reissued(stage, 2 * HALF);
    assert_eq!(enrolled(stage, &file), [HALF, HALF]);
    persons.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    assert_eq!(notified(stage, "n-all", &persons), vec!["UNREAD"; 2 * HALF]);
    assert_eq!([Role::Node, Role::Portal].map(|role| stage.alarms(role, None)), [0, 0]);
}

/// Restarts the portal, which plays the registry, with these masters.
fn turn_to(stage: &Stage, masters: &[&str]) {
    list_masters(stage.layout(), Role::Portal, "binding_masters", masters);
    stage.restart(Role::Portal);
    let ready = || page(stage.layout(), Role::Portal, "/readyz").filter(|(status, _)| *status == 200);
    until("the portal", ready);
}

/// The file of new numbers of the first so many persons.
fn reissued(stage: &Stage, first: usize) -> String {
    let file = stage.file("reissued.csv").display().to_string();
    let args = ["person", "reissue", "--body", BODY, "--first", &first.to_string(), "--out", &file];
    assert_eq!(stage.portal(&args).done()["added"], first);
    file
}

/// Enrolled and unchanged rows of a file that has no other.
fn enrolled(stage: &Stage, file: &str) -> [usize; 2] {
    let report = stage.staff(BODY, &["person", "enroll", file]).done();
    assert_eq!(report["rejected"], serde_json::json!({}), "{report}");
    ["enrolled", "unchanged"].map(|name| usize::try_from(report[name].as_u64().unwrap()).unwrap())
}

/// The state of a notice to each of `persons`, once none is pending.
fn notified(stage: &Stage, key: &str, persons: &[Known]) -> Vec<String> {
    let targets: Vec<&Person> = persons.iter().map(|known| &known.person).collect();
    let id = stage.send(BODY, &notice(key, &targets));
    until("the states of every target", || {
        let status = stage.staff(BODY, &["notice", "status", &id]).done();
        let states = status["targets"].as_array().unwrap().iter().map(|target| &target["state"]);
        let states: Vec<String> = states.map(|state| state.as_str().unwrap().to_owned()).collect();
        (!states.iter().any(|state| state == "PENDING")).then_some(states)
    })
}
