//! Rules of every source file that the compiler and clippy do not hold.

use std::collections::BTreeMap;
use std::path::Path;

use crate::repository;

const LINES_MAX: usize = 600;
const LINES_WORTH_A_LOOK: usize = 400;
const VAGUE_MODULES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "prelude"];
/// Words of unfinished work, written so that this file does not hold them.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
];
/// Readings of the machine's clock, which only the clock's own file may make.
const CLOCKS: &[&str] =
    &[concat!("SystemTime::", "now("), concat!("Timestamp::", "now("), concat!("Zoned::", "now(")];
const CLOCK_FILE: &str = "relay-client/src/clock.rs";

fn sources() -> Vec<(String, String)> {
    repository::files("rs")
        .into_iter()
        .map(|path| {
            let name = path.to_str().unwrap().to_owned();
            let text = repository::read(&name);
            (name, text)
        })
        .collect()
}

/// Fails with the list of what is wrong, one finding a line.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_at_its_head_what_it_is_for() {
    none(
        sources()
            .into_iter()
            .filter(|(_, text)| !text.starts_with("//! "))
            .map(|(name, _)| format!("{name} does not begin with //!"))
            .collect(),
    );
}

#[test]
fn no_file_is_long() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{name}: {lines} lines, at most {LINES_MAX}"));
        } else if lines > LINES_WORTH_A_LOOK {
            eprintln!("{name}: {lines} lines; past {LINES_WORTH_A_LOOK} a file is usually two");
        }
    }
    none(wrong);
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    none(
        sources()
            .into_iter()
            .filter(|(name, _)| {
                Path::new(name)
                    .with_extension("")
                    .components()
                    .any(|part| VAGUE_MODULES.contains(&part.as_os_str().to_str().unwrap()))
            })
            .map(|(name, _)| name)
            .collect(),
    );
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let ignored = line.trim_start().starts_with("#[ignore");
            if ignored || UNFINISHED.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(wrong);
}

#[test]
fn the_machine_clock_is_read_in_one_file() {
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| name != CLOCK_FILE) {
        for (number, line) in text.lines().enumerate() {
            if CLOCKS.iter().any(|clock| line.contains(clock)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(wrong);
}

#[test]
fn every_dependency_of_the_workspace_says_why() {
    let text = repository::read("Cargo.toml");
    let section = text.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    none(
        section
            .lines()
            .filter(|line| line.contains(" = ") && !line.starts_with('#'))
            .filter(|line| !line.contains("path = ") && !line.contains(" # "))
            .map(|line| format!("no reason given: {line}"))
            .collect(),
    );
}

#[test]
fn members_take_their_dependencies_from_the_workspace() {
    let mut wrong = Vec::new();
    for package in repository::metadata().workspace_packages() {
        let manifest: toml::Table = std::fs::read_to_string(&package.manifest_path).unwrap().parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (name, entry) in table {
                if entry.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    wrong.push(format!("{}: {name} has its own version", package.name));
                }
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            wrong.push(format!("{}: lints are not the workspace's", package.name));
        }
    }
    none(wrong);
}

#[test]
fn no_dependency_of_the_workspace_is_unused() {
    let manifest = repository::read_toml("Cargo.toml");
    let mut users: BTreeMap<&str, usize> = manifest["workspace"]["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .map(|name| (name.as_str(), 0))
        .collect();
    for package in repository::metadata().workspace_packages() {
        for dependency in &package.dependencies {
            if let Some(count) = users.get_mut(dependency.name.as_str()) {
                *count += 1;
            }
        }
    }
    none(
        users
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| format!("{name} has no user"))
            .collect(),
    );
}
