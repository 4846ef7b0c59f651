//! Policies and catalogues of a body, loaded by two persons and felt by the next operation (R6, R13).

use chukei_domain::day::{Day, day_of};
use serde_json::Value;

use super::{BODY, OTHER, Timed};
use crate::group::Test;

pub(super) const TESTS: &[Test<Timed>] = &[
    ("r6_a_policy_loaded_by_two_is_felt_by_the_next_operation", policy),
    ("r13_a_catalogue_loaded_by_two_waits_for_its_day_and_is_the_bodys_own", catalogue),
];

/// Nobody sees how the keys stand.
const POLICY: &str = r#"@id("no-keys")
@result("OUTSIDE_WINDOW")
@reason_en("How the keys stand is not shown.")
@reason_ja("鍵の状態は表示しません。")
forbid (principal, action == Action::"keys_status", resource);
"#;

fn policy(timed: &Timed) {
    let mut turn = timed.turn();
    let load =
        |path: &str| ["policy", "load", path, "--name", "no-keys", "--reference", "R8-1"].map(str::to_owned);
    let broken = turn.stage.written("broken.cedar", "permit (principal, action, resource);");
    let args = load(&broken);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(turn.first(&args).refused(), "BAD_FORMAT", "a policy of a body's own only takes away");
    let path = turn.stage.written("no-keys.cedar", POLICY);
    let act = turn.decided(&["policy", "load", &path, "--name", "no-keys"]);
    // Whoever approves reads what it is.
    let copy = turn.stage.file("read.cedar").display().to_string();
    turn.second(&["act", "show", &act, "--text", &copy]).done();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), POLICY);
    turn.first(&["keys", "status"]).done();
    turn.pass(72);
    turn.until(&act, "executed");
    assert_eq!(turn.first(&["keys", "status"]).refused(), "OUTSIDE_WINDOW");
    turn.stage.staff(OTHER, &["keys", "status"]).done();
    turn.carried_out(&["policy", "remove", "no-keys"]);
    turn.first(&["keys", "status"]).done();
}

fn catalogue(timed: &Timed) {
    let mut turn = timed.turn();
    let version = |list: Value| list["version"].as_str().unwrap().to_owned();
    let before = version(turn.first(&["catalogue", "list"]).done());
    let shipped = include_str!("../../../../../node/domain/catalogue/20240101.toml");
    let asked = |text: &str| {
        let path = turn.stage.written("catalogue.toml", text);
        turn.first(&["catalogue", "load", &path, "--reference", "R8-1"])
    };
    assert_eq!(asked(shipped).refused(), "BAD_PERIOD", "no later than what is in force");
    assert_eq!(asked("version = 1").refused(), "BAD_FORMAT");
    // Ten days ahead: later than the waiting period.
    let day = Day::from_number(day_of(turn.stage.layout().clock().now_ms()) + 10).compact();
    let later = shipped.replace("20240101", &day);
    let path = turn.stage.written("catalogue.toml", &later);
    let act = turn.decided(&["catalogue", "load", &path]);
    turn.pass(72);
    turn.carried_out(&["audit", "export", "--from", "2026-01-01", "--until", "2026-01-02"]);
    assert_eq!(turn.act(&act)["state"], "approved", "its day has not come");
    assert_eq!(version(turn.first(&["catalogue", "list"]).done()), before);
    turn.pass(7 * 24);
    turn.until(&act, "executed");
    assert_eq!(version(turn.first(&["catalogue", "list"]).done()), day);
    assert_eq!(version(turn.stage.staff(OTHER, &["catalogue", "list"]).done()), before);
    turn.stage.stack.stop_role(chukei_harness::role::Role::Node).unwrap();
    turn.stage.stack.start_role(chukei_harness::role::Role::Node).unwrap();
    turn.stage.stack.wait_ready(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(version(turn.first(&["catalogue", "list"]).done()), day, "after a restart as well");
    let body = turn.stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(body["verified"], true);
}
