//! R40: what a body may ask for is its own: its flood is its own OVERLOADED, and passes; others are served.

use chukei_harness::layout::{Layout, SYSTEM};
use chukei_harness::role::Role;
use chukei_relay_client::session::{OpenRequest, open_request};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::message::staff::CatalogueReply;
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::hop::{Caller, credentials, dial_staff};
use crate::page::metric;
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Held>] = &[
    ("r40_one_bodys_flood_at_the_entrance_for_staff_is_its_own_and_passes", flood_of_calls),
    ("r40_one_bodys_flood_through_the_broker_is_its_own_and_passes", flood_of_persons),
    ("r1_a_body_at_its_limits_is_told_the_same_whomever_it_asks_about", told_the_same),
    ("r40_a_body_over_its_storage_is_read_and_nothing_is_added", over_storage),
];

pub(super) fn trials() -> Vec<Trial> {
    group("limits", TESTS)
}

/// Held to little, but for what is stored.
const HELD: &str = "982016";
const OTHER: &str = "982024";
/// May store less than anything takes.
const FULL: &str = "983012";
const RATE: u32 = 20;

struct Held {
    stage: Stage,
    turns: std::sync::Mutex<()>,
}

impl Shared for Held {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("limits", |layout| {
            limit(layout, HELD, &format!("requests_per_second = {RATE}, burst = {RATE}"));
        })?;
        Ok(Self { stage, turns: std::sync::Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

/// Gives a body limits of its own.
fn limit(layout: &Layout, body: &str, limits: &str) {
    let path = layout.config(Role::Node);
    let code = format!("code = \"{body}\"\n");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&code));
    std::fs::write(&path, text.replace(&code, &format!("{code}limits = {{ {limits} }}\n"))).unwrap();
}

fn with_copy(stage: &Stage, body: &str, id: &str) -> Person {
    let person = stage.persons(body, 1).remove(0);
    let path = stage.written("copies.csv", file(&[Row::new(body, &person, id, id)]));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], 1);
    person
}

async fn system(layout: &Layout, body: &str) -> Caller {
    dial_staff(layout, &credentials(layout, &format!("system-{body}-{SYSTEM}"))).await.unwrap()
}

/// Asks for the catalogue about `body`, and what the status says.
async fn told(caller: &Caller, body: &str) -> (Outcome, OpenRequest) {
    let header = caller.header(Kind::CatalogueList, body);
    let mut request = open_request(&caller.peer, &header, &Hop::default()).await.unwrap();
    request.send.finish().await.unwrap();
    (request.read_status().await.unwrap(), request)
}

/// Ten times as many calls at once as the body may make in a second: how many were turned away, each with a time.
async fn flood(caller: &Caller, body: &str) -> usize {
    let mut shed = 0;
    for _ in 0..RATE * 10 {
        match told(caller, body).await.0 {
            Outcome::RetryAfter(ResultName::Overloaded, 1..=60_000) => shed += 1,
            Outcome::RetryAfter(name, ms) => panic!("{name} after {ms} ms"),
            _ => {}
        }
    }
    shed
}

fn flood_of_calls(held: &Held) {
    let _turn = held.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (stage, layout) = (&held.stage, held.stage.layout());
    let other = with_copy(stage, OTHER, "calls-1");
    let before = metric(layout, Role::Node, "chukei_shed_total");
    stage.runtime.block_on(async {
        let (caller, quiet) = (system(layout, HELD).await, system(layout, OTHER).await);
        let flooding = flood(&caller, HELD);
        let beside = async {
            for _ in 0..20 {
                let (outcome, mut request) = told(&quiet, OTHER).await;
                assert_eq!(outcome, Outcome::Answered, "another body has its own");
                let _: CatalogueReply = request.recv.read_message().await.unwrap();
            }
        };
        let (shed, ()) = tokio::join!(flooding, beside);
        assert!(shed > 0, "a flood is told to come back");
    });
    // The command line waits as it is told, proof by proof, and gets there.
    stage.staff(HELD, &["catalogue", "list"]).done();
    assert!(metric(layout, Role::Node, "chukei_shed_total") > before);
    let answer = stage.self_info(&other.user, OTHER, &[TAX]);
    assert_eq!(answer["result"], "DONE");
}

