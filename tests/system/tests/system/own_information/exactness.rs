//! Exactly the requested datasets, only of this body, and nothing of what is withheld (R50).

use serde_json::{Value, json};

use crate::copy_file::{Row, TAX, file};
use crate::group::Test;
use crate::person::Person;
use crate::stage::{Stage, until};

pub(super) const TESTS: &[Test<Stage>] = &[
    ("exactly_the_requested_datasets_come_back", requested_datasets),
    ("what_cannot_be_asked_is_refused_by_name", refused),
    ("r50_a_withheld_person_is_told_to_ask_the_body_and_never_why", withheld),
    ("r1_two_bodies_know_the_same_record_id_apart", same_ids_in_two_bodies),
    ("a_request_is_seen_once_by_its_body_with_its_outcome", outcomes),
];

const BODY: &str = "982016";
const HOUSEHOLD: &str = "TM00000000000001";
const CARE: &str = "TM00000000000004";

fn import(stage: &Stage, body: &str, rows: &[Row<'_>]) {
    let path = stage.written("copies.csv", file(rows));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], rows.len());
}

fn household<'a>(person: &'a Person, id: &'a str, value: &'a str) -> Row<'a> {
    Row { dataset: HOUSEHOLD, item: "K010020", ..Row::new(BODY, person, id, value) }
}

/// (dataset, value) of everything in an answer, in its order.
fn shown(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let datasets = answer["datasets"].as_array().unwrap().iter();
    datasets
        .flat_map(|dataset| {
            let items = dataset["items"].as_array().unwrap().iter();
            items.map(|item| (text(&dataset["info_name_code"]), text(&item["value"])))
        })
        .collect()
}

fn requested_datasets(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    import(stage, BODY, &[Row::new(BODY, person, "exact-1", "税"), household(person, "exact-2", "世帯")]);
    let ask = |datasets: &[&str]| stage.self_info(&person.user, BODY, datasets);
    let (tax, home) = ((TAX.to_owned(), "税".to_owned()), (HOUSEHOLD.to_owned(), "世帯".to_owned()));
    assert_eq!(shown(&ask(&[TAX])), std::slice::from_ref(&tax));
    assert_eq!(shown(&ask(&[HOUSEHOLD])), std::slice::from_ref(&home));
    assert_eq!(shown(&ask(&[TAX, HOUSEHOLD])), [home, tax.clone()], "in the order of their codes");
    let answer = ask(&[TAX, CARE]);
    assert_eq!(answer["result"], "DONE");
    assert_eq!(shown(&answer), [tax], "what is empty is left out");
    assert_eq!(ask(&[CARE])["result"], "NO_DATA");
}

fn refused(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    import(stage, BODY, &[Row::new(BODY, person, "refused-1", "税")]);
    let user = person.user.as_str();
    let ask = |datasets: &[&str]| {
        let mut args = vec!["self-info", "--person", user, "--body", BODY];
        args.extend(datasets.iter().flat_map(|dataset| ["--dataset", dataset]));
        stage.portal(&args)
    };
    assert_eq!(ask(&[TAX, "TM99999999999999"]).refused(), "UNKNOWN_INFO_NAME", "all of it or nothing");
    for (what, datasets) in [
        ("no code", vec!["TM2"]),
        (
            "seventeen",
            (1..=17)
                .map(|number| ["TM000000000000", &format!("{number:02}")].concat().leak() as &str)
                .collect(),
        ),
    ] {
        let ended = ask(&datasets);
        assert!(matches!(ended.code, Some(2 | 3)), "{what}: {ended:?}");
        assert!(!ended.stdout.contains('税'), "{what}");
    }
    for body in ["982024", "980005"] {
        assert_eq!(stage.self_info_refused(user, body, TAX), "NOT_FOUND", "{body}: R1");
    }
}

fn withheld(stage: &Stage) {
    let persons = stage.persons(BODY, 3);
    let [all, one, other] = &persons[..] else { unreachable!() };
    let rows: Vec<Row<'_>> = [(all, "w-1", "w-2"), (one, "w-3", "w-4"), (other, "w-5", "w-6")]
        .into_iter()
        .flat_map(|(person, tax, home)| [Row::new(BODY, person, tax, "税"), household(person, home, "世帯")])
        .collect();
    import(stage, BODY, &rows);
    let block = |person: &Person, args: &[&str]| {
        stage.staff(BODY, &[&["person", "block", &person.addressee], args].concat()).done()["result"].clone()
    };
    assert_eq!(block(all, &[]), "REGISTERED");
    assert_eq!(block(all, &[]), "UNCHANGED");
    assert_eq!(block(one, &["--dataset", TAX]), "REGISTERED");
    let asked = |person: &Person, datasets: &[&str]| stage.self_info(&person.user, BODY, datasets);
    let neutral = |answer: Value| {
        let request_id = answer["request_id"].clone();
        let expected = json!({ "result": "UNAVAILABLE_ASK_BODY", "request_id": request_id, "body": BODY, "datasets": [] });
        assert_eq!(answer, expected, "and nothing else");
    };
    neutral(asked(all, &[TAX]));
    neutral(asked(all, &[CARE]));
    neutral(asked(one, &[TAX]));
    neutral(asked(one, &[TAX, HOUSEHOLD]));
    assert_eq!(shown(&asked(one, &[HOUSEHOLD])), [(HOUSEHOLD.to_owned(), "世帯".to_owned())]);
    assert_eq!(asked(other, &[TAX])["result"], "DONE");
}

fn same_ids_in_two_bodies(stage: &Stage) {
    let other_body = "983012";
    let (here, there) = (&stage.persons(BODY, 1)[0], &stage.persons(other_body, 1)[0]);
    import(stage, BODY, &[Row::new(BODY, here, "same-id", "海鳴")]);
    import(stage, other_body, &[Row::new(other_body, there, "same-id", "星見")]);
    let value =
        |person: &Person, body: &str| shown(&stage.self_info(&person.user, body, &[TAX]))[0].1.clone();
    assert_eq!(value(here, BODY), "海鳴");
    assert_eq!(value(there, other_body), "星見");
}

fn outcomes(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    import(stage, BODY, &[Row::new(BODY, person, "outcome-1", "税")]);
    let ids: Vec<Value> =
        (0..3).map(|_| stage.self_info(&person.user, BODY, &[TAX])["request_id"].clone()).collect();
    until("the outcomes", || {
        let report = stage.staff(BODY, &["provision", "status", "--person", &person.addressee]).done();
        let seen = report["provisions"].as_array().unwrap();
        let known: Vec<Value> = seen.iter().map(|provision| provision["request_id"].clone()).collect();
        assert_eq!(known, ids, "each once, in the order of time");
        seen.iter().all(|provision| provision["outcome"] == "delivered").then_some(())
    });
}
