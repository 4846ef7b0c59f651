//! Every engine that a node can be configured with keeps what was acknowledged through a kill, and a body whose rows
//! lie with another engine is told apart from an empty one.
//!
//! What needs a PostgreSQL server is skipped where none is installed; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, Test, group, skippable_group};
use crate::page::{metric, page};
use crate::server;
use crate::stage::{Stage, told_soon, until};

const SLED: &[Test<OnSled>] = &[
    ("sled_keeps_what_was_acknowledged_through_a_kill", |on| kept_through_a_kill(&on.turn(), "sled")),
    ("rows_with_another_engine_are_no_empty_body", |on| other_engine(&on.turn())),
];
const POSTGRES: &[Skippable<OnPostgres>] = &[
    ("postgres_keeps_what_was_acknowledged_through_a_kill", postgres_kill),
    ("a_postgres_server_that_is_gone_takes_bodies_out_of_service_until_it_is_back", postgres_gone),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = group("engines", SLED);
    trials.extend(skippable_group("engines", POSTGRES));
    trials
}

/// A body that no other test of its stage touches.
const KILLED: &str = "982016";
const OTHERWISE: &str = "982024";
const DIES_WITHIN: Duration = Duration::from_secs(10);
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One test at a time: they stop the node.
struct OnSled(Mutex<Stage>);

impl OnSled {
    fn turn(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared for OnSled {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Mutex::new(Stage::start_with("sled", Store::Sled, |_| ())?)))
    }

    fn keep(&self) {
        self.turn().keep();
    }
}

struct OnPostgres(Option<(Stage, Mutex<Database>)>);

impl Shared for OnPostgres {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("postgres", Store::Postgres(&database), told_soon)?;
        Ok(Self(Some((stage, database.into()))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

fn import(stage: &Stage, body: &str, user: &crate::person::Person, id: &str, value: &str) {
    let row = Row { record_key: id, ..Row::new(body, user, id, value) };
    let path = stage.written("copies.csv", file(&[row]));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], 1);
}

/// How many records a person is shown.
fn shown(stage: &Stage, user: &str, body: &str) -> usize {
    let answer = stage.self_info(user, body, &[TAX]);
    answer["datasets"][0]["items"].as_array().map_or(0, Vec::len)
}

fn kept_through_a_kill(stage: &Stage, engine: &str) {
    let person = stage.persons(KILLED, 1).remove(0);
    for number in ["1", "2"] {
        import(stage, KILLED, &person, number, number);
        stage.stack.kill(Role::Node).unwrap();
        assert!(stage.stack.next_death(DIES_WITHIN).is_some());
        stage.stack.wait_ready(READY_WITHIN).unwrap();
        // A lease of the node that was killed holds for some seconds yet.
        all_ready(stage);
        assert_eq!(shown(stage, &person.user, KILLED).to_string(), number);
    }
    until("space that is measured", || {
        let (_, text) = page(stage.layout(), Role::Node, "/metrics")?;
        let line = text.lines().find(|line| {
            line.starts_with("chukei_store_bytes{") && line.contains(&format!("engine=\"{engine}\""))
        })?;
        (!line.ends_with(" 0")).then_some(())
    });
}

fn all_ready(stage: &Stage) {
    until("every body served", || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        (status == 200 && text.trim() == "ready").then_some(())
    });
}

fn other_engine(stage: &Stage) {
    let person = stage.persons(OTHERWISE, 1).remove(0);
    import(stage, OTHERWISE, &person, "1", "1");
    let bodies = stage.layout().dir().join("node/bodies");
    let (rows, aside) = (bodies.join(format!("{OTHERWISE}.sled")), bodies.join("aside"));
    stage.stack.stop_role(Role::Node).unwrap();
    fs::rename(&rows, &aside).unwrap();
    fs::write(bodies.join(format!("{OTHERWISE}.sqlite")), "rows").unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    // The others may still be on their way in when this one is told.
    until("one body that is told to lie with another engine, and no other that is not served", || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        let mut told = text.lines().filter(|line| line.starts_with("body "));
        let line = told.next().filter(|line| line.starts_with(&format!("body {OTHERWISE} is not served")))?;
        let alone = status == 200 && told.next().is_none() && line.contains("kept by another engine");
        (alone && metric(stage.layout(), Role::Node, "chukei_bodies_not_ready") == 1.0).then_some(())
    });
    stage.stack.stop_role(Role::Node).unwrap();
    fs::remove_file(bodies.join(format!("{OTHERWISE}.sqlite"))).unwrap();
    fs::rename(&aside, &rows).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    all_ready(stage);
    assert_eq!(shown(stage, &person.user, OTHERWISE), 1);
}

fn postgres_kill(on: &OnPostgres) -> Completion {
    let Some((stage, turn)) = &on.0 else { return server::skipped() };
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    kept_through_a_kill(stage, "postgres");
    Completion::Completed
}

fn postgres_gone(on: &OnPostgres) -> Completion {
    let Some((stage, database)) = &on.0 else { return server::skipped() };
    let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
    all_ready(stage);
    let person = stage.persons(OTHERWISE, 1).remove(0);
    import(stage, OTHERWISE, &person, "1", "1");
    database.server().crash().unwrap();
    let args = ["self-info", "--person", &person.user, "--body", OTHERWISE, "--dataset", TAX];
    stage.portal(&args).code_at(4);
    until("bodies whose server is gone", || {
        let (_, text) = page(stage.layout(), Role::Node, "/readyz")?;
        text.contains("(store_unreachable)").then_some(())
    });
    database.server().begin().unwrap();
    all_ready(stage);
    assert_eq!(shown(stage, &person.user, OTHERWISE), 1);
    Completion::Completed
}
