//! Backups taken while the body is served, checked without keys, put back into an empty node; and rows that go to another
//! engine while they are written (R2, R41). The same onto a PostgreSQL server, which is skipped where none is installed;
//! with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use data_encoding::HEXLOWER;
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, Test, group, skippable_group};
use crate::page::page;
use crate::person::Person;
use crate::program::{self, Ended};
use crate::server;
use crate::stage::{Stage, until};

const BACKUP: &[Test<Stage>] =
    &[("a_backup_taken_under_load_comes_back_into_an_empty_node_and_nothing_else_does", there_and_back)];
const ON_SERVER: &[Skippable<OnServer>] =
    &[("postgres_rows_log_and_keyring_come_back_onto_an_empty_server", onto_a_server)];
const MOVE: &[Test<Stage>] = &[("rows_go_to_another_engine_and_back_under_load", engine_and_back)];

pub(crate) fn trials() -> Vec<Trial> {
    let on_server = skippable_group("restoring", ON_SERVER);
    [group("restoring", BACKUP), on_server, group("moving", MOVE)].into_iter().flatten().collect()
}

const BODY: &str = "982016";

/// Imports a copy of each person again and again until it is told to stop; how often it did.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    worker: std::thread::JoinHandle<u64>,
}

impl Load {
    pub(crate) fn begin(stage: &Stage, persons: &[Person]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (layout, persons, told) = (stage.layout().clone(), persons.to_vec(), stop.clone());
        let path = stage.file("load.csv");
        let worker = std::thread::spawn(move || {
            let mut rounds = 0;
            while !told.load(Ordering::Acquire) {
                rounds += 1;
                let value = format!("第{rounds}回");
                let ids: Vec<String> = (0..persons.len()).map(|at| format!("load-{at}")).collect();
                let rows: Vec<Row<'_>> = persons
                    .iter()
                    .zip(&ids)
                    .map(|(person, id)| Row { record_key: "2", ..Row::new(BODY, person, id, &value) })
                    .collect();
                std::fs::write(&path, file(&rows)).unwrap();
                let path = path.display().to_string();
                let done = program::staff(&layout, BODY, &["copy", "import", &path]).done();
                assert_eq!(done["registered"].as_u64(), Some(persons.len() as u64), "{done}");
            }
            rounds
        });
        Self { stop, worker }
    }

    pub(crate) fn end(self) -> u64 {
        self.stop.store(true, Ordering::Release);
        self.worker.join().unwrap()
    }
}

pub(crate) fn backup(stage: &Stage, out: &Path, base: Option<&str>) -> Value {
    let out = out.display().to_string();
    let mut args = vec!["backup", "create", "--out", &out];
    args.extend(base.iter().flat_map(|base| ["--base", base]));
    stage.staff(BODY, &args).done()
}

fn verify(stage: &Stage, backup: &str) -> Ended {
    let pki = stage.layout().dir().join("pki");
    let (peers, root) = (pki.join("peers.json"), pki.join("peer-root.pub"));
    let args = ["--json", "backup", "verify", backup, "--peers", &text(&peers), "--root", &text(&root)];
    program::run("chukei", &args)
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn node(stage: &Stage, words: &[&str], args: &[&str]) -> Ended {
    let config = text(&stage.layout().config(Role::Node));
    program::run("node", &[words, &["--config", &config, "--body", BODY, "--json"], args].concat())
}

pub(crate) fn answer(stage: &Stage, person: &Person) -> Value {
    stage.self_info(&person.user, BODY, &[TAX])["datasets"].clone()
}

pub(crate) fn until_answered(stage: &Stage, person: &Person, wanted: &Value) {
    until("the same answer as before", || {
        let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        let ended = stage.portal(&args);
        (ended.code == Some(0)).then(|| ended.done()["datasets"].clone()).filter(|found| found == wanted)
    });
}

/// Everything but the keyring of the body and the keys of others is gone.
pub(crate) fn empty(data: &Path) -> PathBuf {
    let away = data.with_extension("lost");
    std::fs::rename(data, &away).unwrap();
    std::fs::create_dir_all(data.join("keys")).unwrap();
    for entry in std::fs::read_dir(away.join("keys")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), data.join("keys").join(entry.file_name())).unwrap();
    }
    away
}

