//! R23, R43: what records told ends with their key when their time is over, at the node and at the broker, and the tree over
//! the log goes on from where it was: its witness accepts it, also after a start.

use std::fs;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::page::{counted, metric};
use crate::stage::{Stage, until};

const TESTS: &[Test<Ending>] = &[("r23_records_end_with_their_key_and_the_tree_is_witnessed_on", ended)];
const BODY: &str = "982016";
/// Past the end of the month that follows.
const DAYS: u64 = 63;
const DAY_S: u64 = 86_400;

pub(crate) fn trials() -> Vec<Trial> {
    group("ended_records", TESTS)
}

struct Ending(Stage);

impl Shared for Ending {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("ended-records", kept_for_a_day)?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn kept_for_a_day(layout: &Layout) {
    for role in [Role::Node, Role::Broker] {
        let path = layout.config(role);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + "\n[retention]\nlog_days = 1\n").unwrap();
    }
}

/// Writes events, and waits until what stands behind them is cosigned.
fn grow(stage: &Stage) {
    let cosigned =
        || counted(stage.layout().metrics(Role::Node), "chukei_log_heads_total", r#"result="COSIGNED""#);
    let before = cosigned();
    stage.staff(BODY, &["catalogue", "list"]).done();
    until("a cosignature", || (cosigned() > before).then_some(()));
}

/// How many events there are, each of which opens, and none of which is too old.
fn events(stage: &Stage) -> u64 {
    let verified = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(verified["verified"], true, "{verified}");
    verified["events"].as_u64().unwrap()
}

fn ended(on: &Ending) {
    let stage = &on.0;
    let persons = stage.with_copies(BODY, 3);
    // Each leaves two records at the broker.
    persons.iter().for_each(|person| drop(stage.self_info(&person.user, BODY, &[TAX])));
    (0..20).for_each(|_| drop(stage.staff(BODY, &["catalogue", "list"]).done()));
    grow(stage);
    let before = events(stage);
    stage.layout().set_clock(&format!("+{}s", DAYS * DAY_S)).unwrap();
    for role in [Role::Node, Role::Broker] {
        until("what is over to be given up", || {
            (metric(stage.layout(), role, "chukei_log_entries_given_up_total") >= 2.0).then_some(())
        });
    }
    until("the records of the body", || (events(stage) < before).then_some(()));
    grow(stage);
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until("a node that serves", || (stage.staff(BODY, &["catalogue", "list"]).code == Some(0)).then_some(()));
    grow(stage);
    for role in [Role::Node, Role::Broker] {
        let alarms = metric(stage.layout(), role, "chukei_integrity_alarms_total");
        assert_eq!(alarms, 0.0, "the tree is the one that was witnessed before");
    }
}
