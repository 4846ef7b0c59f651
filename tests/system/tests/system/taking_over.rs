//! Two nodes on one PostgreSQL server: the other one serves a body within ten seconds of its owner's death, an owner that
//! comes back too late writes nothing, and the log goes on unbroken through both.
//!
//! Keys are where `ops/procedures/postgres.md` puts them: roots at both nodes, and each one's epochs with the other as
//! well. What needs a server is skipped where none is installed; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use libtest_mimic::{Completion, Failed, Trial};
use rustix::process::Signal;
use serde_json::Value;

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{counted, fetch};
use crate::person::Person;
use crate::program;
use crate::second_node::SecondNode;
use crate::server;
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Skippable<TwoNodes>] = &[(
    "postgres_a_second_node_serves_within_ten_seconds_of_the_owners_death_and_a_stale_one_is_fenced",
    both_ways,
)];

pub(crate) fn trials() -> Vec<Trial> {
    skippable_group("taking_over", TESTS)
}

const BODY: &str = "982016";
/// From the owner's death until the other node has answered: the requirement, not a matter of patience.
const SERVED_WITHIN: Duration = Duration::from_secs(10);
/// Between the beginnings of two questions; one that hangs at a dead node holds up no other.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// The stage before its server: the node ends first.
struct TwoNodes(Option<(Stage, Database)>);

