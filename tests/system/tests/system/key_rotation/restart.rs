//! A rewrite goes on where a stop cut it off.

use chukei_harness::role::Role;
use libtest_mimic::Trial;

use super::{BODY, rotate, status, until_rewritten};
use crate::attacks::rig::ask;
use crate::group::{Test, group};
use crate::stage::Stage;

const TESTS: &[Test<Stage>] = &[("a_rewrite_that_a_stop_cut_off_goes_on_by_itself", cut_off)];

pub(super) fn trials() -> Vec<Trial> {
    group("rotation_restart", TESTS)
}

fn cut_off(stage: &Stage) {
    let known = stage.known_persons(BODY, 300);
    let before = status(stage);
    assert_eq!(before["rewrite"]["left"], 0, "{before}");
    let asked = rotate(stage, &["--root", "--standing", "--rewrite"]);
    assert_eq!((&asked["rewrite"]["running"], &asked["root"]), (&true.into(), &2.into()), "{asked}");
    // Numbers are retired seconds after the last row, so that the stop comes before that.
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    stage.stack.wait_ready(std::time::Duration::from_secs(60)).unwrap();
    let now = status(stage);
    let numbers = |status: &serde_json::Value| status["purposes"][0]["standing"].as_array().unwrap().len();
    assert!(numbers(&now) == 2 && now["rewrite"]["running"] == true, "the stop came in the middle: {now}");
    let after = until_rewritten(stage);
    assert_eq!(after["purposes"][0]["standing"][0], now["purposes"][0]["standing"][1]);
    let client = stage.client();
    for known in &known {
        assert_eq!(stage.runtime.block_on(ask(&client, known)).unwrap(), known.value);
    }
    let report = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
}
