//! Exchange records (情報提供等の記録): what the body's staff see of both sides, through a broker's crash, and what is hidden from a
//! person (R50).

use chukei_harness::role::Role;
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::{Test, group};
use crate::page::page;
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Stage>] = &[
    ("a_provision_and_a_refusal_stand_at_both_sides_and_are_one_row", both_sides),
    ("r1_another_bodys_records_are_in_no_list", other_body),
    ("pages_neither_repeat_nor_leave_out_a_record", pages),
    ("r43_a_broker_that_was_killed_has_every_record_in_its_list_again", killed),
    ("r50_what_is_hidden_is_pending_while_a_broker_is_away_and_told_when_it_is_back", away),
    ("r2_records_and_questions_leave_no_trace_of_a_person_in_logs_and_metrics", traces),
];
const BODY: &str = "982016";
const OTHER: &str = "982024";
/// In the catalogue, and nothing of it is registered.
const CARE: &str = "TM00000000000004";

pub(crate) fn trials() -> Vec<Trial> {
    group("exchange_records", TESTS)
}

/// The tests stop brokers: they take turns.
static STOPPING: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn taking_turns() -> std::sync::MutexGuard<'static, ()> {
    STOPPING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What staff see of a person, without the tries that found no channel: a start ends them all.
fn listed(stage: &Stage, body: &str, person: &Person) -> Vec<Value> {
    let shown = stage.staff(body, &["exchange", "list", "--person", &person.addressee]).done();
    let mut rows = shown["exchanges"].as_array().unwrap().clone();
    rows.retain(|row| row["ending"] != "CHANNEL_UNKNOWN");
    rows
}

/// What staff see of a person, once every row is whole.
fn whole(stage: &Stage, body: &str, person: &Person, rows: usize) -> Vec<Value> {
    until("records at both sides", || {
        let rows_now = listed(stage, body, person);
        let is_whole =
            |row: &Value| row["at"] == serde_json::json!(["body", "broker-a"]) && !row["ending"].is_null();
        (rows_now.len() == rows && rows_now.iter().all(is_whole)).then_some(rows_now)
    })
}

fn both_sides(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    let answer = stage.self_info(&person.user, BODY, &[TAX]);
    let none = stage.self_info(&person.user, BODY, &[CARE]);
    let rows = whole(stage, BODY, person, 2);
    assert_eq!(
        [&rows[0]["request_id"], &rows[1]["request_id"]],
        [&answer["request_id"], &none["request_id"]]
    );
    assert_eq!((&rows[0]["result"], &rows[1]["result"]), (&"DONE".into(), &"NO_DATA".into()));
    assert_eq!((&rows[0]["ending"], &rows[0]["portal"]), (&"ANSWERED".into(), &"mynaportal".into()));
    for row in &rows {
        assert_eq!(row["integrated_addressee_number"], person.addressee.as_str(), "{row}");
        assert_eq!(row["undisclosed"], false);
    }
    // A refusal stands at both as well. Whom it was about the body does not know.
    let (_, strangers) = stage.new_persons(BODY, 1);
    let name = stage.self_info_refused(&strangers[0].user, BODY, TAX);
    until("the refusal", || {
        let shown = stage.staff(BODY, &["exchange", "list"]).done();
        let is_it = |row: &&Value| {
            row["result"] == name.as_str() && row["at"] == serde_json::json!(["body", "broker-a"])
        };
        let refused = shown["exchanges"].as_array().unwrap().iter().find(is_it).cloned()?;
        assert!(refused["integrated_addressee_number"].is_null(), "{refused}");
        Some(())
    });
}

fn other_body(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    stage.self_info(&person.user, BODY, &[TAX]);
    whole(stage, BODY, person, 1);
    let all = stage.staff(OTHER, &["exchange", "list"]).done();
    assert!(!all.to_string().contains(&person.addressee), "{all}");
    let refused = stage.staff(OTHER, &["exchange", "list", "--person", &person.addressee]).refused();
    assert_eq!(refused, "NOT_FOUND");
}

