//! The bans of `deny.toml`, held against Cargo.lock: nothing has to be installed, no network is needed.
//!
//! A ban with versions is an advisory floor and holds for the whole lock file, tests included; a ban without
//! versions holds for what ships.

use std::str::FromStr;

use cargo_metadata::semver::{Version, VersionReq};

use crate::repository;

struct Ban {
    name: String,
    versions: Option<VersionReq>,
    reason: String,
}

fn bans() -> Vec<Ban> {
    let deny = repository::read_toml("deny.toml");
    let entries = deny["bans"]["deny"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            let spec = entry["crate"].as_str().unwrap();
            let reason =
                entry["reason"].as_str().unwrap_or_else(|| panic!("{spec}: a ban states its reason"));
            let (name, versions) = match spec.split_once(':') {
                Some((name, range)) => (name, Some(VersionReq::from_str(range).unwrap())),
                None => (spec, None),
            };
            Ban { name: name.to_owned(), versions, reason: reason.to_owned() }
        })
        .collect()
}

fn locked() -> Vec<(String, Version)> {
    let lock = repository::read_toml("Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let version = Version::from_str(package["version"].as_str().unwrap()).unwrap();
            (package["name"].as_str().unwrap().to_owned(), version)
        })
        .collect()
}

#[test]
fn no_locked_version_is_below_an_advisory_floor() {
    let locked = locked();
    let mut wrong = Vec::new();
    for ban in bans() {
        let Some(versions) = &ban.versions else { continue };
        for (name, version) in &locked {
            if *name == ban.name && versions.matches(version) {
                wrong.push(format!("{name} {version}: {}", ban.reason));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_banned_is_built_into_what_ships() {
    let shipped = repository::shipped_packages();
    assert!(shipped.iter().any(|name| name == "ring"), "the listing of packages is empty");
    let wrong: Vec<String> = bans()
        .into_iter()
        .filter(|ban| ban.versions.is_none() && shipped.contains(&ban.name))
        .map(|ban| format!("{}: {}", ban.name, ban.reason))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_floors_of_the_transport_are_stated() {
    let bans = bans();
    for (name, below) in [
        ("quinn-proto", "0.11.18"),
        ("rustls", "0.23.45"),
        ("rustls-webpki", "0.103.15"),
        ("tokio-postgres", "0.7.17"),
    ] {
        let version = Version::from_str(below).unwrap();
        let stated = bans.iter().any(|ban| {
            ban.name == name
                && ban.reason.contains("RUSTSEC-")
                && ban.versions.as_ref().is_some_and(|versions| versions.matches(&version))
        });
        assert!(stated, "deny.toml must ban {name} {below} and name the advisory");
    }
}

#[test]
fn packages_come_from_the_public_registry_only() {
    let lock = repository::read_toml("Cargo.lock");
    let mut registries = std::collections::BTreeSet::new();
    for package in lock["package"].as_array().unwrap() {
        let Some(source) = package.get("source").and_then(toml::Value::as_str) else { continue };
        assert!(source.starts_with("registry+"), "{} comes from {source}", package["name"]);
        registries.insert(source);
    }
    assert!(registries.len() == 1, "one registry, not {registries:?}");
}
