//! The person's receipt: what bodies' logs say of a person, fetched through the brokers, verified by the portal and by anybody
//! from files; provisional with one broker's cosignature, final with every one's.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::attacks::broker_loss::lay_out_second;
use crate::copy_file::TAX;
use crate::disks::FailingCalls;
use crate::group::{Shared, Skippable, Test, group, skippable_group};
use crate::person::Person;
use crate::program;
use crate::stage::{Stage, until};

const TESTS: &[Test<TwoBrokers>] = &[
    ("r43_a_receipt_is_provisional_without_one_broker_and_final_with_all", provisional_and_final),
    ("a_disclosure_a_refusal_and_their_ends_are_told_once_in_their_order", told_in_order),
    ("anybody_verifies_receipts_from_files_and_sees_what_was_altered", altered_files),
    ("brokers_and_body_agree_on_what_was_asked", complete),
    ("r1_records_of_another_body_are_none", another_body),
];
/// On a stage of its own, whose roles it stops.
const STOPS: &[Test<TwoBrokers>] =
    &[("more_records_than_one_page_has_verify_over_stops_of_node_and_portal", many_records)];
/// The portal's disk fails; skipped where calls cannot be let fail.
const FAILS: &[Skippable<TwoBrokers>] =
    &[("r43_an_answer_whose_place_is_not_durable_at_the_portal_is_not_acknowledged", unkept)];
const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Requests whose records and ends fill more than one page.
const MANY: usize = 135;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = group("receipts", TESTS);
    trials.extend(group("receipts_stops", STOPS));
    trials.extend(skippable_group("receipts_failing", FAILS));
    trials
}

/// A stage with a second broker, which nobody restarts.
struct TwoBrokers {
    stage: Stage,
    second: Mutex<Option<Child>>,
}

