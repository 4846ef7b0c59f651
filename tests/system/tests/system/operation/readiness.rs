//! Ready means that a request could be served now; what is missing is named, and its return noticed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::notice_file::notice;
use crate::page::{fetch, metric, page};
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Test<Stopping>] = &[
    ("every_role_shows_its_health_readiness_and_metrics", pages),
    ("without_a_broker_nobody_is_ready_and_with_it_all_are_again", broker_away),
    ("without_its_node_a_body_is_not_ready_and_nothing_else_is_told", node_away),
    ("r24_a_changed_peer_list_is_an_alarm_and_the_last_good_one_stays", changed_peer_list),
    ("r2_logs_tell_of_requests_and_never_of_persons_or_values", logs),
];

pub(super) fn trials() -> Vec<Trial> {
    group("readiness", TESTS)
}

const BODY: &str = "982016";

/// A stage whose roles are stopped and started by one test at a time.
struct Stopping {
    stage: Stage,
    turns: Mutex<()>,
}

impl Shared for Stopping {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("readiness", told_soon)?, turns: Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Stopping {
    fn turn(&self) -> (&Stage, MutexGuard<'_, ()>) {
        (&self.stage, self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Waits until `/readyz` of a role has this status; what it says.
fn until_status(stage: &Stage, role: Role, status: u16) -> String {
    until(&format!("{status} of {role}"), || {
        page(stage.layout(), role, "/readyz").filter(|(found, _)| *found == status).map(|(_, text)| text)
    })
}

fn pages(stopping: &Stopping) {
    let (stage, _turn) = stopping.turn();
    let layout = stage.layout();
    let person = &stage.persons(BODY, 1)[0];
    stage.self_info(&person.user, BODY, &[TAX]);
    for role in Role::ALL {
        let healthy = page(layout, role, "/healthz").unwrap();
        assert_eq!((healthy.0, healthy.1.trim()), (200, "ok"), "{role}");
        let ready = page(layout, role, "/readyz").unwrap();
        assert_eq!((ready.0, ready.1.trim()), (200, "ready"), "{role}");
        assert_eq!(metric(layout, role, "chukei_ready"), 1.0, "{role}");
        assert!(metric(layout, role, "chukei_requests_total") >= 1.0, "{role}");
        assert!(metric(layout, role, "chukei_request_seconds_count") >= 1.0, "{role}");
        assert!(metric(layout, role, "chukei_certificate_days_left") > 80.0, "{role}");
        assert!(metric(layout, role, "chukei_process_resident_memory_bytes") > 0.0, "{role}");
        let (_, text) = page(layout, role, "/metrics").unwrap();
        let bodies = ["982016", "982024", "983012", &person.addressee, &person.user];
        assert!(!bodies.iter().any(|name| text.contains(name)), "{role}: a body or a person in a label");
        let labelled = text.lines().filter(|line| line.starts_with("chukei_"));
        assert!(labelled.clone().all(|line| line.contains(&format!("role=\"{role}\""))), "{role}");
        assert_eq!(fetch(layout.metrics(role), "GET", "/nothing").unwrap().0, 404, "{role}");
        assert_eq!(fetch(layout.metrics(role), "POST", "/readyz").unwrap().0, 405, "{role}");
    }
    for role in [Role::Node, Role::Broker] {
        assert!(metric(layout, role, "chukei_journal_fsync_seconds_count") >= 1.0, "{role}");
        assert!(metric(layout, role, "chukei_connections") >= 1.0, "{role}");
    }
}

fn broker_away(stopping: &Stopping) {
    let (stage, _turn) = stopping.turn();
    let person = &stage.persons(BODY, 1)[0];
    let path = stage.written("copies.csv", file(&[Row::new(BODY, person, "away-1", "値")]));
    stage.staff(BODY, &["copy", "import", &path]).done();
    stage.stack.stop_role(Role::Broker).unwrap();
    for role in [Role::Node, Role::Portal] {
        let missing = until_status(stage, role, 503);
        assert!(missing.contains("broker"), "{role} names what is missing: {missing}");
        assert_eq!(page(stage.layout(), role, "/healthz").unwrap().0, 200, "{role} is alive all the same");
        assert_eq!(metric(stage.layout(), role, "chukei_ready"), 0.0);
    }
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    let code = stage.portal(&args).code_at(4);
    assert!(matches!(code.as_str(), "NOT_READY" | "UNAVAILABLE"), "{code}");
    let sent = stage.send(BODY, &notice("while-away", &[person]));
    let path = stage.written("copies.csv", file(&[Row::new(BODY, person, "away-1", "新しい値")]));
    assert_eq!(
        stage.staff(BODY, &["copy", "import", &path]).done()["registered"],
        1,
        "a body's work goes on"
    );

    stage.stack.start_role(Role::Broker).unwrap();
    Role::ALL.iter().for_each(|role| drop(until_status(stage, *role, 200)));
    let answer = stage.self_info(&person.user, BODY, &[TAX]);
    assert_eq!(answer["datasets"][0]["items"][0]["value"], "新しい値");
    stage.until_listed(&person.user, &sent);
}

fn node_away(stopping: &Stopping) {
    let (stage, _turn) = stopping.turn();
    let person = &stage.persons(BODY, 1)[0];
    stage.stack.stop_role(Role::Node).unwrap();
    until_status(stage, Role::Broker, 503);
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).code_at(4), "NOT_READY");
    assert_eq!(stage.staff(BODY, &["audit", "verify"]).code_at(4), "UNAVAILABLE");
    stage.stack.start_role(Role::Node).unwrap();
    Role::ALL.iter().for_each(|role| drop(until_status(stage, *role, 200)));
    assert_eq!(stage.self_info(&person.user, BODY, &[TAX])["result"], "NO_DATA");
    assert_eq!(stage.staff(BODY, &["audit", "verify"]).done()["verified"], true);
}

fn changed_peer_list(stopping: &Stopping) {
    let (stage, _turn) = stopping.turn();
    let person = &stage.persons(BODY, 1)[0];
    let path = stage.layout().dir().join("pki/peers.json");
    let good = std::fs::read(&path).unwrap();
    let roles = [Role::Node, Role::Broker];
    let alarms = || roles.map(|role| metric(stage.layout(), role, "chukei_integrity_alarms_total"));
    let before = alarms();
    let mut changed = good.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    for role in roles {
        let missing = until_status(stage, role, 503);
        assert!(missing.contains("CONFIG_TAMPERED"), "{role}: {missing}");
    }
    assert_eq!(alarms(), before.map(|count| count + 1.0), "raised once, not at every look");
    assert_eq!(
        stage.self_info(&person.user, BODY, &[TAX])["result"],
        "NO_DATA",
        "by the list that is in force"
    );
    std::fs::write(&path, &good).unwrap();
    Role::ALL.iter().for_each(|role| drop(until_status(stage, *role, 200)));
}

fn logs(stopping: &Stopping) {
    const CANARY: &str = "かなりあ-7f3a";
    let (stage, _turn) = stopping.turn();
    let person = &stage.persons(BODY, 1)[0];
    let path = stage.written("copies.csv", file(&[Row::new(BODY, person, "log-1", CANARY)]));
    stage.staff(BODY, &["copy", "import", &path]).done();
    let answer = stage.self_info(&person.user, BODY, &[TAX]);
    assert_eq!(answer["datasets"][0]["items"][0]["value"], CANARY);
    stage.self_info_refused(&person.user, BODY, "TM99999999999999");
    let nobody = ["copy", "show", "--person", "000009820169999", "--dataset", TAX];
    assert_eq!(stage.staff(BODY, &nobody).refused(), "NOT_FOUND");
    let node = std::fs::read_to_string(stage.layout().log(Role::Node)).unwrap();
    assert!(node.contains("\"request_id\":"), "what was not answered is told by its id");
    for role in Role::ALL {
        let text = std::fs::read_to_string(stage.layout().log(role)).unwrap();
        for line in text.lines() {
            let parsed: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|_| panic!("{role}: {line}"));
            assert!(parsed["level"].is_string() && parsed["timestamp"].is_string(), "{role}: {line}");
        }
        for secret in [CANARY, &person.addressee, &person.number] {
            assert!(!text.contains(secret), "{role} logs {secret}");
        }
    }
}