fn pages(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    let ids: Vec<Value> =
        (0..5).map(|_| stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone()).collect();
    let rows = whole(stage, BODY, person, 5);
    assert_eq!(rows.iter().map(|row| row["request_id"].clone()).collect::<Vec<_>>(), ids);
    let some = stage.staff(BODY, &["exchange", "list", "--person", &person.addressee, "--limit", "3"]).done();
    assert_eq!((some["exchanges"].as_array().unwrap().len(), &some["more"]), (3, &true.into()));
    let before = ["exchange", "list", "--person", &person.addressee, "--until", "2001-01-01"];
    assert_eq!(stage.staff(BODY, &before).done()["exchanges"], serde_json::json!([]));
}

fn killed(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone());
        // What was recorded a moment ago is not in the index yet, and is told from the journal again.
        stage.signal(Role::Broker, Signal::KILL);
        until("the broker to be back", || {
            matches!(page(stage.layout(), Role::Broker, "/readyz"), Some((200, _))).then_some(())
        });
    }
    let rows = until("every record", || {
        let rows = listed(stage, BODY, person);
        let is_whole =
            |row: &Value| row["at"] == serde_json::json!(["body", "broker-a"]) && !row["ending"].is_null();
        (rows.len() >= 3 && rows.iter().all(is_whole)).then_some(rows)
    });
    let shown: Vec<Value> = rows.iter().map(|row| row["request_id"].clone()).collect();
    assert!(asked.iter().all(|id| shown.contains(id)), "{asked:?} {shown:?}");
    // The end of the last one may have been under way when it was killed.
    for row in &rows {
        assert!(row["ending"] == "ANSWERED" || row["ending"] == "UNKNOWN", "{row}");
    }
}

fn pending(stage: &Stage) -> f64 {
    let Some((200, text)) = page(stage.layout(), Role::Node, "/metrics") else { return -1.0 };
    let line = text.lines().find(|line| line.starts_with("chukei_undisclosed_pending{")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn away(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    stage.self_info(&person.user, BODY, &[TAX]);
    whole(stage, BODY, person, 1);
    let hide = ["person", "undisclose", &person.addressee];
    stage.stack.stop_role(Role::Broker).unwrap();
    let told = stage.staff(BODY, &hide).done();
    assert_eq!((&told["result"], &told["changed"]), (&"PENDING".into(), &true.into()));
    assert_eq!(told["waiting"], serde_json::json!(["broker-a"]));
    until("the gauge", || (pending(stage) >= 1.0).then_some(()));
    // It is told over a restart of the node as well.
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Broker).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until("the node to answer", || (stage.staff(BODY, &hide).code == Some(0)).then_some(()));
    until("every broker to have it", || (stage.staff(BODY, &hide).done()["result"] == "DONE").then_some(()));
    assert_eq!(stage.staff(BODY, &hide).done()["changed"], false);
    until("the gauge", || (pending(stage) == 0.0).then_some(()));
    let rows = whole(stage, BODY, person, 1);
    assert_eq!(rows[0]["undisclosed"], true);
    // The flag is another than the one that withholds the information itself.
    assert_eq!(stage.self_info(&person.user, BODY, &[TAX])["result"], "DONE");
}

fn traces(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.with_copies(BODY, 1)[0];
    stage.self_info(&person.user, BODY, &[TAX]);
    stage.staff(BODY, &["person", "undisclose", &person.addressee]).done();
    whole(stage, BODY, person, 1);
    for role in Role::ALL {
        let Some((200, metrics)) = page(stage.layout(), role, "/metrics") else { panic!("no metrics") };
        assert!(!metrics.contains(&person.addressee) && !metrics.contains(&person.user));
    }
    let logs = std::fs::read_dir(stage.layout().dir()).unwrap().map(|entry| entry.unwrap().path());
    for log in logs.filter(|path| path.extension().is_some_and(|kind| kind == "log")) {
        let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        assert!(!text.contains(&person.addressee), "{}", log.display());
    }
}