impl Shared for TwoBrokers {
    fn set() -> Result<Self, Failed> {
        let mut second = None;
        let stage = Stage::start("receipts", |layout| {
            lay_out_second(layout);
            second = Some(started(layout));
        })?;
        Ok(Self { stage, second: Mutex::new(second) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Drop for TwoBrokers {
    fn drop(&mut self) {
        self.stop_second();
    }
}

impl TwoBrokers {
    fn stop_second(&self) {
        if let Some(mut child) = self.second.lock().unwrap().take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn start_second(&self) {
        *self.second.lock().unwrap() = Some(started(self.stage.layout()));
    }

    /// `None` while a role is away.
    fn records(&self, person: &Person) -> Option<Value> {
        let ended = self.stage.portal(&["records", "--person", &person.user, "--verify"]);
        if ended.code == Some(4) {
            return None;
        }
        let records = ended.done();
        assert_eq!(records["bodies"].as_array().unwrap().len(), 1, "{records}");
        Some(records)
    }

    /// The person's records once so many places are open, with this standing.
    fn shown(&self, person: &Person, places: u64, standing: &str) -> Value {
        until("the records", || {
            let records = self.records(person)?;
            let body = &records["bodies"][0];
            (body["shown"] == places && body["standing"] == standing).then(|| {
                assert_eq!((&records["verified"], &body["closed"]), (&Value::Bool(true), &Value::from(0)));
                body.clone()
            })
        })
    }
}

fn started(layout: &Layout) -> Child {
    let log = File::options().create(true).append(true).open(layout.dir().join("broker-b.log")).unwrap();
    let mut command = program::command("broker");
    command.args(["broker", "--config"]).arg(layout.dir().join("broker-b.toml"));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn provisional_and_final(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 2, "FINAL");
    on.stop_second();
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 4, "PROVISIONAL");
    on.start_second();
    on.shown(person, 4, "FINAL");
}

fn told_in_order(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    let given = on.stage.self_info(&person.user, BODY, &[TAX]);
    let refused = on.stage.self_info_refused(&person.user, BODY, "TM99999999999999");
    assert_eq!(refused, "UNKNOWN_INFO_NAME");
    let nothing = on.stage.self_info(&person.user, BODY, &["TM00000000000004"]);
    let body = on.shown(person, 5, "FINAL");
    let records = body["records"].as_array().unwrap();
    let told: Vec<_> = records.iter().map(|record| (&record["result"], &record["outcome"])).collect();
    let text = |name: &str| Value::from(name);
    let [delivered, none] = [text("delivered"), Value::Null];
    let [gave, no, empty] = ["given", "refused", "nothing-there"].map(text);
    assert_eq!(told, [(&gave, &delivered), (&no, &none), (&empty, &delivered)]);
    assert_eq!(records[0]["request_id"], given["request_id"]);
    assert_eq!(records[2]["request_id"], nothing["request_id"]);
    assert_eq!(
        (&records[0]["portal"], &records[0]["datasets"]),
        (&text("mynaportal"), &Value::from(vec![TAX]))
    );
    let asked = records[0]["asked_ms"].as_u64().unwrap();
    assert!(asked <= records[0]["at_ms"].as_u64().unwrap() + 5_000);
    assert_eq!(records[0]["number"], 1);
    // What was asked of the log has no place in it.
    on.shown(person, 5, "FINAL");
}

fn complete(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    on.stage.self_info(&person.user, BODY, &[TAX]);
    let last = on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 4, "FINAL");
    // Old enough that both sides have to tell of it: another is asked until it is.
    let asked = last["request_id"].as_str().unwrap().to_owned();
    let begun = u64::from_str_radix(&asked.replace('-', "")[..12], 16).unwrap();
    until("brokers and body to agree", || {
        let records = on.records(person)?;
        let body = &records["bodies"][0];
        let now_ms = chukei_relay_client::clock::Clock::system().now_ms();
        let settled = now_ms > begun + 10_000 && !body["complete"].is_null();
        settled.then(|| {
            assert_eq!((&body["complete"], &body["differences"]), (&true.into(), &serde_json::json!([])))
        })
    });
}

/// Writes the receipts of a person into a folder of their own.
fn written(on: &TwoBrokers, person: &Person, name: &str) -> std::path::PathBuf {
    let folder = on.stage.file(name);
    let out = folder.display().to_string();
    on.stage.portal(&["records", "--person", &person.user, "--verify", "--out", &out]).done();
    folder
}

fn verified(folder: &Path) -> program::Ended {
    program::run("portal", &["verify-receipts", &folder.display().to_string(), "--json"])
}

fn altered_files(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 4, "FINAL");
    let folder = written(on, person, "receipts");
    let all = verified(&folder).done();
    assert_eq!((&all["verified"], &all["receipts"]), (&Value::Bool(true), &Value::from(4)));
    assert_eq!(all["bodies"][0]["standing"], "FINAL");
    assert_eq!(all["bodies"][0]["records"].as_array().unwrap().len(), 2);
    let file = folder.join(format!("{BODY}-000003.tlog-proof"));
    let whole = fs::read(&file).unwrap();
    let first = fs::read(folder.join(format!("{BODY}-000001.tlog-proof"))).unwrap();
    // Every fortieth byte, as somebody might change it. A cosignature that names another key is none, and the rest stands.
    for at in (0..whole.len()).step_by(40) {
        let mut altered = whole.clone();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        fs::write(&file, altered).unwrap();
        let told = verified(&folder);
        if told.code == Some(0) {
            assert_eq!(told.done()["bodies"][0]["standing"], "PROVISIONAL", "byte {at}");
        } else {
            assert_eq!(told.refused(), "INTEGRITY_FAILURE", "byte {at}");
        }
    }
    fs::write(&file, &first).unwrap();
    assert_eq!(verified(&folder).refused(), "INTEGRITY_FAILURE", "doubled");
    fs::remove_file(&file).unwrap();
    assert_eq!(verified(&folder).refused(), "INTEGRITY_FAILURE", "an end without its request");
    fs::write(&file, &whole).unwrap();
    verified(&folder).done();
    // The keys of a log that is not this body's.
    let keys = folder.join("keys.json");
    let text = fs::read_to_string(&keys).unwrap();
    fs::write(&keys, text.replacen("982016", "982024", 3)).unwrap();
    assert_ne!(verified(&folder).code, Some(0));
}

fn many_records(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    let client = on.stage.client();
    for _ in 0..MANY {
        on.stage.runtime.block_on(client.self_info(&person.user, BODY, &[TAX])).unwrap();
    }
    let places = MANY as u64 * 2;
    let body = on.shown(person, places, "FINAL");
    assert_eq!(body["records"].as_array().unwrap().len(), MANY);
    on.stage.stack.stop_role(Role::Portal).unwrap();
    on.stage.stack.start_role(Role::Portal).unwrap();
    on.shown(person, places, "FINAL");
    on.stage.stack.stop_role(Role::Node).unwrap();
    on.stage.stack.start_role(Role::Node).unwrap();
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, places + 2, "FINAL");
}

/// The portal's journal does not sync while an answer arrives: the person has it, and the body learns of no arrival.
fn unkept(on: &TwoBrokers) -> Completion {
    let (person, layout) = (&on.stage.with_copies(BODY, 1)[0], on.stage.layout());
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 2, "FINAL");
    let folder = layout.dir().join("portal/journal");
    let listed = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let newest = listed.filter(|path| path.extension().is_some_and(|kind| kind == "seg")).max().unwrap();
    let number = u64::from_str_radix(newest.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
    // Those that are begun when it has failed as well.
    let files: Vec<_> = (number.saturating_sub(4)..number + 64)
        .map(|number| folder.join(format!("{number:016x}.seg")))
        .collect();
    let pid = fs::read_to_string(layout.pid_file(Role::Portal)).unwrap();
    let Some(failing) = FailingCalls::of(pid.trim(), "fsync,fdatasync", "EIO", &files) else {
        return Completion::ignored_with("strace may not let calls fail here");
    };
    on.stage.self_info(&person.user, BODY, &[TAX]);
    until("the portal to say so", || {
        let log = fs::read_to_string(layout.log(Role::Portal)).unwrap();
        log.contains("the place of a disclosure is not kept").then_some(())
    });
    drop(failing);
    let body = on.shown(person, 4, "FINAL");
    let told: Vec<_> =
        body["records"].as_array().unwrap().iter().map(|record| record["outcome"].clone()).collect();
    assert_eq!(told[0], "delivered");
    assert!(told[1] == "aborted" || told[1] == "unknown", "{told:?}");
    on.stage.self_info(&person.user, BODY, &[TAX]);
    assert_eq!(on.shown(person, 6, "FINAL")["records"][2]["outcome"], "delivered", "it is well again");
    Completion::Completed
}

fn another_body(on: &TwoBrokers) {
    let person = &on.stage.with_copies(BODY, 1)[0];
    on.stage.self_info(&person.user, BODY, &[TAX]);
    on.shown(person, 2, "FINAL");
    let refused = on.stage.portal(&["records", "--person", &person.user, "--body", OTHER]).refused();
    assert_eq!(refused, "NOT_FOUND");
}
