//! A keyring or root that is gone, cut, older or of destroyed epochs takes its own body out of service, tells why, and
//! nobody else's; what is put back is served again by itself.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_domain::day::{Day, day_of};
use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use super::{BODY, rotate};
use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::page::{metric, page};
use crate::person::Person;
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Test<Broken>] = &[
    ("a_root_taken_away_shuts_its_body_alone_until_it_is_back", root_away),
    ("a_keyring_that_is_cut_or_gone_stops_neither_the_node_nor_another_body", keyring_cut),
    ("a_keyring_older_than_the_one_in_use_is_not_used", keyring_older),
    ("an_old_keyring_with_an_old_store_is_key_destroyed_once_its_epoch_is_gone", old_copy),
];

pub(super) fn trials() -> Vec<Trial> {
    group("rotation_broken", TESTS)
}

const OTHER: &str = "982024";

struct Broken {
    stage: Stage,
    turns: Mutex<u64>,
}

impl Shared for Broken {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("broken", told_soon)?, turns: Mutex::new(0) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Broken {
    fn turn(&self) -> (&Stage, MutexGuard<'_, u64>) {
        (&self.stage, self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn keyring(stage: &Stage) -> PathBuf {
    stage.layout().dir().join(format!("node/keys/{BODY}.keyring"))
}

/// What `/readyz` of the node says with 200, once it says something about the body or nothing at all.
fn until_told(stage: &Stage, what: &str) {
    until(&format!("a ready node that says {what:?}"), || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        let told = if what.is_empty() { text.trim() == "ready" } else { text.contains(what) };
        (status == 200 && told && text.starts_with("ready")).then_some(())
    });
}

/// The body is out of service with this cause, and the other one is not.
fn only_the_body_is_out(stage: &Stage, cause: &str, [own, other]: [&Person; 2]) {
    until_told(stage, &format!("body {BODY} is not served"));
    let (_, text) = page(stage.layout(), Role::Node, "/readyz").unwrap();
    assert!(text.contains(&format!("({cause})")) && !text.contains(OTHER), "{text}");
    assert_eq!(metric(stage.layout(), Role::Node, "chukei_bodies_not_ready"), 1.0);
    assert_eq!(stage.self_info(&other.user, OTHER, &[TAX])["result"], "NO_DATA");
    let args = ["self-info", "--person", &own.user, "--body", BODY, "--dataset", TAX];
    let code = stage.portal(&args).code_at(4);
    assert!(matches!(code.as_str(), "NOT_READY" | "UNAVAILABLE"), "{code}");
}

fn is_back(stage: &Stage, own: &Person) {
    until_told(stage, "");
    until("an answer", || {
        let args = ["self-info", "--person", &own.user, "--body", BODY, "--dataset", TAX];
        (stage.portal(&args).code == Some(0)).then_some(())
    });
    assert_eq!(metric(stage.layout(), Role::Node, "chukei_bodies_not_ready"), 0.0);
}

fn persons(stage: &Stage) -> [Person; 2] {
    [BODY, OTHER].map(|body| stage.persons(body, 1).remove(0))
}

fn restart(stage: &Stage, meanwhile: impl FnOnce()) {
    stage.stack.stop_role(Role::Node).unwrap();
    meanwhile();
    stage.stack.start_role(Role::Node).unwrap();
}

fn root_away(broken: &Broken) {
    let (stage, _turn) = broken.turn();
    let [own, other] = persons(stage);
    let number = rotate(stage, &["--root"])["root"].as_u64().unwrap();
    let root = stage.layout().dir().join(format!("pki/roots/{BODY}.root-{number}.key"));
    let away = stage.file("away");
    std::fs::rename(&root, &away).unwrap();
    let looked = until_cause(stage);
    only_the_body_is_out(stage, &looked, [&own, &other]);
    std::fs::rename(&away, &root).unwrap();
    is_back(stage, &own);
}

/// The cause that the node names, once it names one.
fn until_cause(stage: &Stage) -> String {
    until("a cause", || {
        let (_, text) = page(stage.layout(), Role::Node, "/readyz")?;
        let line = text.lines().find(|line| line.contains("is not served"))?;
        let cause = line.rsplit('(').next()?.trim_end_matches(')').to_owned();
        matches!(cause.as_str(), "missing" | "destroyed" | "provider").then_some(cause)
    })
}

fn keyring_cut(broken: &Broken) {
    let (stage, _turn) = broken.turn();
    let [own, other] = persons(stage);
    let path = keyring(stage);
    let mut whole = Vec::new();
    restart(stage, || {
        whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    });
    only_the_body_is_out(stage, "damaged", [&own, &other]);
    std::fs::write(&path, &whole).unwrap();
    is_back(stage, &own);
    // A turn of the day writes the keyring: it is over before the file is taken away.
    let today = Day::from_number(day_of(stage.layout().clock().now_ms())).to_string();
    until("the day's turn", || (super::status(stage)["epoch"].as_str()? >= today.as_str()).then_some(()));
    whole = std::fs::read(&path).unwrap();
    // And while it runs: gone, then back.
    std::fs::remove_file(&path).unwrap();
    only_the_body_is_out(stage, "missing", [&own, &other]);
    std::fs::write(&path, &whole).unwrap();
    restart(stage, || std::fs::remove_file(&path).unwrap());
    only_the_body_is_out(stage, "missing", [&own, &other]);
    assert!(!path.exists(), "no new keyring in the place of one that is lost");
    std::fs::write(&path, &whole).unwrap();
    is_back(stage, &own);
}

fn keyring_older(broken: &Broken) {
    let (stage, _turn) = broken.turn();
    let [own, other] = persons(stage);
    let path = keyring(stage);
    let older = std::fs::read(&path).unwrap();
    rotate(stage, &["--standing"]);
    let mut newest = Vec::new();
    restart(stage, || {
        newest = std::fs::read(&path).unwrap();
        std::fs::write(&path, &older).unwrap();
    });
    only_the_body_is_out(stage, "older", [&own, &other]);
    std::fs::write(&path, &newest).unwrap();
    is_back(stage, &own);
}

/// Copies the files of the body's store and keyring from one folder to another.
fn copy_body(from: &Path, to: &Path) {
    for folder in ["bodies", "keys"] {
        std::fs::create_dir_all(to.join(folder)).unwrap();
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with(BODY) {
                std::fs::copy(entry.path(), to.join(folder).join(name)).unwrap();
            }
        }
    }
}

fn old_copy(broken: &Broken) {
    let (stage, mut days) = broken.turn();
    let [own, other] = persons(stage);
    let (data, old, new) = (stage.layout().dir().join("node"), stage.file("old"), stage.file("new"));
    restart(stage, || copy_body(&data, &old));
    is_back(stage, &own);
    let epochs = |stage: &Stage| super::status(stage)["epochs"].clone();
    let first = epochs(stage)[0].clone();
    *days += 9;
    stage.layout().set_clock(&format!("+{days}d")).unwrap();
    until("the end of the old epochs", || {
        (!epochs(stage).as_array().unwrap().contains(&first)).then_some(())
    });
    restart(stage, || {
        copy_body(&data, &new);
        copy_body(&old, &data);
    });
    // Keyring and store fit together, and the root is there: what is missing is gone for good.
    only_the_body_is_out(stage, "destroyed", [&own, &other]);
    restart(stage, || copy_body(&new, &data));
    is_back(stage, &own);
}
