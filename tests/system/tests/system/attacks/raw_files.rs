//! Raw files of a node, whatever its engine: neither a value nor a person's number nor the code of a dataset or of an item
//! stands in them, in any form, and what is one body's opens at no other (R1, R2).
//!
//! What needs a PostgreSQL server is skipped where none is installed; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::path::{Path, PathBuf};

use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use libtest_mimic::{Completion, Trial};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::Signal;
use serde_json::json;

use super::memory::{found_in_bytes, found_in_files};
use super::needles::{Needles, secret};
use super::rig::{Known, seed};
use crate::copy_file::{Row, TAX, TAX_TEXT, file};
use crate::notice_file::notice;
use crate::page::page;
use crate::program;
use crate::server;
use crate::stage::{Stage, told_soon, until};

/// The group.
pub(super) fn trials() -> Vec<Trial> {
    let on = |name: &str, run: fn() -> Completion| {
        Trial::ignorable_test(format!("raw_files::{name}"), move || Ok(run()))
    };
    vec![
        on("r02_sqlite_files_hold_no_value_no_number_and_no_code", || {
            searched(Stage::start_with("raw-sqlite", Store::Sqlite, |_| ()).unwrap(), None)
        }),
        on("r02_sled_files_hold_no_value_no_number_and_no_code", || {
            searched(Stage::start_with("raw-sled", Store::Sled, |_| ()).unwrap(), None)
        }),
        on("r02_postgres_files_hold_no_value_no_number_and_no_code", on_a_server),
        on("r01_one_bodys_keys_do_not_open_anothers_files", other_keys),
    ]
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Names of the tax dataset and of the group it is of, as the catalogue has them.
const DATASET_NAME: &str = "地方税";
const PERSONS: usize = 2;

fn on_a_server() -> Completion {
    let Some(mut database) = server::start().unwrap() else { return server::skipped() };
    let stage = Stage::start_with("raw-postgres", Store::Postgres(&database), |_| ()).unwrap();
    searched(stage, Some(&mut database))
}

/// Copies, a notice, own information, a backup and a copy of the keyring; then every file is searched.
fn searched(stage: Stage, server: Option<&mut Database>) -> Completion {
    let mut dice = StdRng::seed_from_u64(seed());
    let mut needles = Needles::default();
    let known: Vec<Known> = stage
        .persons(BODY, PERSONS)
        .into_iter()
        .map(|person| Known { person, value: secret(&mut dice) })
        .collect();
    let ids: Vec<String> = known.iter().map(Known::record_id).collect();
    let rows: Vec<Row<'_>> =
        known.iter().zip(&ids).map(|(known, id)| Row::new(BODY, &known.person, id, &known.value)).collect();
    stage.import_new(BODY, file(&rows), PERSONS);
    for known in &known {
        needles.text_in_any_form("a value", &known.value);
        needles.text_in_any_form("an addressee number", &known.person.addressee);
        stage.self_info(&known.person.user, BODY, &[TAX]);
    }
    let title = secret(&mut dice);
    let mut sent = notice("n-raw", &known.iter().map(|known| &known.person).collect::<Vec<_>>());
    sent["title"] = json!(title);
    let path = stage.written("notice.json", sent.to_string());
    stage.staff(BODY, &["notice", "send", &path]).done();
    until("the notice", || (stage.notices(&known[0]).len() == 1).then_some(()));
    needles.text_in_any_form("a title", &title);
    let codes = [("a dataset's code", TAX), ("an item's code", TAX_TEXT), ("a dataset's name", DATASET_NAME)];
    codes.iter().for_each(|(name, code)| needles.text_in_any_form(name, code));

    let dir = stage.layout().dir();
    let (backups, keyrings) = (dir.join("backups"), dir.join("keyrings"));
    let text = |path: &Path| path.display().to_string();
    stage.staff(BODY, &["backup", "create", "--out", &text(&backups)]).done();
    let mut places = vec![dir.join("node"), dir.join("broker"), backups];
    fs::create_dir(&keyrings).unwrap();
    let config = text(&stage.layout().config(Role::Node));
    let keep =
        ["--json", "keys", "backup", "--keys", &config, "--owner", BODY, "--out-dir", &text(&keyrings)];
    program::run("chukei", &keep).done();
    places.push(keyrings);
    // As they are while the node serves, which stands still meanwhile, and as it leaves them.
    stage.signal(Role::Node, Signal::STOP);
    search(&places, &needles);
    stage.signal(Role::Node, Signal::CONT);
    stage.stack.stop_role(Role::Node).unwrap();
    let rows = match server {
        Some(database) => {
            let server = database.server();
            server.sql("postgres", "CHECKPOINT").unwrap();
            server.crash().unwrap();
            server.data().to_owned()
        }
        None => places[0].join("bodies"),
    };
    places.push(rows.clone());
    search(&places, &needles);
    // What may stand there is found there: the search does look at the rows.
    assert!(!found_in_files(&rows, &[BODY.as_bytes().to_vec()]).is_empty(), "not even the body's own code");
    for log in [Role::Node, Role::Broker].map(|role| fs::read(stage.layout().log(role)).unwrap()) {
        assert!(!log.is_empty() && found_in_bytes(&log, &needles.needles).is_empty());
    }
    Completion::Completed
}

fn search(places: &[PathBuf], needles: &Needles) {
    for place in places {
        let found = found_in_files(place, &needles.needles);
        let named: Vec<_> = found.iter().map(|(at, file)| (&needles.names[*at], file)).collect();
        assert!(named.is_empty(), "{named:?}");
    }
}

/// The keyring of one body in the place of another's is refused, and the rows of one, given out for another's, open
/// under none of its keys.
fn other_keys() -> Completion {
    let stage = Stage::start("other-keys", told_soon).unwrap();
    let persons = [BODY, OTHER].map(|body| stage.persons(body, 1).remove(0));
    for (body, person) in [BODY, OTHER].iter().zip(&persons) {
        stage.import_new(body, file(&[Row::new(body, person, "r-1", "own")]), 1);
    }
    let data = stage.layout().dir().join("node");
    // A log of its own beside it would be laid over what is put there.
    let log = data.join(format!("bodies/{OTHER}.sqlite-wal"));
    let exchanged = |kept: &Path, from: &Path, change: fn(Vec<u8>) -> Vec<u8>| {
        stage.stack.stop_role(Role::Node).unwrap();
        let own = (fs::read(kept).unwrap(), fs::read(&log).unwrap());
        fs::write(kept, change(fs::read(from).unwrap())).unwrap();
        fs::write(&log, "").unwrap();
        stage.stack.start_role(Role::Node).unwrap();
        own
    };
    let given_back = |kept: &Path, own: (Vec<u8>, Vec<u8>)| {
        stage.stack.stop_role(Role::Node).unwrap();
        fs::write(kept, own.0).unwrap();
        fs::write(&log, own.1).unwrap();
    };
    let told = |what: &str| {
        until(what, || {
            let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
            (status == 200 && text.contains(what)).then_some(text)
        })
    };
    let of_other = ["self-info", "--person", &persons[1].user, "--body", OTHER, "--dataset", TAX];

    let keyring = |body: &str| data.join(format!("keys/{body}.keyring"));
    let own = exchanged(&keyring(OTHER), &keyring(BODY), |keys| keys);
    let text = told("(damaged)");
    assert!(text.contains(&format!("body {OTHER} is not served")) && !text.contains(BODY), "{text}");
    assert_eq!(stage.portal(&of_other).code_at(4), "NOT_READY");
    stage.self_info(&persons[0].user, BODY, &[TAX]);
    given_back(&keyring(OTHER), own);

    // As they are, and with the name in the file altered, so that nothing but the keys stands in the way.
    let rows = |body: &str| data.join(format!("bodies/{body}.sqlite"));
    let own = exchanged(&rows(OTHER), &rows(BODY), |rows| rows);
    let text = told("(store)");
    assert!(text.contains(&format!("body {OTHER} is not served")), "{text}");
    exchanged(&rows(OTHER), &rows(BODY), renamed);
    // Not one row of its register opens: nothing of the body is served at all.
    let text = told("(config_tampered)");
    assert!(text.contains(&format!("body {OTHER} is not served")) && !text.contains(BODY), "{text}");
    assert_eq!(stage.portal(&of_other).code_at(4), "NOT_READY");
    let (more, _) = stage.new_persons(OTHER, 1);
    let enrolled = stage.staff(OTHER, &["person", "enroll", &more.display().to_string()]);
    assert_ne!(enrolled.code, Some(0), "{enrolled:?}");
    stage.self_info(&persons[0].user, BODY, &[TAX]);
    given_back(&rows(OTHER), own);
    stage.stack.start_role(Role::Node).unwrap();
    until("the own rows", || (stage.portal(&of_other).code == Some(0)).then_some(()));
    Completion::Completed
}

/// The file with another body's name for its own; both are as long.
fn renamed(mut rows: Vec<u8>) -> Vec<u8> {
    let places: Vec<usize> = memchr::memmem::find_iter(&rows, BODY).collect();
    assert!(!places.is_empty(), "the file has its body's name");
    places.into_iter().for_each(|at| rows[at..at + BODY.len()].copy_from_slice(OTHER.as_bytes()));
    rows
}
