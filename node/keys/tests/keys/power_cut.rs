//! The power goes at any moment of a keyring's life: it opens again as it was acknowledged or as it was about to be,
//! never older and never a mixture; and what was acknowledged as destroyed is on the disk no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_crypto::seal::{KeySource, Purpose};
use chukei_keys::{FileProvider, KeyProvider, KeyfileError, KeyringFile};
use chukei_power_cut::{Fault, Found, Missing, Plan, child, faulty, run, say};
use chukei_store::durable_file::ensure_dir;
use memchr::memmem;

use crate::stage::{TODAY, owner};

/// Changes of one life.
const CHANGES: u32 = 14;

/// Calls that fail now and then.
const FAULTS: &[Fault] = &[Fault { calls: "fsync", error: "EIO" }, Fault { calls: "rename", error: "EIO" }];

fn open(folder: &Path) -> (Arc<FileProvider>, Result<KeyringFile, KeyfileError>) {
    let provider = Arc::new(FileProvider::new(&folder.join("roots"), &folder.join("epochs")));
    let file = KeyringFile::open(&folder.join("data/982016.keyring"), provider.clone(), &owner());
    (provider, file)
}

/// As a body's owner would: opens the keyring, or makes the first one.
fn try_open_or_create(folder: &Path) -> Result<KeyringFile, KeyfileError> {
    for part in ["roots", "data"] {
        ensure_dir(&folder.join(part))?;
    }
    match open(folder) {
        (provider, Err(KeyfileError::Missing)) => {
            provider.make_root(&owner(), 1)?;
            KeyringFile::create(&folder.join("data/982016.keyring"), provider, &owner(), TODAY)
        }
        (_, opened) => opened,
    }
}

fn open_or_create(folder: &Path) -> KeyringFile {
    try_open_or_create(folder).unwrap()
}

/// The keyring in words: generation first, then root, epoch and every key.
fn state(file: &KeyringFile) -> String {
    let (keys, ids) = (file.snapshot(), file.ids());
    let mut words = vec![keys.generation().to_string(), format!("root-{} epoch-{}", ids.root, ids.epoch)];
    for purpose in [Purpose::Notices, Purpose::Names] {
        for day in keys.days(purpose) {
            for number in keys.day_numbers(purpose, day) {
                let key = keys.day_key_by_id(purpose, day, number).unwrap();
                words.push(
                    format!("{purpose:?}-{day}-{number}-{:02x?}", &key.as_bytes()[..4]).replace(", ", ""),
                );
            }
        }
    }
    words.extend(keys.pages().into_iter().map(|page| format!("page-{page}-{:?}", keys.page_numbers(page))));
    words.join(" ")
}

/// The files that hold roots and epochs, and what is in them, zeros where a destruction was cut short.
fn secrets(folder: &Path) -> BTreeMap<PathBuf, String> {
    let files =
        ["roots", "epochs"].into_iter().filter_map(|part| fs::read_dir(folder.join(part)).ok()).flatten();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "key"))
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap().trim().to_owned()))
        .collect()
}

/// One change of the round `at`, of each kind in turn.
fn change(file: &KeyringFile, at: u32) -> Result<(), KeyfileError> {
    let (day, newest) = (TODAY + 100 + at, file.ids().epoch);
    match at % 7 {
        0 | 3 => file.ensure_day_key(Purpose::Notices, day).map(drop),
        1 => file.turn_epoch(newest + 1, 1).map(drop),
        2 => file.ensure_page(at).map(drop),
        4 => file.rotate_root().map(drop),
        5 => file.update(|keys| Ok(keys.destroy_days_before(day - 8))).map(drop),
        _ => file.rotate_standing(),
    }
}

