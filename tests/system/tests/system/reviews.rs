//! The review queue (R7), end to end: a pattern becomes an item, which outlives a kill; a reviewer whom it is not about
//! signs it off; one that nobody signs is overdue, and the metric that the alarm stands on says so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::STAFF;
use chukei_harness::role::Role;
use chukei_ops::pki::{Pki, Validity};
use chukei_wire::header::Kind;
use libtest_mimic::{Failed, Trial};
use rustix::process::Signal;
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::hop::{credentials, dial_staff};
use crate::page::metric;
use crate::program::{self, Ended};
use crate::stage::{Stage, until};

const TESTS: &[Test<Reviewed>] = &[
    (
        "r7_refusals_elsewhere_become_an_item_that_outlives_a_kill_and_another_reviewer_signs",
        refusals_elsewhere,
    ),
    ("r10_a_note_with_an_individual_number_is_refused_and_nowhere", note_with_a_number),
    ("r7_an_item_that_nobody_signs_is_overdue_and_alarms", overdue),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("review", TESTS)
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
const REVIEWER: &str = "u-rev-01";

/// A stage with a second reviewer. Its tests take turns: they look at one queue.
struct Reviewed {
    stage: Stage,
    turns: Mutex<()>,
}

impl Shared for Reviewed {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("review", |layout| {
            let pki = Pki::open(&layout.dir().join("pki")).unwrap();
            let hop = Validity::hop(layout.clock().now_ms());
            pki.issue_staff(BODY.parse().unwrap(), REVIEWER, hop).unwrap();
            let config = std::fs::read_to_string(layout.staff_config(BODY)).unwrap();
            std::fs::write(layout.dir().join("reviewer.toml"), config.replace(STAFF, REVIEWER)).unwrap();
        })?;
        Ok(Self { stage, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Reviewed {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a command as the second reviewer.
    fn reviewer(&self, args: &[&str]) -> Ended {
        let config = self.stage.layout().dir().join("reviewer.toml");
        program::with_config("chukei", &config.display().to_string(), args)
    }

    /// Items as the second reviewer sees them.
    fn items(&self, which: &[&str]) -> Vec<Value> {
        let listed = self.reviewer(&[&["review", "list"], which].concat()).done();
        listed["items"].as_array().unwrap().clone()
    }

    /// An open item of this rule, about the member of staff.
    fn found(&self, rule: &str) -> Option<Value> {
        let subject = format!("chukei://body/{BODY}/staff/{STAFF}");
        let is = |item: &Value| item["rule"] == rule && item["subject"] == subject;
        self.items(&[]).into_iter().find(is)
    }

    /// The member of staff asks another body until it is an item; its number.
    fn pry(&self) -> String {
        let layout = self.stage.layout();
        let own = credentials(layout, &format!("staff-{BODY}-{STAFF}"));
        let caller = self.stage.runtime.block_on(dial_staff(layout, &own)).unwrap();
        let item = until("an item", || {
            let header = caller.header(Kind::CatalogueList, OTHER);
            self.stage.runtime.block_on(caller.ask(&header, &[]));
            self.found("refused_elsewhere")
        });
        assert_eq!(item["results"], serde_json::json!(["NOT_FOUND"]), "{item}");
        item["id"].to_string()
    }
}

fn refusals_elsewhere(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry();
    let stage = &on.stage;
    stage.signal(Role::Node, Signal::KILL);
    // What was listed was durable before it was shown.
    until("the node is back", || on.reviewer(&["review", "list"]).code.filter(|code| *code == 0));
    assert_eq!(on.found("refused_elsewhere").unwrap()["id"].to_string(), number);
    let own = stage.staff(BODY, &["review", "sign", &number, "--note", "確認"]);
    assert_eq!(own.refused(), "TWO_PERSON_REQUIRED", "nobody signs off what they did");
    let signed = on.reviewer(&["review", "sign", &number, "--note", "研修中の誤操作、本人に確認"]).done();
    assert_eq!(
        (&signed["state"], &signed["signed_by"]),
        (&"SIGNED".into(), &format!("chukei://body/{BODY}/staff/{REVIEWER}").into())
    );
    assert_eq!(on.found("refused_elsewhere"), None);
    let kept = on.items(&["--signed"]);
    assert!(kept.iter().any(|item| item["id"].to_string() == number), "{kept:?}");
    let again = on.reviewer(&["review", "sign", &number, "--note", "研修中の誤操作、本人に確認"]).done();
    assert_eq!(again["signed_ms"], signed["signed_ms"], "repeated, it is the same signature");
    assert!(on.found("second_person").is_some(), "that they tried to sign it themselves is an item as well");
}

fn note_with_a_number(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry();
    let note = "1234-5678-9018 の方の件";
    let refused = on.reviewer(&["review", "sign", &number, "--note", note]);
    assert!(!refused.stderr.contains("9018"), "{refused:?}");
    assert_eq!(refused.refused(), "FORBIDDEN_IDENTIFIER");
    let shown = on.reviewer(&["review", "show", &number]).done();
    assert_eq!((&shown["state"], &shown["note"]), (&"OPEN".into(), &Value::Null));
    let log = std::fs::read_to_string(on.stage.layout().log(Role::Node)).unwrap();
    assert!(!log.contains("5678"), "R10: no log holds it");
    on.reviewer(&["review", "sign", &number, "--note", "確認"]).done();
}

fn overdue(on: &Reviewed) {
    let _turn = on.turn();
    let number = on.pry();
    let layout = on.stage.layout();
    let of = |name: &str| metric(layout, Role::Node, name);
    until("the item is counted", || (of("chukei_reviews_open") >= 1.0).then_some(()));
    assert_eq!(of("chukei_reviews_overdue"), 0.0);
    layout.set_clock("+7d").unwrap();
    until("the item is overdue", || (of("chukei_reviews_overdue") >= 1.0).then_some(()));
    let overdue = on.items(&["--overdue"]);
    let item = overdue.iter().find(|item| item["id"].to_string() == number).unwrap();
    assert_eq!(item["state"], "OVERDUE");
    for item in on.items(&["--overdue"]) {
        on.reviewer(&["review", "sign", &item["id"].to_string(), "--note", "確認"]).done();
    }
    until("nothing is overdue", || (of("chukei_reviews_overdue") == 0.0).then_some(()));
}
