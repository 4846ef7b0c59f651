//! R43, D9: what somebody does to a log that lies on a PostgreSQL server is named, with the first record that is wrong. Whoever
//! edits is the server's superuser, whom row-level security does not stop, knows every column and has no key.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use libtest_mimic::{Completion, Failed, Trial};

use crate::attacks::rig::ask;
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::counted;
use crate::server;
use crate::stage::{Stage, until};

const TESTS: &[Skippable<Edited>] = &[
    ("r43_whatever_is_done_to_rows_of_a_running_log_is_named", while_running),
    ("r43_whatever_is_done_to_rows_of_a_stopped_log_is_named", while_stopped),
];
const SET_BACK: &[Skippable<Edited>] =
    &[("r43_rows_that_are_put_back_to_an_older_copy_are_refused_by_the_witness", put_back)];
const BODY: &str = "982016";
const OTHER: &str = "982024";
/// The record that is edited; the tree has its leaf for long.
const AT: u64 = 40;
/// More leaves than a full tile.
const RECORDS: u64 = 300;
/// Everything that belongs to a body on the server, but for who owns it.
const TABLES: [&str; 5] = ["rows", "marks", "journal", "replays", "logs"];

pub(crate) fn trials() -> Vec<Trial> {
    let set_back = skippable_group("rows_set_back", SET_BACK);
    skippable_group("edited_rows", TESTS).into_iter().chain(set_back).collect()
}

/// The stage ends before its server.
struct Edited(Option<(Stage, Mutex<Database>)>);

