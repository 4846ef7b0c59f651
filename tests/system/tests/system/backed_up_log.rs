//! R43, R2: the log in a chain of backups is verified where there is no key of the body: what was done to it since is named.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::program::{self, Ended, with_config};
use crate::restoring::{backup, text};
use crate::stage::Stage;

const TESTS: &[Test<BackedUp>] = &[
    ("r43_what_was_done_to_the_log_in_a_backup_is_named", altered),
    ("r43_a_chain_of_backups_whose_base_is_gone_or_older_is_refused", rolled_back),
    ("r24_a_backup_is_believed_by_the_signed_list_of_peers_alone", wrong_keys),
    ("r4_a_clerk_of_an_affair_takes_no_backup", not_permitted),
];
const BODY: &str = "982016";

pub(crate) fn trials() -> Vec<Trial> {
    group("backed_up_log", TESTS)
}

struct BackedUp(Stage);

impl Shared for BackedUp {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("backed-up-log", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// A complete backup and one that builds on it: their folders.
fn chain(stage: &Stage) -> [PathBuf; 2] {
    let out = stage.file("backups");
    stage.a_day(BODY);
    let full = backup(stage, &out, None)["backup"].as_str().unwrap().to_owned();
    stage.persons(BODY, 3);
    let last = backup(stage, &out, Some(&full))["backup"].as_str().unwrap().to_owned();
    [full.into(), last.into()]
}

fn verify_with(backup: &Path, peers: &Path, root: &Path) -> Ended {
    let args = ["audit", "verify", "--backup", &text(backup), "--peers", &text(peers), "--root", &text(root)];
    program::run("chukei", &[&["--json"], &args[..]].concat())
}

fn verify(stage: &Stage, backup: &Path) -> Ended {
    let pki = stage.layout().dir().join("pki");
    verify_with(backup, &pki.join("peers.json"), &pki.join("peer-root.pub"))
}

/// What is done to the log's file of a backup, and whether what is wrong stands behind its last record.
type Deed = (&'static str, fn(Vec<u8>, &[u8]) -> Vec<u8>, bool);

const DEEDS: &[Deed] = &[
    (
        "byte flipped",
        |mut bytes, _| {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            bytes
        },
        false,
    ),
    (
        "byte dropped",
        |mut bytes, _| {
            bytes.remove(bytes.len() / 2);
            bytes
        },
        false,
    ),
    (
        "cut in half",
        |mut bytes, _| {
            bytes.truncate(bytes.len() / 2);
            bytes
        },
        false,
    ),
    (
        "last byte cut off",
        |mut bytes, _| {
            bytes.pop();
            bytes
        },
        false,
    ),
    ("doubled", |bytes, _| [bytes.clone(), bytes].concat(), true),
    (
        "bytes behind its end",
        |mut bytes, _| {
            bytes.extend_from_slice(&[0; 8]);
            bytes
        },
        true,
    ),
    ("the log of the other backup in its place", |_, other| other.to_vec(), false),
];

fn altered(on: &BackedUp) {
    let stage = &on.0;
    let [full, last] = chain(stage);
    let whole = verify(stage, &last).done();
    assert_eq!(
        (&whole["verified"], &whole["backups"], &whole["first"]),
        (&true.into(), &2.into(), &1.into())
    );
    let first = verify(stage, &full).done();
    let of = |told: &Value, name: &str| told[name].as_u64().unwrap();
    assert!(of(&whole, "last") > of(&first, "last"), "{whole} {first}");
    assert_eq!(of(&whole, "events"), of(&whole, "last"));
    let mut wrong = Vec::new();
    let [middle, end] = [of(&first, "last") + 1, of(&whole, "last") + 1];
    for (backup, other, [begins, ends]) in [(&full, &last, [1, middle]), (&last, &full, [middle, end])] {
        let path = backup.join("journal.img");
        let (bytes, other) = (fs::read(&path).unwrap(), fs::read(other.join("journal.img")).unwrap());
        for (deed, commit, behind) in DEEDS {
            fs::write(&path, commit(bytes.clone(), &other)).unwrap();
            let told = verify(stage, &last).ended_with(3);
            // A chunk is what is known to be altered, of which this is the first record.
            let first = if *behind { ends } else { begins };
            let named = [&told["code"], &told["reason"]] == ["INTEGRITY_FAILURE", "altered"];
            if !named || told["first_bad"].as_u64() != Some(first) || told["verified"] != false {
                wrong.push(format!("{deed}: {told}"));
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(verify(stage, &last).done(), whole, "put back, it is whole");
    fs::remove_file(last.join("journal.img")).unwrap();
    assert_eq!(verify(stage, &last).code_at(2), "FILE_IO");
}

fn rolled_back(on: &BackedUp) {
    let stage = &on.0;
    let [full, last] = chain(stage);
    let aside = stage.file("aside");
    fs::rename(&full, &aside).unwrap();
    assert_eq!(verify(stage, &last).refused(), "BROKEN_CHAIN", "its base is gone");
    let [_, later] = chain(stage);
    // The manifest of another backup over this one's files.
    let kept = fs::read(last.join("manifest.cbor")).unwrap();
    fs::copy(later.join("manifest.cbor"), last.join("manifest.cbor")).unwrap();
    assert_eq!(verify(stage, &last).refused(), "BROKEN_CHAIN");
    fs::copy(aside.join("manifest.cbor"), last.join("manifest.cbor")).unwrap();
    let told = verify(stage, &last).ended_with(3);
    assert_eq!((&told["code"], &told["reason"]), (&"INTEGRITY_FAILURE".into(), &"altered".into()), "{told}");
    fs::write(last.join("manifest.cbor"), kept).unwrap();
    fs::rename(&aside, &full).unwrap();
    verify(stage, &last).done();
}

fn wrong_keys(on: &BackedUp) {
    let stage = &on.0;
    let [full, _] = chain(stage);
    let pki = stage.layout().dir().join("pki");
    // Another root than the one that signed the list, and a list that was edited.
    let root = stage.file("other-root.pub");
    let keys = fs::read_dir(&pki).unwrap().map(|file| file.unwrap().path());
    fs::copy(keys.into_iter().find(|path| is_another_key(path)).unwrap(), &root).unwrap();
    let told = verify_with(&full, &pki.join("peers.json"), &root);
    assert_eq!(told.code_at(2), "BAD_PEERS");
    let list = fs::read_to_string(pki.join("peers.json")).unwrap();
    let peers = stage.written("peers.json", list.replace("982016", "982024"));
    let told = verify_with(&full, Path::new(&peers), &pki.join("peer-root.pub"));
    assert_eq!(told.code_at(2), "BAD_PEERS");
    // A manifest of which one byte is another one.
    let path = full.join("manifest.cbor");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 8;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(verify(stage, &full).refused(), "BAD_SIGNATURE");
}

fn is_another_key(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    name.ends_with(".pub") && name != "peer-root.pub"
}

fn not_permitted(on: &BackedUp) {
    let stage = &on.0;
    let out = stage.file("backups");
    let config = stage.layout().care_config(BODY).display().to_string();
    let refused = with_config("chukei", &config, &["backup", "create", "--out", &text(&out)]).refused();
    assert_eq!(refused, "NOT_PERMITTED");
    assert!(fs::read_dir(&out).map_or(0, Iterator::count) == 0, "nothing of it is there");
}