fn there_and_back(stage: &Stage) {
    let persons = stage.persons(BODY, 3);
    let load = Load::begin(stage, &persons);
    until("a first answer", || (!answer(stage, &persons[0]).as_array()?.is_empty()).then_some(()));
    let out = stage.file("backups");
    let full = backup(stage, &out, None);
    let full_path = full["backup"].as_str().unwrap();
    assert!(load.end() > 0);
    let before = answer(stage, &persons[1]);
    let last = backup(stage, &out, Some(full_path));
    let last_path = last["backup"].as_str().unwrap();
    assert_eq!((full["incremental"].clone(), last["incremental"].clone()), (false.into(), true.into()));
    eprintln!("writes waited {} µs and {} µs", full["pause_us"], last["pause_us"]);

    let verified = verify(stage, last_path).done();
    assert_eq!((verified["verified"].clone(), verified["backups"].clone()), (true.into(), 2.into()));
    // One altered byte, and a base that is not there.
    let rows = Path::new(full_path).join("rows.img");
    let whole = std::fs::read(&rows).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    std::fs::write(&rows, &altered).unwrap();
    assert_eq!(verify(stage, last_path).refused(), "INTEGRITY_FAILURE");
    std::fs::write(&rows, &whole).unwrap();
    let aside = stage.file("aside");
    std::fs::rename(full_path, &aside).unwrap();
    assert_eq!(verify(stage, last_path).refused(), "BROKEN_CHAIN");
    std::fs::rename(&aside, full_path).unwrap();

    // Nothing is put over what is there.
    assert_eq!(node(stage, &["backup", "restore"], &["--from", last_path]).refused(), "NOT_EMPTY");
    stage.stack.stop_role(Role::Node).unwrap();
    let data = stage.layout().dir().join("node");
    empty(&data);
    let restored = node(stage, &["backup", "restore"], &["--from", last_path]).done();
    assert_eq!((restored["restored"].clone(), restored["backups"].clone()), (true.into(), 2.into()));
    assert_eq!(restored["last_number"], verified["last_number"]);
    assert_eq!(node(stage, &["backup", "restore"], &["--from", last_path]).refused(), "NOT_EMPTY");
    stage.stack.start_role(Role::Node).unwrap();
    until_answered(stage, &persons[1], &before);
    let log = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(log["verified"], true, "{log}");
    assert!(log["events"].as_u64() > verified["last_number"].as_u64(), "the restore is in the log: {log}");
    // It is a body like any other: it takes copies and gives them.
    let again = Load::begin(stage, &persons);
    until("a newer answer", || (answer(stage, &persons[1]) != before).then_some(()));
    again.end();
    // What was there before the restore is no base any more.
    let out = text(&out);
    let args = ["backup", "create", "--out", &out, "--base", last_path];
    assert_eq!(stage.staff(BODY, &args).refused(), "EXPIRED");
}

