//! Two clocks: the node's own jumps, its broker's does not. Days, and waiting periods of acts, end by both together, and
//! never by one (R23).

use std::fs;

use chukei_domain::day::{Day, day_of};
use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_relay_client::clock::Clock;
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::group::{Shared, Test, group};
use crate::notice_file::{notice, with};
use crate::page::metric;
use crate::program::with_config;
use crate::stage::{Stage, until};

const TESTS: &[Test<Apart>] =
    &[("r23_no_day_and_no_waiting_period_ends_by_the_node_s_clock_alone_and_each_by_both", jumps)];

pub(crate) fn trials() -> Vec<Trial> {
    group("clocks", TESTS)
}

const BODY: &str = "982016";
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

/// A stage whose node follows a clock file of its own.
struct Apart {
    stage: Stage,
    /// Seconds between the machine's time and the noon at which the stage was set.
    noon: i64,
}

impl Shared for Apart {
    fn set() -> Result<Self, Failed> {
        let japan = i64::try_from(Clock::system().now_ms() / 1_000)? + 9 * HOUR_S;
        let noon = (DAY_S + DAY_S / 2 - japan % DAY_S) % DAY_S;
        let stage = Stage::start("clocks", |layout| {
            let config = layout.dir().join("node.toml");
            let text = fs::read_to_string(&config).unwrap();
            fs::write(&config, text.replace("clock_file = \"clock\"", "clock_file = \"node-clock\""))
                .unwrap();
            layout.set_clock(&offset(noon)).unwrap();
            set_node(layout, noon);
        })?;
        Ok(Self { stage, noon })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

fn offset(seconds: i64) -> String {
    format!("{seconds:+}s")
}

fn set_node(layout: &Layout, seconds: i64) {
    fs::write(layout.dir().join("node-clock"), offset(seconds)).unwrap();
}

/// An act that waits for its three days once it is approved.
fn requested(stage: &Stage) -> String {
    let act = stage.staff(BODY, &["keys", "copy", "--reference", "R8-1"]).done();
    act["act"].as_str().unwrap().to_owned()
}

fn jumps(apart: &Apart) {
    let (stage, noon) = (&apart.stage, apart.noon);
    let count = |name: &str| metric(stage.layout(), Role::Node, name);
    let status = || stage.staff(BODY, &["keys", "status"]).done();
    let ended = || fs::read_to_string(stage.layout().log(Role::Node)).unwrap().contains("day key destroyed");
    let person = &stage.persons(BODY, 1)[0];
    let id = stage.send(BODY, &with(notice("one-day", &[person]), "retention_days", json!(1)));
    stage.until_listed(&person.user, &id);
    until("a witness", || (count("chukei_witnessed_seconds") > 0.0).then_some(()));
    let today = day_of(stage.layout().clock().now_ms());
    let named = |day: u32| Day::from_number(day).to_string();
    until("today's epoch", || (status()["epoch"] == named(today)).then_some(()));
    let waits = requested(stage);
    let approver = stage.layout().approver_config(BODY).display().to_string();
    with_config("chukei", &approver, &["act", "approve", &waits]).done();
    let state = |act: &str| stage.staff(BODY, &["act", "show", act]).done()["state"].clone();

    set_node(stage.layout(), noon + 20 * DAY_S);
    until("the alarm", || (count("chukei_clock_alarms_total") == 1.0).then_some(()));
    assert!(!ended(), "forward: nothing is destroyed");
    assert_eq!(status()["epoch"], named(today), "and no epoch is made");
    let rotated = stage.staff(BODY, &["keys", "rotate", "--epoch"]).done();
    assert_eq!(rotated["epoch"], named(today + 1), "by hand one day ahead, of what both clocks say");
    // Another act, which is looked at when it is asked for and when it is called off, passes the first one by.
    let other = requested(stage);
    stage.staff(BODY, &["act", "cancel", &other]).done();
    assert_eq!(state(&waits), "approved", "neither carried out nor left too long");

    set_node(stage.layout(), noon - HOUR_S / 2);
    until("the other alarm", || (count("chukei_clock_alarms_total") == 2.0).then_some(()));
    assert!(!ended());
    assert_eq!(count("chukei_rows_swept_total"), 0.0);

    // Three days later by both.
    stage.layout().set_clock(&offset(noon + 3 * DAY_S)).unwrap();
    set_node(stage.layout(), noon + 3 * DAY_S);
    until("the end of the day's keys", || ended().then_some(()));
    until("the end of the waiting period", || (state(&waits) == "executed").then_some(()));
    until("the end of its rows", || (count("chukei_rows_swept_total") >= 4.0).then_some(()));
    assert_eq!(stage.staff(BODY, &["notice", "status", &id]).refused(), "ERASED");
    assert_eq!(stage.staff(BODY, &["audit", "verify"]).done()["verified"], true);
}
