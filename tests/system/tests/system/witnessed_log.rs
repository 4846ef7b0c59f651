//! R43: brokers cosign a body's log only where it continues what they have cosigned before; a log that was set back is told by
//! every side.

use std::fs;
use std::path::Path;

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use crate::group::{Shared, Test, group};
use crate::page::counted;
use crate::stage::{Stage, until};

const TESTS: &[Test<Witnessed>] =
    &[("r43_a_log_that_is_put_back_to_an_older_copy_is_refused_by_its_witness", set_back)];
const BODY: &str = "982016";

pub(crate) fn trials() -> Vec<Trial> {
    group("witnessed_log", TESTS)
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

fn cosigned(stage: &Stage, role: Role) -> f64 {
    counted(stage.layout().metrics(role), "chukei_log_heads_total", r#"result="COSIGNED""#)
}

fn forks(stage: &Stage, role: Role) -> f64 {
    counted(stage.layout().metrics(role), "chukei_integrity_alarms_total", r#"kind="log_fork""#)
}

/// Writes events, and waits until what stands behind them is cosigned.
fn grow(stage: &Stage) {
    let before = [Role::Node, Role::Broker].map(|role| cosigned(stage, role));
    stage.persons(BODY, 3);
    until("cosignatures at both sides", || {
        let now = [Role::Node, Role::Broker].map(|role| cosigned(stage, role));
        now.iter().zip(before).all(|(now, before)| *now >= before + 1.0).then_some(())
    });
}

fn set_back(on: &Witnessed) {
    let stage = &on.0;
    grow(stage);
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

    stage.stack.stop_role(Role::Node).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&copy, &data).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until("the alarm at both sides", || {
        let told = [Role::Node, Role::Broker].map(|role| forks(stage, role));
        told.iter().all(|told| *told >= 1.0).then_some(())
    });
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