impl Shared for Edited {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("edited-rows", Store::Postgres(&database), |_| ())?;
        Ok(Self(Some((stage, database.into()))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

impl Edited {
    /// The stage for one test, with a log that is long enough; `None` where there is no server.
    fn turn(&self) -> Option<(&Stage, MutexGuard<'_, Database>)> {
        let (stage, database) = self.0.as_ref()?;
        let database = database.lock().unwrap_or_else(PoisonError::into_inner);
        if last(&database) < RECORDS {
            let known = stage.known_persons(BODY, 1).remove(0);
            let client = stage.client();
            while last(&database) < RECORDS {
                for _ in 0..40 {
                    stage.runtime.block_on(ask(&client, &known)).unwrap();
                }
            }
            stage.persons(OTHER, 1);
        }
        Some((stage, database))
    }
}

fn last(database: &Database) -> u64 {
    let sql = format!("SELECT max(number) FROM chukei.journal WHERE body = '{BODY}'");
    database.sql(&sql).unwrap().parse().unwrap()
}

/// What verification names: the first record that is wrong, and its reason; `None` where it finds nothing.
fn named(stage: &Stage) -> Option<(Option<u64>, String)> {
    let ended = stage.staff(BODY, &["audit", "verify"]);
    if ended.code == Some(0) {
        return None;
    }
    let told = ended.ended_with(3);
    assert_eq!((&told["code"], &told["verified"]), (&"INTEGRITY_FAILURE".into(), &false.into()), "{told}");
    Some((told["first_bad"].as_u64(), told["reason"].as_str().unwrap().to_owned()))
}

/// What is done to rows: what of, in SQL, and what is named then.
type Deed = (&'static str, String, (u64, &'static str));

/// An update of one record of the log.
fn set(at: u64, what: &str) -> String {
    format!("UPDATE chukei.journal SET {what} WHERE body = '{BODY}' AND number = {at}")
}

/// One record gets everything of another but its number.
fn filled(at: u64, from: &str) -> String {
    format!(
        "UPDATE chukei.journal AS t SET at_ms = f.at_ms, kind = f.kind, replay = f.replay, sealed = f.sealed
         FROM edited AS f WHERE t.body = '{BODY}' AND t.number = {at} AND {from}"
    )
}

fn deeds() -> Vec<Deed> {
    let own = |number: u64| format!("f.body = '{BODY}' AND f.number = {number}");
    vec![
        ("byte flipped", set(AT, "sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)"), (AT, "altered")),
        ("cut short", set(AT, "sealed = substr(sealed, 1, length(sealed) - 1)"), (AT, "altered")),
        ("kind, which stands outside of the seal", set(AT, "kind = kind # 1::smallint"), (AT, "altered")),
        ("time, which stands outside of the seal", set(AT, "at_ms = at_ms + 1"), (AT, "altered")),
        (
            "request, which stands outside of the seal",
            set(AT, "replay = substr(sha256(sealed), 1, 16)"),
            (AT, "altered"),
        ),
        (
            "row dropped",
            format!("DELETE FROM chukei.journal WHERE body = '{BODY}' AND number = {AT}"),
            (AT, "missing"),
        ),
        (
            "rows swapped",
            format!("{}; {}", filled(AT, &own(AT + 2)), filled(AT + 2, &own(AT))),
            (AT, "reordered"),
        ),
        ("an earlier row in the place of a later one", filled(AT + 3, &own(AT)), (AT + 3, "duplicated")),
        (
            "another body's row in its place",
            filled(AT, &format!("f.body = '{OTHER}' AND f.number = 1")),
            (AT, "altered"),
        ),
    ]
}

fn while_running(on: &Edited) -> Completion {
    let Some((stage, database)) = on.turn() else { return server::skipped() };
    stage.witnessed(BODY);
    database.sql("DROP TABLE IF EXISTS edited; CREATE TABLE edited AS SELECT * FROM chukei.journal").unwrap();
    let mut wrong = Vec::new();
    for (deed, sql, (first, reason)) in deeds() {
        database.sql(&sql).unwrap();
        let named = named(stage);
        if named != Some((Some(first), reason.to_owned())) {
            wrong.push(format!("{deed}: {named:?}"));
        }
        let range = format!("body = '{BODY}' AND number BETWEEN {AT} AND {}", AT + 3);
        database
            .sql(&format!(
                "DELETE FROM chukei.journal WHERE {range};
                 INSERT INTO chukei.journal SELECT * FROM edited WHERE {range}"
            ))
            .unwrap();
        let whole = stage.staff(BODY, &["audit", "verify"]).done();
        assert_eq!(whole["verified"], true, "put back after {deed}, it is whole: {whole}");
    }
    database.sql("DROP TABLE edited").unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
    Completion::Completed
}

/// Keeps everything of the body.
fn keep(database: &Database) {
    for table in TABLES {
        let sql = format!(
            "DROP TABLE IF EXISTS kept_{table};
             CREATE TABLE kept_{table} AS SELECT * FROM chukei.{table} WHERE body = '{BODY}'"
        );
        database.sql(&sql).unwrap();
    }
}

/// Puts back what was kept.
fn restore(database: &Database) {
    for table in TABLES {
        let sql = format!(
            "DELETE FROM chukei.{table} WHERE body = '{BODY}'; INSERT INTO chukei.{table} SELECT * FROM kept_{table}"
        );
        database.sql(&sql).unwrap();
    }
}

fn started(stage: &Stage) {
    stage.stack.start_role(Role::Node).unwrap();
    until("a node that serves", || (stage.staff(BODY, &["catalogue", "list"]).code == Some(0)).then_some(()));
}

fn while_stopped(on: &Edited) -> Completion {
    let Some((stage, database)) = on.turn() else { return server::skipped() };
    stage.witnessed(BODY);
    stage.stack.stop_role(Role::Node).unwrap();
    keep(&database);
    let end = last(&database);
    let of_body = format!("chukei.journal WHERE body = '{BODY}'");
    let deeds: [Deed; 3] = [
        (
            "the newest row doubled",
            format!(
                "INSERT INTO chukei.journal SELECT body, number + 1, at_ms, kind, replay, sealed FROM {of_body}
                 AND number = {end}"
            ),
            (end + 1, "duplicated"),
        ),
        (
            "a row dropped, and those behind it numbered anew",
            format!(
                "DELETE FROM {of_body} AND number = {AT};
                 UPDATE chukei.journal SET number = number + 1000000 WHERE body = '{BODY}' AND number > {AT};
                 UPDATE chukei.journal SET number = number - 1000001 WHERE body = '{BODY}' AND number > {AT}"
            ),
            (AT, "missing"),
        ),
        (
            "the first rows dropped as if their time were over",
            format!(
                "DELETE FROM {of_body} AND number < {AT};
                 UPDATE chukei.logs SET kept_from = {AT} WHERE body = '{BODY}'"
            ),
            (1, "missing"),
        ),
    ];
    let mut wrong = Vec::new();
    for (deed, sql, (first, reason)) in deeds {
        database.sql(&sql).unwrap();
        started(stage);
        let named = named(stage);
        if named != Some((Some(first), reason.to_owned())) {
            wrong.push(format!("{deed}: {named:?}, {end} records"));
        }
        stage.stack.stop_role(Role::Node).unwrap();
        restore(&database);
    }
    // What lacks its end alone is whole by itself where the tree was not stored since: then brokers know.
    for from in [end - 8, 0] {
        database.sql(&format!("DELETE FROM {of_body} AND number > {from}")).unwrap();
        started(stage);
        until(&format!("what lacks its end behind {from}"), || {
            named(stage).filter(|(_, reason)| reason == "cut_short" || reason == "rolled_back")
        });
        stage.stack.stop_role(Role::Node).unwrap();
        restore(&database);
    }
    started(stage);
    assert!(wrong.is_empty(), "{wrong:#?}");
    Completion::Completed
}

fn forks(stage: &Stage, role: Role) -> f64 {
    counted(stage.layout().metrics(role), "chukei_integrity_alarms_total", r#"kind="log_fork""#)
}

fn put_back(on: &Edited) -> Completion {
    let Some((stage, database)) = on.turn() else { return server::skipped() };
    stage.harm_logs();
    stage.witnessed(BODY);
    stage.stack.stop_role(Role::Node).unwrap();
    keep(&database);
    started(stage);
    let before = [Role::Node, Role::Broker].map(|role| forks(stage, role));
    (0..8).for_each(|_| drop(stage.staff(BODY, &["catalogue", "list"]).done()));
    stage.witnessed(BODY);
    assert_eq!([Role::Node, Role::Broker].map(|role| forks(stage, role)), before);
    stage.stack.stop_role(Role::Node).unwrap();
    restore(&database);
    started(stage);
    until("the alarm at the node", || (forks(stage, Role::Node) >= 1.0).then_some(()));
    assert!(forks(stage, Role::Broker) > before[1]);
    assert_eq!(named(stage).map(|(_, reason)| reason).as_deref(), Some("rolled_back"));
    Completion::Completed
}
