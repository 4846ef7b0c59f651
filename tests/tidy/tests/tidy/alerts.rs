//! Alert rules, dashboard, runbooks and the list of metrics agree with each other and with the code.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

use crate::repository;

const RULES: &str = "ops/alerts/chukei.rules.yml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    interval: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(default)]
    r#for: Option<String>,
    #[serde(default)]
    keep_firing_for: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
    #[serde(default)]
    rule: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    description: String,
    runbook: String,
}

fn rules() -> Vec<Rule> {
    let file: RuleFile = serde_saphyr::from_str(&repository::read(RULES)).unwrap();
    for group in &file.groups {
        assert!(group.name.starts_with("chukei-") && group.interval.ends_with('s'));
    }
    file.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// Metric names in `text`, without what a histogram adds to its own.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("chukei_") {
        let name: String = text[at..]
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        let name = name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
        names.insert(name.to_owned());
    }
    names.remove("chukei_process_");
    names
}

fn documented() -> BTreeSet<String> {
    metrics_in(&repository::read("ops/METRICS.md"))
}

#[test]
fn the_list_of_metrics_is_what_the_roles_register() {
    let source = repository::read("node/src/telemetry/metrics.rs");
    let (of_followers, of_roles): (Vec<_>, Vec<_>) =
        documented().into_iter().partition(|name| name.starts_with("chukei_follow_"));
    for name in &of_roles {
        let short = name.strip_prefix("chukei_").unwrap();
        assert!(source.contains(&format!("\"{short}\"")), "{name} is documented and not registered");
    }
    assert_eq!(of_roles.len(), source.matches(": made").count(), "each is registered as it is made");
    let written = repository::read("ops/src/commands/audit/follow/alarm.rs");
    for name in &of_followers {
        assert!(written.contains(&format!("# TYPE {name} gauge")), "{name} is documented and not written");
    }
    assert_eq!(of_followers.len(), written.matches("# TYPE ").count(), "each is documented");
}

#[test]
fn alerts_and_dashboard_ask_only_for_metrics_that_exist() {
    for path in [RULES, "ops/dashboards/chukei.json"] {
        let unknown: Vec<String> =
            metrics_in(&repository::read(path)).difference(&documented()).cloned().collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(&repository::read("ops/dashboards/chukei.json")).unwrap();
    assert!(!dashboard["panels"].as_array().unwrap().is_empty());
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let mut named = BTreeSet::new();
    for rule in rules() {
        assert!(["warning", "critical"].contains(&rule.labels.severity.as_str()), "{}", rule.alert);
        assert!(!rule.expr.is_empty() && !rule.annotations.summary.is_empty(), "{}", rule.alert);
        assert!(!rule.annotations.description.is_empty(), "{}", rule.alert);
        assert!(rule.labels.rule.is_none_or(|rule| rule.starts_with('R')));
        assert_eq!(rule.annotations.runbook, format!("ops/runbooks/{}.md", rule.alert));
        let runbook = repository::read(&rule.annotations.runbook);
        assert!(
            runbook.starts_with(&format!("# {}", rule.alert)) && runbook.contains("\n1. "),
            "{}",
            rule.alert
        );
        named.insert(format!("{}.md", rule.alert));
    }
    let present: BTreeSet<String> = repository::files("md")
        .iter()
        .filter_map(|path| path.strip_prefix("ops/runbooks").ok())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    // Runbooks of planned work are named for the work; those of alerts, for the alert.
    let (present, planned): (BTreeSet<String>, BTreeSet<String>) =
        present.into_iter().partition(|name| name.starts_with("Chukei"));
    assert_eq!(named, present, "a runbook for each alert and no other");
    for name in planned {
        let runbook = repository::read(&format!("ops/runbooks/{name}"));
        assert!(runbook.starts_with("# ") && runbook.contains("\n1. "), "{name}");
    }
}

#[test]
fn r35_a_mismatch_does_not_wait() {
    let rules = rules();
    let mismatch = rules.iter().find(|rule| rule.expr.contains("chukei_integrity_alarms_total")).unwrap();
    assert_eq!(mismatch.labels.severity, "critical");
    assert!(mismatch.r#for.is_none() && mismatch.keep_firing_for.is_some());
}

#[test]
fn prometheus_accepts_the_rules_and_they_behave() {
    let installed =
        Command::new("promtool").arg("--version").output().is_ok_and(|output| output.status.success());
    if !installed {
        let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "promtool is required here and not installed (Debian: prometheus)");
        eprintln!(
            "SKIPPED: promtool is not installed (Debian: prometheus); the rules' behaviour was not tested"
        );
        return;
    }
    for arguments in [["check", "rules", "chukei.rules.yml"], ["test", "rules", "chukei.rules.test.yml"]] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(repository::root().join("ops/alerts"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "promtool {arguments:?}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