fn engine_and_back(stage: &Stage) {
    let persons = stage.persons(BODY, 3);
    let load = Load::begin(stage, &persons);
    until("a first answer", || (!answer(stage, &persons[0]).as_array()?.is_empty()).then_some(()));
    for (to, from) in [("sled", "sqlite"), ("sqlite", "sled")] {
        let moved = node(stage, &["body", "move"], &["--to", to]).done();
        assert_eq!((moved["from"].as_str(), moved["to"].as_str()), (Some(from), Some(to)), "{moved}");
        assert_eq!(moved["old_removed"], true, "{moved}");
        eprintln!("to {to}: {} records, writes waited {} ms", moved["records"], moved["pause_ms"]);
        let place = stage.layout().dir().join(format!("node/bodies/{BODY}.place"));
        assert_eq!(std::fs::read_to_string(&place).unwrap(), format!("in {to}\n"));
        assert_eq!(node(stage, &["body", "move"], &["--to", to]).code_at(2), "ALREADY_THERE");
        answer(stage, &persons[0]);
    }
    assert!(load.end() > 0);
    let before = answer(stage, &persons[2]);
    stage.stack.kill(Role::Node).unwrap();
    until("a ready node", || {
        page(stage.layout(), Role::Node, "/readyz").filter(|(status, _)| *status == 200)
    });
    until_answered(stage, &persons[2], &before);
    let log = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(log["verified"], true, "{log}");
}

/// The stage ends before its server.
struct OnServer(Option<(Stage, Mutex<Database>)>);

impl Shared for OnServer {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("restoring-on-server", Store::Postgres(&database), |_| ())?;
        Ok(Self(Some((stage, database.into()))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

/// Everything that bodies have on the server.
const TABLES: &str = "chukei.rows, chukei.marks, chukei.fences, chukei.leases, chukei.journal, chukei.replays, chukei.logs, chukei.keyrings";

fn onto_a_server(on: &OnServer) -> Completion {
    let Some((stage, database)) = &on.0 else {
        return server::skipped();
    };
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let persons = stage.persons(BODY, 2);
    let load = Load::begin(stage, &persons);
    until("a first answer", || (!answer(stage, &persons[0]).as_array()?.is_empty()).then_some(()));
    let out = stage.file("backups");
    let full = backup(stage, &out, None);
    assert!(load.end() > 0);
    let before = answer(stage, &persons[1]);
    let last = backup(stage, &out, full["backup"].as_str());
    let last_path = last["backup"].as_str().unwrap();
    let (config, keyrings) = (text(&stage.layout().config(Role::Node)), text(&stage.file("keyrings")));
    let args = ["--json", "keys", "backup", "--keys", &config, "--owner", BODY, "--out-dir", &keyrings];
    let copy = program::run("chukei", &args).done()["file"].as_str().unwrap().to_owned();
    let sealed = std::fs::read(&copy).unwrap();
    let on_server = |what: &str| {
        let sql = format!("SELECT {what} FROM chukei.keyrings WHERE body = '{BODY}'");
        database.sql(&sql).unwrap().trim().to_owned()
    };
    assert_eq!(
        on_server("md5(sealed)"),
        on_server(&format!("md5('\\x{}'::bytea)", HEXLOWER.encode(&sealed)))
    );

    stage.stack.stop_role(Role::Node).unwrap();
    database.sql(&format!("TRUNCATE {TABLES}")).unwrap();
    let data = stage.layout().dir().join("node");
    std::fs::rename(&data, data.with_extension("lost")).unwrap();
    std::fs::create_dir_all(data.join("keys")).unwrap();
    std::fs::copy(&copy, data.join(format!("keys/{BODY}.keyring"))).unwrap();
    let restored = node(stage, &["backup", "restore"], &["--from", last_path]).done();
    assert_eq!((restored["restored"].clone(), restored["backups"].clone()), (true.into(), 2.into()));
    stage.stack.start_role(Role::Node).unwrap();
    until_answered(stage, &persons[1], &before);
    let log = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(log["verified"], true, "{log}");
    assert!(log["events"].as_u64() > last["last_number"].as_u64(), "the restore is in the log: {log}");
    assert_eq!(on_server("count(*)"), "1", "the keyring is a row again");
    assert!(!data.join(format!("keys/{BODY}.keyring")).exists());
    let again = Load::begin(stage, &persons);
    until("a newer answer", || (answer(stage, &persons[1]) != before).then_some(()));
    again.end();
    Completion::Completed
}
