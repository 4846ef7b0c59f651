//! A real Prometheus scrapes every role. Where it is not installed the test says so, unless it must be.

use std::process::{Child, Command, Stdio};

use chukei_harness::role::Role;
use libtest_mimic::{Completion, Trial};

use crate::group::{Skippable, skippable_group};
use crate::page::fetch;
use crate::stage::{Stage, until};

const TESTS: &[Skippable<Stage>] = &[("prometheus_scrapes_every_role_and_loads_the_alerts", scrape)];
/// Set where services must be there instead of being skipped.
const REQUIRE: &str = "CHUKEI_REQUIRE_SERVICES";
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/alerts/chukei.rules.yml");

pub(super) fn trials() -> Vec<Trial> {
    skippable_group("scrape", TESTS)
}

/// A Prometheus that is killed with the test at the latest.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scrape(stage: &Stage) -> Completion {
    let installed = Command::new("prometheus").arg("--version").output().is_ok();
    if !installed {
        let required = std::env::var_os(REQUIRE).is_some_and(|value| value == "1");
        assert!(!required, "prometheus is not installed, and {REQUIRE}=1 asks for it");
        return Completion::ignored_with("skipped: prometheus is not installed");
    }
    let layout = stage.layout();
    let targets: Vec<String> = Role::ALL.iter().map(|role| layout.metrics(*role).to_string()).collect();
    let config = stage.written(
        "prometheus.yml",
        format!(
            "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  evaluation_interval: 200ms\n\
             rule_files: ['{RULES}']\n\
             scrape_configs:\n- job_name: chukei\n  static_configs:\n  - targets: {targets:?}\n"
        ),
    );
    let address = chukei_ports::free().unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={config}"))
        .arg(format!("--storage.tsdb.path={}", stage.file("tsdb").display()))
        .arg(format!("--web.listen-address={address}"))
        .args(["--log.level=error"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Prometheus(child);
    let query = |path: &str| -> Option<serde_json::Value> {
        let (status, body) = fetch(address, "GET", path)?;
        (status == 200).then(|| serde_json::from_str(&body).ok())?
    };
    for role in Role::ALL {
        let path = format!("/api/v1/query?query=chukei_ready%7Brole%3D%22{role}%22%7D");
        until("a role that Prometheus sees ready", || {
            let found = query(&path)?;
            (found["data"]["result"][0]["value"][1] == "1").then_some(())
        });
    }
    let up = until("every target", || {
        let found = query("/api/v1/targets?state=active")?;
        let targets = found["data"]["activeTargets"].as_array()?.clone();
        (targets.len() == Role::ALL.len() && targets.iter().all(|target| target["health"] == "up"))
            .then_some(targets)
    });
    assert!(up.iter().all(|target| target["lastError"] == ""), "{up:?}");
    let rules = until("the rules", || query("/api/v1/rules"));
    let rules = &rules["data"]["groups"][0]["rules"];
    assert!(rules.as_array().is_some_and(|rules| !rules.is_empty()), "{rules}");
    Completion::Completed
}
