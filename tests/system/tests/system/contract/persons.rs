//! `person`: made at the portal, enrolled by the body.

use serde_json::{Value, json};

use crate::group::Test;
use crate::person::Person;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] = &[
    ("persons_are_added_listed_and_enrolled_once", added_listed_and_enrolled_once),
    ("r10_a_file_of_persons_holds_no_individual_number", no_individual_number),
    ("a_foreign_or_spoilt_acquisition_number_is_code_not_acquired", foreign_and_spoilt_numbers),
    ("a_file_that_is_no_file_of_persons_is_a_usage_error", not_a_file_of_persons),
    ("an_addressee_number_of_two_persons_is_refused", one_addressee_two_persons),
];

const BODY: &str = "983012";
const COUNT: usize = 200;
const HEADER: &str = "integrated_addressee_number,acquisition_number";

fn added_listed_and_enrolled_once(stage: &Stage) {
    let file = stage.file("added.csv").display().to_string();
    let count = COUNT.to_string();
    let args = ["person", "add", "--count", &count, "--body", BODY, "--out", &file];
    let added = stage.portal(&args).done();
    let text = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(added, json!({ "added": COUNT, "out": file, "first": rows[0], "last": rows[COUNT - 1] }));
    assert_eq!(text.lines().next(), Some(HEADER), "no byte order mark, this header");
    assert_eq!(rows.len(), COUNT);
    let distinct: std::collections::BTreeSet<&&str> = rows.iter().collect();
    assert_eq!(distinct.len(), COUNT);

    let listed = stage.portal(&["person", "list", "--body", BODY]).done();
    for row in &rows {
        let entries = listed["persons"].as_array().unwrap();
        let times = entries.iter().filter(|entry| entry["integrated_addressee_number"] == *row).count();
        assert_eq!(times, 1, "{row}");
    }

    let first = stage.staff(BODY, &["person", "enroll", &file]).done();
    let result_file = format!("{file}.result.csv");
    let report = |enrolled: usize, unchanged: usize| {
        json!({
            "rows": COUNT, "enrolled": enrolled, "unchanged": unchanged, "rejected": {},
            "result_file": result_file,
        })
    };
    assert_eq!(first, report(COUNT, 0));
    assert_eq!(std::fs::read_to_string(&result_file).unwrap().lines().count(), 1, "only the header");
    assert_eq!(stage.staff(BODY, &["person", "enroll", &file]).done(), report(0, COUNT));
    let enrolled = stage.staff(BODY, &["person", "list"]).done();
    for row in &rows {
        let entry = json!({ "integrated_addressee_number": row });
        assert!(enrolled["persons"].as_array().unwrap().contains(&entry), "{row} is not listed");
    }
}

fn no_individual_number(stage: &Stage) {
    let (_, persons) = stage.new_persons(BODY, 40);
    for Person { addressee, number, .. } in &persons {
        assert!(addressee.len() == 15 && addressee.bytes().all(|byte| byte.is_ascii_digit()), "{addressee}");
        assert_ne!(addressee, "000009830129999", "never issued");
        assert!(number.len() <= 512 && number.bytes().all(|byte| byte.is_ascii_graphic()), "{number}");
        let digits = number.as_bytes().split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max();
        assert!(digits.unwrap() < 12, "{number}");
        assert!(!chukei_domain::individual_number::find(number));
    }
}

fn foreign_and_spoilt_numbers(stage: &Stage) {
    let (_, own) = stage.new_persons(BODY, 3);
    let (_, foreign) = stage.new_persons("982024", 1);
    let spoilt: String = own[1].number.chars().rev().collect();
    let row = |person: &Person, number: &str| format!("{},{number}\n", person.addressee);
    let file = stage.written(
        "mixed.csv",
        format!(
            "{HEADER}\n{}{}{}{}{}",
            row(&own[0], &own[0].number),
            row(&own[1], &spoilt),
            row(&own[2], &foreign[0].number),
            row(&own[2], "1234-5678-9018"),
            "12345,abc\n",
        ),
    );
    let report = stage.staff(BODY, &["person", "enroll", &file]).done();
    assert_eq!(report["rows"], 5);
    assert_eq!(report["enrolled"], 1);
    let rejected = json!({ "BAD_FORMAT": 1, "CODE_NOT_ACQUIRED": 2, "FORBIDDEN_IDENTIFIER": 1 });
    assert_eq!(report["rejected"], rejected, "{report}");
    let results = std::fs::read_to_string(report["result_file"].as_str().unwrap()).unwrap();
    let expected = format!(
        "line,integrated_addressee_number,result\n3,{},CODE_NOT_ACQUIRED\n4,{},CODE_NOT_ACQUIRED\n\
         5,{},FORBIDDEN_IDENTIFIER\n6,12345,BAD_FORMAT\n",
        own[1].addressee, own[2].addressee, own[2].addressee
    );
    assert_eq!(results, expected);
    let listed = stage.staff(BODY, &["person", "list"]).done();
    let listed = |person: &Person| {
        let entry = json!({ "integrated_addressee_number": person.addressee });
        listed["persons"].as_array().unwrap().contains(&entry)
    };
    assert_eq!(own.iter().map(listed).collect::<Vec<bool>>(), [true, false, false]);
}

fn not_a_file_of_persons(stage: &Stage) {
    let (good, _) = stage.new_persons(BODY, 1);
    let good = std::fs::read_to_string(good).unwrap();
    for (name, content) in [
        ("another-header.csv", good.replace("acquisition_number", "number")),
        (
            "one-column.csv",
            good.lines().map(|line| format!("{}\n", line.split(',').next().unwrap())).collect(),
        ),
        ("no-header.csv", good.lines().skip(1).collect()),
        ("empty.csv", String::new()),
    ] {
        let file = stage.written(name, content);
        let code = stage.staff(BODY, &["person", "enroll", &file]).code_at(2);
        assert!(!code.is_empty(), "{name}");
    }
    let missing = stage.file("missing.csv").display().to_string();
    stage.staff(BODY, &["person", "enroll", &missing]).code_at(2);
}

fn one_addressee_two_persons(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let (_, others) = stage.new_persons(BODY, 1);
    let file =
        stage.written("taken.csv", format!("{HEADER}\n{},{}\n", persons[0].addressee, others[0].number));
    let report = stage.staff(BODY, &["person", "enroll", &file]).done();
    assert_eq!(report["enrolled"], 0, "{report}");
    let rejected: u64 = report["rejected"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(rejected, 1, "{report}");
}
