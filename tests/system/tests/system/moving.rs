//! A body that goes from files to a PostgreSQL server and back while it is written, with its log and its keyring; that
//! is killed in the middle of it; and that leaves its node for another one (R2, R22, R41).
//!
//! What needs a PostgreSQL server is skipped where none is installed; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, Test, group, skippable_group};
use crate::page::page;
use crate::person::Person;
use crate::program::{self, Ended};
use crate::restoring::{Load, answer, backup, node, text, until_answered};
use crate::server;
use crate::stage::{Stage, until};

const SERVER: &[Skippable<WithServer>] = &[
    ("rows_log_and_keyring_go_to_a_server_and_back_under_load", server_and_back),
    ("sigkill_at_any_time_of_a_move_leaves_the_body_whole_at_one_place", killed_while_moving),
];
const LEAVING: &[Test<Stage>] =
    &[("a_body_leaves_its_node_for_another_one_and_never_comes_back_by_itself", left)];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = skippable_group("moving_to_a_server", SERVER);
    trials.extend(group("leaving", LEAVING));
    trials
}

const BODY: &str = "982016";
/// Two moves that a kill meets in each direction, and what is between them.
const KILLS: u32 = 24;
const DIES_WITHIN: Duration = Duration::from_secs(10);

struct WithServer(Option<(Stage, Mutex<Database>)>);

