//! `copy import` and `person enroll`: counts, result files, repeats, lost connections.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::sync::{Arc, Mutex};

use chukei_wire::frame::Outcome;
use chukei_wire::message::staff::{BatchReply, EnrollBatch, ImportBatch, ImportRow, RowOutcome};
use chukei_wire::result::ResultName;
use serde_json::json;

use crate::stand_in::{Script, StaffCall, StandIn};

const HEADER: &str = "record_id,local_body_code,integrated_addressee_number,info_name_code,info_item_code,\
record_key,layout_version,publication_date,publication_end_date,delete,reason_of_null,value\n";

fn line(id: &str, person: &str) -> String {
    format!("{id},982016,{person},TM00000000000002,I1,1,0001,20240101,,0,,x\n")
}

const KNOWN: &str = "000009820160101";
const UNKNOWN: &str = "000009820169999";

/// Registers rows in memory, in the order of outcomes that a node keeps; may lose connections.
#[derive(Default)]
struct Registry {
    stored: Arc<Mutex<BTreeMap<String, ImportRow>>>,
    batches: Arc<Mutex<Vec<usize>>>,
    /// Batches after which the connection is lost instead of an answer being given.
    lose_after: HashSet<usize>,
    first: Option<Outcome>,
}

impl Registry {
    fn register(&self, batch: ImportBatch) -> BatchReply {
        let mut stored = self.stored.lock().unwrap();
        let mut accepted = HashSet::new();
        let rows = batch.rows.into_iter().map(|row| {
            let id = row.fields[0].clone();
            if row.fields[2] == UNKNOWN {
                return RowOutcome::Rejected(ResultName::NotFound);
            }
            if row.repeated || !accepted.insert(id.clone()) {
                return RowOutcome::Rejected(ResultName::DuplicateRecordId);
            }
            match stored.insert(id, row.clone()) {
                Some(before) if before == row => RowOutcome::Unchanged,
                _ => RowOutcome::Registered,
            }
        });
        BatchReply { rows: rows.collect() }
    }
}

impl Script for Registry {
    async fn serve(&mut self, mut call: StaffCall) {
        if let Some(outcome) = self.first.take() {
            return call.end_with(outcome).await;
        }
        while let Some(batch) = call.next::<ImportBatch>().await {
            let count = {
                let mut batches = self.batches.lock().unwrap();
                batches.push(batch.rows.len());
                batches.len()
            };
            let reply = self.register(batch);
            if self.lose_after.contains(&count) {
                return call.hang_up();
            }
            call.reply(&reply).await;
        }
        call.finish().await;
    }
}

fn import(node: &StandIn, content: &str) -> crate::stand_in::Printed {
    let file = node.file("copies.csv", content);
    node.json(&["copy".as_ref(), "import".as_ref(), file.as_os_str()])
}

#[test]
fn every_row_has_one_outcome_and_the_result_file_says_which() {
    let node = StandIn::start(Registry::default());
    let mut content = HEADER.to_owned();
    for (id, person) in [("R1", KNOWN), ("R2", UNKNOWN), ("R1", KNOWN), ("R1", UNKNOWN)] {
        content.push_str(&line(id, person));
    }
    content.push_str("half,\"\n");
    content.push_str(&line("R3", "123456789018"));
    content.push_str(&line("R4", KNOWN));
    let printed = import(&node, &content);
    assert_eq!(printed.exit, 0);
    let result_file = printed.json["result_file"].as_str().unwrap().to_owned();
    assert!(result_file.ends_with("copies.csv.result.csv"));
    let expected = json!({
        "rows": 7, "registered": 2, "unchanged": 0,
        "rejected": { "BAD_FORMAT": 1, "DUPLICATE_RECORD_ID": 1, "FORBIDDEN_IDENTIFIER": 1, "NOT_FOUND": 2 },
        "result_file": result_file,
    });
    assert_eq!(printed.json, expected);
    let results = std::fs::read_to_string(&result_file).unwrap();
    let lines = "line,record_id,result\n3,R2,NOT_FOUND\n4,R1,DUPLICATE_RECORD_ID\n5,R1,NOT_FOUND\n\
                 6,,BAD_FORMAT\n7,R3,FORBIDDEN_IDENTIFIER\n";
    assert_eq!(results, lines);

    let again = import(&node, &content);
    assert_eq!((&again.json["registered"], &again.json["unchanged"]), (&json!(0), &json!(2)));
}

#[test]
fn a_repeat_behind_a_whole_batch_keeps_the_order_of_faults() {
    let registry = Registry::default();
    let stored = Arc::clone(&registry.stored);
    let node = StandIn::start(registry);
    let mut content = HEADER.to_owned();
    (0..2_500).for_each(|n| content.push_str(&line(&format!("R{n}"), KNOWN)));
    content.push_str(&line("R5", KNOWN).replace(",x", ",later"));
    content.push_str(&line("R6", UNKNOWN));
    let printed = import(&node, &content);
    let rejected = json!({ "DUPLICATE_RECORD_ID": 1, "NOT_FOUND": 1 });
    assert_eq!((&printed.json["registered"], &printed.json["rejected"]), (&json!(2_500), &rejected));
    assert_eq!(stored.lock().unwrap()["R5"].fields[11], "x");
}