fn flood_of_persons(held: &Held) {
    let _turn = held.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stage = &held.stage;
    let (person, other) = (with_copy(stage, HELD, "persons-1"), with_copy(stage, OTHER, "persons-1"));
    let before = metric(stage.layout(), Role::Node, "chukei_shed_total");
    let client = stage.client();
    let (done, overloaded) = stage.runtime.block_on(async {
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..RATE * 10 {
            let (client, user) = (client.clone(), person.user.clone());
            asking.spawn(async move { client.self_info(&user, HELD, &[TAX]).await });
        }
        for _ in 0..10 {
            let answer = client.self_info(&other.user, OTHER, &[TAX]).await.unwrap();
            assert_eq!(answer.datasets[0].items[0].value, "persons-1");
        }
        let (mut done, mut overloaded) = (0, 0);
        while let Some(asked) = asking.join_next().await {
            match asked.unwrap() {
                Ok(answer) => {
                    assert_eq!((answer.result.as_str(), answer.datasets.len()), ("DONE", 1));
                    done += 1;
                }
                Err(failure) => {
                    assert_eq!(failure.code, "OVERLOADED", "{failure}");
                    overloaded += 1;
                }
            }
        }
        (done, overloaded)
    });
    assert_eq!(done + overloaded, RATE * 10);
    assert!(done > 0, "what it may have, it gets");
    assert!(metric(stage.layout(), Role::Node, "chukei_shed_total") > before);
    let args = ["self-info", "--person", &person.user, "--body", HELD, "--dataset", TAX];
    let answer = until("its own room again", || {
        let ended = stage.portal(&args);
        (ended.code == Some(0)).then(|| ended.done())
    });
    assert_eq!(answer["datasets"][0]["items"][0]["value"], "persons-1");
}

/// What is said of another body, of one that is nobody's and of one's own: the same, because it is one's own limit.
fn told_the_same(held: &Held) {
    let _turn = held.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let layout = held.stage.layout();
    held.stage.runtime.block_on(async {
        let (caller, other) = (system(layout, HELD).await, system(layout, OTHER).await);
        let mut told_of = [0; 3];
        for _ in 0..RATE * 3 {
            for (at, body) in [HELD, OTHER, "980005"].into_iter().enumerate() {
                match told(&caller, body).await.0 {
                    Outcome::RetryAfter(ResultName::Overloaded, ms) => {
                        // The wait is for four requests of its own rate, whomever it asked about.
                        assert!((1..=4_000 / RATE).contains(&ms), "{ms}");
                        told_of[at] += 1;
                    }
                    Outcome::Answered => assert_eq!(body, HELD),
                    outcome => assert_eq!(outcome, Outcome::Refused(ResultName::NotFound)),
                }
            }
        }
        assert!(told_of.iter().all(|count| *count > 0), "{told_of:?}");
        // And asking about a body that is at its limits, from another, says nothing of them.
        for _ in 0..3 {
            assert_eq!(told(&other, HELD).await.0, Outcome::Refused(ResultName::NotFound));
        }
    });
}

fn over_storage(held: &Held) {
    let _turn = held.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let full = Stage::start("limits-storage", |layout| limit(layout, FULL, "storage_mib = 1")).unwrap();
    let layout = full.layout();
    let person = with_copy(&full, FULL, "full-0");
    // Rows of a kilobyte, a batch at a time: with every layout that engines have, a few of them are more than it may.
    let long = "あ".repeat(330);
    let over = || metric(layout, Role::Node, "chukei_bodies_over_storage") > 0.0;
    for part in 0..8 {
        if over() {
            break;
        }
        let ids: Vec<[String; 2]> =
            (1..=300).map(|row| [format!("full-{part}-{row}"), (part * 300 + row).to_string()]).collect();
        let rows: Vec<Row> = ids
            .iter()
            .map(|[id, key]| Row { record_key: key, ..Row::new(FULL, &person, id, &long) })
            .collect();
        let path = full.written("many.csv", file(&rows));
        // Refused where it was measured just now.
        let _ = full.staff(FULL, &["copy", "import", &path]);
    }
    until("the measure", || over().then_some(()));
    let caller = full.runtime.block_on(system(layout, FULL));
    let batch = chukei_wire::message::staff::ImportBatch { rows: Vec::new() };
    let outcome = full.runtime.block_on(async {
        let header = caller.header(Kind::CopyImport, FULL);
        let mut request = open_request(&caller.peer, &header, &Hop::default()).await.unwrap();
        request.send.write_message(&batch).await.unwrap();
        request.read_status().await.unwrap()
    });
    assert_eq!(outcome, Outcome::RetryAfter(ResultName::Overloaded, 30_000));
    // Read as before, at both entrances; and a flag protects at once (R50).
    full.staff(FULL, &["copy", "show", "--person", &person.addressee, "--dataset", TAX]).done();
    assert_eq!(full.self_info(&person.user, FULL, &[TAX])["result"], "DONE");
    full.staff(FULL, &["person", "block", &person.addressee]).done();
    assert_eq!(full.self_info(&person.user, FULL, &[TAX])["result"], "UNAVAILABLE_ASK_BODY");
    // Another body has its own storage.
    with_copy(&full, OTHER, "not-full");
}