impl Shared for WithServer {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("moving", Store::SqliteBeside(&database), short_leases)?;
        Ok(Self(Some((stage, database.into()))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

/// What a killed node owned is free soon.
fn short_leases(layout: &Layout) {
    let path = layout.config(Role::Node);
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{config}lease_ms = 1000\n")).unwrap();
}

fn place(stage: &Stage) -> String {
    let path = stage.layout().dir().join(format!("node/bodies/{BODY}.place"));
    fs::read_to_string(path).unwrap_or_else(|_| "in sqlite\n".into())
}

/// What there is of the body in files: rows, keyring, log.
fn files(stage: &Stage) -> [bool; 3] {
    let data = stage.layout().dir().join("node");
    let there = |path: &str| data.join(path).exists();
    let rows = there(&format!("bodies/{BODY}.sqlite")) || there(&format!("bodies/{BODY}.sled"));
    [rows, there(&format!("keys/{BODY}.keyring")), there(&format!("journal/logs/{BODY}"))]
}

/// The same on the server.
fn on_server(database: &Database) -> [bool; 3] {
    let some = |table: &str, more: &str| {
        let sql = format!("SELECT count(*) FROM chukei.{table} WHERE body = '{BODY}' {more}");
        database.sql(&sql).unwrap().trim() != "0"
    };
    // Behind the spaces lie the rows that a place keeps about itself.
    [some("rows", "AND key < '\\xf0'"), some("keyrings", ""), some("journal", "")]
}

fn verified(stage: &Stage) -> u64 {
    let log = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(log["verified"], true, "{log}");
    log["events"].as_u64().unwrap()
}

fn moved(stage: &Stage, to: &str) -> Value {
    node(stage, &["body", "move"], &["--to", to]).done()
}

fn server_and_back(on: &WithServer) -> Completion {
    let Some((stage, database)) = &on.0 else { return server::skipped() };
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let persons = stage.persons(BODY, 3);
    let load = Load::begin(stage, &persons);
    until("a first answer", || (!answer(stage, &persons[0]).as_array()?.is_empty()).then_some(()));
    let mut events = verified(stage);
    for (from, to) in
        [("sqlite", "postgres"), ("postgres", "sled"), ("sled", "postgres"), ("postgres", "sqlite")]
    {
        let done = moved(stage, to);
        assert_eq!((done["from"].as_str(), done["to"].as_str()), (Some(from), Some(to)), "{done}");
        assert_eq!(done["old_removed"], true, "{done}");
        eprintln!("{from} to {to}: writes waited {} ms", done["pause_ms"]);
        assert_eq!(place(stage), format!("in {to}\n"));
        let server = to == "postgres";
        assert_eq!(on_server(&database), [server; 3], "{from} to {to}");
        let [rows, keyring, log] = files(stage);
        // In files the newest entries are in the journal that all bodies share.
        assert!(rows != server && keyring != server && !(server && log), "{from} to {to}");
        let now = verified(stage);
        assert!(now > events, "the log goes on: {events}, {now}");
        events = now;
        answer(stage, &persons[0]);
        // A keyring that was changed where it lies now.
        stage.staff(BODY, &["keys", "rotate"]).done();
    }
    assert!(load.end() > 0);
    for to in ["postgres", "sqlite"] {
        moved(stage, to);
        let (before, events) = (answer(stage, &persons[2]), verified(stage));
        killed(stage);
        until_answered(stage, &persons[2], &before);
        assert!(verified(stage) >= events);
    }
    Completion::Completed
}

fn killed(stage: &Stage) {
    stage.stack.kill(Role::Node).unwrap();
    assert!(stage.stack.next_death(DIES_WITHIN).is_some());
    until("every body served", || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        (status == 200 && text.trim() == "ready").then_some(())
    });
}

/// Imports one record; what a person is shown afterwards holds it.
fn import(stage: &Stage, person: &Person, record: u32) {
    let (id, key) = (format!("kill-{record}"), record.to_string());
    let row = Row { record_key: &key, ..Row::new(BODY, person, &id, &key) };
    let path = stage.written("killed.csv", file(&[row]));
    assert_eq!(stage.staff(BODY, &["copy", "import", &path]).done()["registered"], 1);
}

fn shown(stage: &Stage, person: &Person) -> usize {
    let answer = stage.self_info(&person.user, BODY, &[TAX]);
    answer["datasets"][0]["items"].as_array().map_or(0, Vec::len)
}

fn killed_while_moving(on: &WithServer) -> Completion {
    let Some((stage, database)) = &on.0 else { return server::skipped() };
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let person = stage.persons(BODY, 1).remove(0);
    import(stage, &person, 0);
    if place(stage) != "in sqlite\n" {
        moved(stage, "sqlite");
    }
    // How long a move takes here, so that kills fall into all of it and a little behind it.
    let longest = ["postgres", "sqlite"].map(|to| {
        let begun = Instant::now();
        moved(stage, to);
        begun.elapsed()
    });
    let longest = longest.into_iter().max().unwrap_or_default();
    let mut words = BTreeSet::new();
    let mut events = verified(stage);
    for round in 1..=KILLS {
        import(stage, &person, round);
        let to = if place(stage) == "in postgres\n" { "sqlite" } else { "postgres" };
        let moving = begun(stage, to);
        // Spread over the move, in an order that is not that of its phases.
        std::thread::sleep(longest * (round * 7 % KILLS) / KILLS);
        let mut word = place(stage);
        word.truncate(word.trim_end().len());
        words.insert(word.split(' ').next().unwrap_or_default().to_owned());
        killed(stage);
        let _ = moving.join();
        // Whole, at one place, which the word names; nothing of it anywhere else.
        let now = place(stage);
        assert!(["in sqlite\n", "in postgres\n"].contains(&now.as_str()), "killed at «{word}»: {now}");
        let server = now == "in postgres\n";
        assert_eq!(on_server(&database), [server; 3], "killed at «{word}», {now}");
        let [rows, keyring, _] = files(stage);
        assert!(rows != server && keyring != server, "killed at «{word}», {now}");
        assert_eq!(shown(stage, &person), round as usize + 1, "killed at «{word}»: what was acknowledged");
        let verified = verified(stage);
        assert!(verified > events, "killed at «{word}»: {events} events, then {verified}");
        events = verified;
        if server != (to == "postgres") {
            assert_eq!(moved(stage, to)["old_removed"], true, "repeated after a kill at «{word}»");
        }
    }
    eprintln!("{KILLS} kills within {longest:?}, at {words:?}");
    assert!(words.contains("moving"), "no kill fell into a move");
    Completion::Completed
}

fn begun(stage: &Stage, to: &str) -> std::thread::JoinHandle<Ended> {
    let config = text(&stage.layout().config(Role::Node));
    let to = to.to_owned();
    std::thread::spawn(move || {
        let args = ["body", "move", "--config", &config, "--body", BODY, "--json", "--to", &to];
        program::run("node", &args)
    })
}

/// A second node: the same configuration over another data folder.
struct Other {
    config: PathBuf,
    data: PathBuf,
}

impl Other {
    fn of(layout: &Layout) -> Self {
        let (config, data) = (layout.dir().join("other.toml"), layout.dir().join("other"));
        let text = fs::read_to_string(layout.config(Role::Node)).unwrap();
        fs::write(&config, text.replace("data_dir = \"node\"", "data_dir = \"other\"")).unwrap();
        Self { config, data }
    }

    fn restore(&self, from: &str, more: &[&str]) -> Ended {
        let config = text(&self.config);
        let args = ["backup", "restore", "--config", &config, "--body", BODY, "--json", "--from", from];
        program::run("node", &[&args[..], more].concat())
    }
}

fn left(stage: &Stage) {
    let persons = stage.persons(BODY, 3);
    let load = Load::begin(stage, &persons);
    until("a first answer", || (!answer(stage, &persons[0]).as_array()?.is_empty()).then_some(()));
    let out = stage.file("leaving");
    let path = |done: &Value| done["backup"].as_str().unwrap().to_owned();
    let full = path(&backup(stage, &out, None));
    let other = Other::of(stage.layout());
    let first = other.restore(&full, &["--preload"]).done();
    assert_eq!((first["restored"].clone(), first["backups"].clone()), (false.into(), 1.into()), "{first}");
    let newer = path(&backup(stage, &out, Some(&full)));
    let second = other.restore(&newer, &["--preload"]).done();
    assert_eq!(second["backups"], 1, "only what is behind the first is put in: {second}");
    assert!(load.end() > 0);
    let before = answer(stage, &persons[1]);
    let events = verified(stage);

    let last = out.join("last");
    let gone = node(stage, &["body", "leave"], &["--base", &newer, "--out", &text(&last)]).done();
    assert_eq!(gone["left"], true, "{gone}");
    away(stage);
    // Not by a restart either.
    stage.stack.kill(Role::Node).unwrap();
    assert!(stage.stack.next_death(DIES_WITHIN).is_some());
    away(stage);

    let keyring = format!("keys/{BODY}.keyring");
    fs::copy(stage.layout().dir().join("node").join(&keyring), other.data.join(&keyring)).unwrap();
    let restored = other.restore(gone["backup"].as_str().unwrap(), &[]).done();
    assert_eq!((restored["restored"].clone(), restored["backups"].clone()), (true.into(), 1.into()));
    assert!(restored["seconds"].as_f64().is_some(), "it is timed: {restored}");
    assert!(restored["last_number"].as_u64() >= Some(events), "{events} events: {restored}");
    stage.stack.stop_role(Role::Node).unwrap();
    let config = stage.layout().config(Role::Node);
    let served = fs::read_to_string(&config).unwrap();
    copy_keyrings(&stage.layout().dir().join("node/keys"), &other.data.join("keys"));
    move_others(&stage.layout().dir().join("node"), &other.data);
    fs::write(&config, served.replace("data_dir = \"node\"", "data_dir = \"other\"")).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until_answered(stage, &persons[1], &before);
    assert!(verified(stage) > events);
    let again = Load::begin(stage, &persons);
    until("a newer answer", || (answer(stage, &persons[1]) != before).then_some(()));
    again.end();
}

/// The body is not served, and says why.
fn away(stage: &Stage) {
    until("a body that was given away", || {
        let (_, text) = page(stage.layout(), Role::Node, "/readyz")?;
        text.lines().any(|line| line.contains(BODY) && line.contains("moved to another place")).then_some(())
    });
}

/// The other bodies' keyrings, which another node would bring back from copies.
fn copy_keyrings(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if !to.join(entry.file_name()).exists() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The other bodies' rows.
fn move_others(from: &Path, to: &Path) {
    for entry in fs::read_dir(from.join("bodies")).unwrap() {
        let name = entry.unwrap().file_name();
        if !name.to_string_lossy().starts_with(BODY) {
            fs::rename(from.join("bodies").join(&name), to.join("bodies").join(&name)).unwrap();
        }
    }
}