impl Shared for TwoNodes {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("take-over", Store::Postgres(&database), |layout| {
            told_soon(layout);
            keep_epochs_at_both(layout);
        })?;
        Ok(Self(Some((stage, database))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

/// Where the epochs of the one node are and where they stand by, and of the other.
pub(crate) const EPOCHS_A: &str = "epochs = \"keys\"\nstandby = \"keys-b\"\n";
pub(crate) const EPOCHS_B: &str = "epochs = \"keys-b\"\nstandby = \"keys\"\n";

pub(crate) fn keep_epochs_at_both(layout: &Layout) {
    std::fs::create_dir(layout.dir().join("keys-b")).unwrap();
    let path = layout.config(Role::Node);
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace("epochs = \"keys\"\n", EPOCHS_A);
    assert_ne!(text, changed);
    std::fs::write(path, changed).unwrap();
}

/// What a node says of itself; empty where it says nothing.
fn told(stage: &Stage, second: Option<&SecondNode>) -> String {
    let address = second.map_or_else(|| stage.layout().metrics(Role::Node), |second| second.metrics);
    fetch(address, "GET", "/readyz").map_or_else(String::new, |(_, text)| text)
}

/// A file with one record of the person.
fn record(stage: &Stage, person: &Person, id: &str) -> String {
    let row = Row {
        record_key: id.trim_start_matches(|letter: char| !letter.is_ascii_digit()),
        ..Row::new(BODY, person, id, id)
    };
    stage.written("copies.csv", file(&[row]))
}

/// Imports a file through a node; whether it is there afterwards, written now or by a try whose answer was lost.
fn import(config: &Path, path: &str) -> bool {
    let ended = program::with_config("chukei", &config.display().to_string(), &["copy", "import", path]);
    ended.code == Some(0) && {
        let done = ended.done();
        assert_eq!(done["registered"].as_u64().unwrap() + done["unchanged"].as_u64().unwrap(), 1, "{done}");
        true
    }
}

/// Imports records `a1`, `a2`, … through the first node until it is told to stop; how many were acknowledged.
fn load(stage: &Stage, person: &Person, stop: &AtomicBool) -> u64 {
    let config = stage.layout().staff_config(BODY);
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        let path = record(stage, person, &format!("a{}", number + 1));
        if !import(&config, &path) {
            break;
        }
        number += 1;
    }
    number
}

fn ask(layout: &Layout, user: &str) -> Option<Value> {
    let ended = program::portal(layout, &["self-info", "--person", user, "--body", BODY, "--dataset", TAX]);
    (ended.code == Some(0)).then(|| ended.done())
}

/// The ids of the records that a person is shown.
fn shown(answer: &Value) -> Vec<String> {
    let items = answer["datasets"][0]["items"].as_array().unwrap();
    items.iter().map(|item| item["value"].as_str().unwrap().to_owned()).collect()
}

/// Asks again and again from the owner's death on; the first answer, which must come in time.
fn answered_in_time(stage: &Stage, person: &Person, died: Instant) -> Value {
    let (found, answers) = mpsc::channel();
    loop {
        let (found, layout, user) = (found.clone(), stage.layout().clone(), person.user.clone());
        std::thread::spawn(move || ask(&layout, &user).map(|answer| found.send(answer)));
        if let Ok(answer) = answers.recv_timeout(ASK_EVERY) {
            eprintln!("answered {} ms after the owner's death", died.elapsed().as_millis());
            return answer;
        }
        assert!(died.elapsed() < SERVED_WITHIN, "nobody has taken the body over within {SERVED_WITHIN:?}");
    }
}

fn events(config: &Path) -> u64 {
    let log = program::with_config("chukei", &config.display().to_string(), &["audit", "verify"]).done();
    assert_eq!((log["verified"].as_bool(), log["first_bad"].is_null()), (Some(true), true), "{log}");
    log["events"].as_u64().unwrap()
}

/// R43: what the witness remembers of the bodies' logs goes on under their new owner, who proves that it does.
fn cosigned_for(stage: &Stage, owner: SocketAddr, before: f64) {
    let heads = || counted(owner, "chukei_log_heads_total", r#"result="COSIGNED""#);
    until("the owner's logs cosigned", || (heads() >= before + BODIES.len() as f64).then_some(()));
    let forks = |address| counted(address, "chukei_integrity_alarms_total", r#"kind="log_fork""#);
    assert_eq!([stage.layout().metrics(Role::Broker), owner].map(forks), [0.0, 0.0]);
}

fn both_ways(nodes: &TwoNodes) -> Completion {
    let Some((stage, _)) = &nodes.0 else {
        return server::skipped();
    };
    let layout = stage.layout();
    let person = stage.persons(BODY, 1).remove(0);
    let first = layout.staff_config(BODY);
    assert!(import(&first, &record(stage, &person, "a0")));
    let mut second = SecondNode::start(layout, |config| config.replace(EPOCHS_A, EPOCHS_B));
    let second_config = second.staff_config(layout, BODY);
    until("a second node that waits for every body", || {
        let told = told(stage, Some(&second));
        BODIES
            .iter()
            .all(|body| told.contains(&format!("body {} is served elsewhere", body.code)))
            .then_some(())
    });
    let before = events(&first);
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = std::thread::scope(|scope| {
        let stopping = StopAtEnd(stop.clone());
        let loading = scope.spawn(|| load(stage, &person, &stop));
        until("records under way", || (shown(&ask(layout, &person.user)?).len() > 1).then_some(()));

        // The owner stands still, as a machine that hangs: to everybody else it is dead.
        stage.signal(Role::Node, Signal::STOP);
        let taken = answered_in_time(stage, &person, Instant::now());
        assert!(import(&second_config, &record(stage, &person, "b1")));
        // It comes back in the middle of what it was doing, and is told that the body is not its own.
        stage.signal(Role::Node, Signal::CONT);
        until("a stale owner that knows", || {
            let told = told(stage, None);
            (told.contains("(fenced)") || told.contains("(owned_elsewhere)")).then_some(())
        });
        let now = shown(&ask(layout, &person.user).expect("the new owner answers"));
        let of_first = |ids: &[String]| ids.iter().filter(|id| id.starts_with('a')).count();
        assert_eq!(of_first(&now), of_first(&shown(&taken)), "the stale owner has written: {now:?}");
        assert!(import(&second_config, &record(stage, &person, "b2")));
        assert!(events(&second_config) > before);
        cosigned_for(stage, second.metrics, 0.0);

        // The new owner dies, and the first one, which waits now, goes on with what it could not write before.
        second.kill();
        let owner = layout.metrics(Role::Node);
        let cosigned = counted(owner, "chukei_log_heads_total", r#"result="COSIGNED""#);
        answered_in_time(stage, &person, Instant::now());
        cosigned_for(stage, owner, cosigned);
        drop(stopping);
        loading.join().unwrap()
    });
    let mut last = shown(&ask(layout, &person.user).expect("the owner answers"));
    let mut all: Vec<String> = (0..=acknowledged).map(|number| format!("a{number}")).collect();
    all.extend(["b1".into(), "b2".into()]);
    last.sort();
    all.sort();
    assert_eq!(last, all, "what was acknowledged is there once, and nothing else");
    assert!(events(&first) > before + acknowledged);
    Completion::Completed
}

/// Ends the load, also when the test fails before.
struct StopAtEnd(Arc<AtomicBool>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
