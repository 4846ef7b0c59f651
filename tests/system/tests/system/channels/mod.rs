//! End-to-end channels while everything they stand on is replaced: by count, by new identities, by removed ones.

mod removed;
mod turning;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::program;
use crate::stage::Stage;

const TESTS: &[Test<Turning>] = &[
    ("channels_turn_over_by_count_under_load_and_no_request_fails", turning::by_count),
    ("identities_turn_under_load_and_no_request_fails", turning::identities),
    ("r20_a_removed_identity_of_a_body_is_unusable_within_a_second", removed::of_a_body),
    ("r20_a_removed_identity_of_the_portal_is_unusable_within_a_second", removed::of_the_portal),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("channels", TESTS)
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Messages after which a channel is replaced: two of each request.
const MESSAGES: usize = 24;
const SET_UPS: &str = "chukei_requests_total{kind=\"setup\",result=\"DONE\"";

/// A stage whose channels wear out soon.
struct Turning {
    stage: Stage,
    /// There is one peer list: the tests take turns.
    turns: Mutex<()>,
}

impl Shared for Turning {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("channels", hasty)?, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

fn hasty(layout: &Layout) {
    let messages = format!("channel_max_messages = {MESSAGES}");
    for (role, limits) in [
        // States of open notices are pulled all the time, so that the body has a channel to the portal in use.
        (Role::Node, format!("{messages}\nnotice_poll_seconds = 1")),
        // Who cannot be served is told soon.
        (Role::Portal, format!("{messages}\ndeadline_ms = 3000")),
    ] {
        let path = layout.config(role);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n[limits]\n{limits}\n")).unwrap();
    }
}

impl Turning {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pki(&self) -> PathBuf {
        self.stage.layout().dir().join("pki")
    }

    fn page(&self, role: Role) -> String {
        self.stage.stack.metrics(role).unwrap()
    }

    /// The sum of a role's samples that begin so.
    fn sum(&self, role: Role, sample: &str) -> u64 {
        sum(&self.page(role), sample)
    }

    fn channels(&self, role: Role, state: &str) -> u64 {
        let page = self.page(role);
        let sample = format!("chukei_channels{{state=\"{state}\"");
        let line =
            page.lines().find(|line| line.starts_with(&sample)).unwrap_or_else(|| panic!("no {sample}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn alarms(&self, role: Role) -> u64 {
        self.sum(role, "chukei_integrity_alarms_total")
    }
}

/// The sum of a page's samples that begin so.
fn sum(page: &str, sample: &str) -> u64 {
    let lines = page.lines().filter(|line| line.starts_with(sample));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// `chukei pki rotate|retire` in a key folder, for a body or the portal.
fn pki(dir: &std::path::Path, command: &str, holder: &[&str]) -> Value {
    let dir = dir.display().to_string();
    program::run("chukei", &[&["--json", "pki", command, "--dir", &dir], holder].concat()).done()
}

/// Whose identity, as the command is told.
const OF_BODY: &[&str] = &["body", "--code", BODY];
const OF_PORTAL: &[&str] = &["portal", "--name", "mynaportal"];
