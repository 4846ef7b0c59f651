//! The fuzz targets stand outside the workspace, so that cargo does not hold them to it: here is held that each is listed,
//! that every message has one, and that they are built of the same packages as what ships. That they compile is held by
//! `tests/fuzz-smoke`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::DependencyKind;
use toml::{Table, Value};

use crate::repository;

const FOLDER: &str = "tests/fuzz";
const TARGETS: &str = "tests/fuzz/fuzz_targets";
const MESSAGES: &str = "relay-client/wire/tests/wire/snapshots/wire__frozen__messages.snap";
/// The engine and what it brings.
const ENGINE: &[&str] = &["libfuzzer-sys", "arbitrary"];
const REFRESH: &str =
    "cp Cargo.lock tests/fuzz/ && cargo metadata --manifest-path tests/fuzz/Cargo.toml >/dev/null mends it";

fn sources() -> BTreeMap<String, String> {
    repository::files("rs")
        .into_iter()
        .filter(|path| path.starts_with(TARGETS))
        .map(|path| path.to_str().unwrap().to_owned())
        .map(|path| (path.clone(), repository::read(&path)))
        .collect()
}

#[test]
fn every_fuzz_target_has_its_file_and_every_file_its_target() {
    let manifest = repository::read_toml(&format!("{FOLDER}/Cargo.toml"));
    let listed: Vec<String> = manifest["bin"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| {
            let (name, path) = (target["name"].as_str().unwrap(), target["path"].as_str().unwrap());
            assert_eq!(path, format!("fuzz_targets/{name}.rs"));
            format!("{FOLDER}/{path}")
        })
        .collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a target is listed twice");
    assert_eq!(once, sources().into_keys().collect());
}

#[test]
fn every_frozen_message_has_a_fuzz_target() {
    let sources = sources();
    let frozen = repository::read(MESSAGES);
    // A dump's head is `Name (length)`, or `Name of something (length)`.
    let heads = frozen.lines().filter(|line| line.ends_with(')') && !line.starts_with(' '));
    let names: BTreeSet<&str> = heads.filter_map(|line| line.split([' ', ',', ':']).next()).collect();
    assert!(names.len() > 80, "only {} messages found in {MESSAGES}", names.len());
    let targeted = |name: &str| sources.values().any(|text| text.contains(&format!("message::<{name}>(")));
    let missing: Vec<_> = names.into_iter().filter(|name| !targeted(name)).collect();
    assert!(missing.is_empty(), "messages that no fuzz target reads: {missing:#?}");
}

/// Packages of a lock, each with what it is.
fn locked(path: &str) -> BTreeMap<(String, String), Table> {
    let lock = repository::read_toml(path);
    let packages =
        lock["package"].as_array().unwrap().iter().map(|package| package.as_table().unwrap().clone());
    packages
        .map(|package| {
            let said = |key: &str| package[key].as_str().unwrap().to_owned();
            ((said("name"), said("version")), package)
        })
        .collect()
}

#[test]
fn what_is_fuzzed_is_built_of_the_packages_that_ship() {
    let (shipped, fuzzed) = (locked("Cargo.lock"), locked(&format!("{FOLDER}/Cargo.lock")));
    let mut wrong = Vec::new();
    for (key @ (name, version), package) in &fuzzed {
        let checksum = |package: &Table| package.get("checksum").cloned();
        let same = shipped.get(key).is_some_and(|shipped| checksum(shipped) == checksum(package));
        if !same && name != "chukei-fuzz" && !ENGINE.contains(&name.as_str()) {
            wrong.push(format!("{name} {version} is not what ships"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{REFRESH}");
}

#[test]
fn the_lock_of_the_fuzz_targets_knows_what_they_and_our_crates_name() {
    let fuzzed = locked(&format!("{FOLDER}/Cargo.lock"));
    let manifest = repository::read_toml(&format!("{FOLDER}/Cargo.toml"));
    let own: Vec<String> = manifest["dependencies"].as_table().unwrap().keys().cloned().collect();
    let mut named = BTreeMap::from([("chukei-fuzz".to_owned(), own)]);
    for package in repository::metadata().workspace_packages() {
        let built = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development && !dependency.optional);
        named.insert(package.name.to_string(), built.map(|dependency| dependency.name.clone()).collect());
    }
    let mut wrong = Vec::new();
    for ((name, _), package) in fuzzed.iter().filter(|((name, _), _)| name.starts_with("chukei-")) {
        let known = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // An entry is `name`, or `name version` where there are several.
        let known: BTreeSet<_> = known.filter_map(|entry| entry.as_str()?.split(' ').next()).collect();
        let unknown = named[name].iter().filter(|dependency| !known.contains(dependency.as_str()));
        wrong.extend(unknown.map(|dependency| format!("{name} is locked without {dependency}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{REFRESH}");
}