#[test]
fn batches_whose_answer_was_lost_are_sent_again_and_count_once() {
    let registry = Registry { lose_after: [1, 4].into(), ..Registry::default() };
    let (stored, batches) = (Arc::clone(&registry.stored), Arc::clone(&registry.batches));
    let node = StandIn::start(registry);
    let mut content = HEADER.to_owned();
    (0..6_500).for_each(|n| content.push_str(&line(&format!("R{n}"), KNOWN)));
    let printed = import(&node, &content);
    assert_eq!(printed.exit, 0);
    let (registered, unchanged) = (&printed.json["registered"], &printed.json["unchanged"]);
    // What was registered before its answer was lost is there in this form the second time.
    assert_eq!(registered.as_u64().unwrap() + unchanged.as_u64().unwrap(), 6_500);
    assert_eq!((&printed.json["rows"], &printed.json["rejected"]), (&json!(6_500), &json!({})));
    assert_eq!(stored.lock().unwrap().len(), 6_500);
    assert!(batches.lock().unwrap().len() >= 9, "both lost batches came twice");
}

#[test]
fn a_busy_node_is_asked_again() {
    let busy = Some(Outcome::RetryAfter(ResultName::Overloaded, 1));
    let node = StandIn::start(Registry { first: busy, ..Registry::default() });
    let printed = import(&node, &format!("{HEADER}{}", line("R1", KNOWN)));
    assert_eq!((printed.exit, &printed.json["registered"]), (0, &json!(1)));
    assert_eq!(node.calls(), 2);
}

#[test]
fn a_file_that_is_refused_whole_sends_nothing_and_leaves_no_result() {
    let node = StandIn::start(Registry::default());
    for content in ["", "record_id\nR1\n", &HEADER.replace("value", "memo"), "R1,982016\n"] {
        let printed = import(&node, content);
        assert_eq!((printed.exit, &printed.json["code"]), (2, &json!("BAD_FILE")), "{content}");
    }
    let missing = node.json(&["copy".as_ref(), "import".as_ref(), "none.csv".as_ref()]);
    assert_eq!((missing.exit, &missing.json["code"]), (2, &json!("BAD_FILE")));
    assert_eq!(node.calls(), 0);
}

#[test]
fn a_file_without_a_row_that_can_be_sent_is_done() {
    let node = StandIn::start(Registry::default());
    let content = format!("{HEADER}{}", "bad\n".repeat(5_000));
    let printed = import(&node, &content);
    assert_eq!((printed.exit, &printed.json["rejected"]), (0, &json!({ "BAD_FORMAT": 5_000 })));
    assert_eq!(import(&node, HEADER).json["rows"], json!(0));
}

/// Enrols whoever comes for the first time.
#[derive(Default)]
struct Enrolment(HashSet<String>);

impl Script for Enrolment {
    async fn serve(&mut self, mut call: StaffCall) {
        while let Some(batch) = call.next::<EnrollBatch>().await {
            let rows = batch.rows.into_iter().map(|row| match row.acquisition_number.as_str() {
                "foreign" => RowOutcome::Rejected(ResultName::CodeNotAcquired),
                _ if self.0.insert(row.integrated_addressee_number) => RowOutcome::Registered,
                _ => RowOutcome::Unchanged,
            });
            let reply = BatchReply { rows: rows.collect() };
            call.reply(&reply).await;
        }
        call.finish().await;
    }
}

#[test]
fn enrolment_reports_as_scripts_expect() {
    let node = StandIn::start(Enrolment::default());
    let rows: String = (0..600).map(|n| format!("{n:015},number-{n}\n")).collect();
    let content = format!("integrated_addressee_number,acquisition_number\n{rows}{KNOWN},foreign\n");
    let file = node.file("persons.csv", content);
    let results = node.file("elsewhere.csv", "old");
    let args: [&OsStr; 5] = [
        "person".as_ref(),
        "enroll".as_ref(),
        file.as_os_str(),
        "--result-file".as_ref(),
        results.as_os_str(),
    ];
    let expected = |enrolled, unchanged| {
        json!({
            "rows": 601, "enrolled": enrolled, "unchanged": unchanged,
            "rejected": { "CODE_NOT_ACQUIRED": 1 }, "result_file": results.to_str().unwrap(),
        })
    };
    assert_eq!(node.json(&args).json, expected(600, 0));
    assert_eq!(node.json(&args).json, expected(0, 600));
    let text = std::fs::read_to_string(&results).unwrap();
    assert_eq!(text, format!("line,integrated_addressee_number,result\n602,{KNOWN},CODE_NOT_ACQUIRED\n"));
    assert!(node.text(&args).text.starts_with("601行: 登録 0、変更なし 600、却下 1"));
}