fn live(folder: &Path) {
    if faulty() {
        say("faulty");
    }
    // A fault that passes is over after a few calls.
    let mut opened = None;
    for _ in 0..if faulty() { 200 } else { 0 } {
        opened = opened.or_else(|| try_open_or_create(folder).ok());
    }
    let file = opened.unwrap_or_else(|| open_or_create(folder));
    say(&format!("state {}", state(&file)));
    let first = u32::try_from(file.snapshot().generation()).unwrap();
    for at in first..first + CHANGES {
        let before = secrets(folder);
        say("change");
        let changed = change(&file, at);
        let changed_at_last = changed.is_ok();
        let after = secrets(folder);
        match changed {
            Ok(()) => say(&format!("state {}", state(&file))),
            Err(error) => assert!(faulty(), "{error:?}"),
        }
        for (path, secret) in before {
            if changed_at_last && !after.contains_key(&path) && !secret.starts_with('\0') {
                say(&format!("gone {secret}"));
            }
        }
    }
}

/// Numbers that a key was acknowledged under and that the change in flight may have destroyed are not compared:
/// everything that is in both must be the same key.
fn contradicts(acknowledged: &str, found: &str) -> bool {
    let keys = |state: &str| -> BTreeMap<String, String> {
        let keys = state.split(' ').filter_map(|word| word.rsplit_once('-'));
        keys.filter(|(name, _)| name.matches('-').count() == 2)
            .map(|(name, key)| (name.to_owned(), key.to_owned()))
            .collect()
    };
    let (acknowledged, found) = (keys(acknowledged), keys(found));
    acknowledged.iter().any(|(name, key)| found.get(name).is_some_and(|other| other != key))
}

fn check(Found { folder, freed, said }: Found<'_>) {
    let named: Vec<u8> = all_bytes(folder);
    // What cannot be overwritten is removed as it is.
    let freed = if said.iter().any(|line| line == "faulty") { &[] } else { freed };
    for secret in said.iter().filter_map(|line| line.strip_prefix("gone ")) {
        let mut bytes = freed.iter().chain([&named]);
        assert!(
            bytes.all(|bytes| memmem::find(bytes, secret.as_bytes()).is_none()),
            "a destroyed key came back"
        );
    }
    let acknowledged = said.iter().rev().find_map(|line| line.strip_prefix("state "));
    // One, or more that failed on the way.
    let in_flight =
        said.iter().rev().take_while(|line| !line.starts_with("state ")).filter(|line| *line == "change");
    let in_flight = in_flight.count() as u64;
    if acknowledged.is_some() {
        let (_, found) = open(folder);
        drop(found.unwrap());
    }
    let file = open_or_create(folder);
    let found = state(&file);
    if let Some(acknowledged) = acknowledged {
        let generation = |state: &str| state.split(' ').next().unwrap().parse::<u64>().unwrap();
        let newer =
            generation(&found).checked_sub(generation(acknowledged)).expect("older than acknowledged");
        match newer {
            0 => assert_eq!(found, acknowledged),
            _ if newer <= in_flight => assert!(!contradicts(acknowledged, &found), "{acknowledged}\n{found}"),
            _ => panic!("of a generation that was never written: {found}"),
        }
    }
    for at in 0..7 {
        change(&file, file.snapshot().generation() as u32 + at).unwrap();
    }
    let last = state(&file);
    drop(file);
    assert_eq!(state(&open(folder).1.unwrap()), last, "it lives on");
}

fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    bytes
}

#[test]
fn keyring_power_cut_leaves_one_whole_generation_and_no_destroyed_key() {
    if let Some(folder) = child() {
        return live(&folder);
    }
    let missing = &[
        Missing::Files(".keyring.new"),
        Missing::Files(".generation.new"),
        Missing::Files(".key.new"),
        Missing::Files(".key"),
        Missing::Folders("roots"),
        Missing::Folders("epochs"),
        Missing::Folders("data"),
        Missing::Folders(""),
    ];
    let plan = Plan { cuts: 400, lives: 8, cuts_of_each: 60, missing, faults: FAULTS, faulty_lives: 4 };
    run("power_cut::keyring_power_cut_leaves_one_whole_generation_and_no_destroyed_key", plan, check)
        .unwrap();
}
