//! What a person is shown, and what staff see of it afterwards: provisions, the log, the catalogue.

use serde_json::{Value, json};

use crate::copy_file::{Row, TAX, TAX_TEXT, file};
use crate::group::Test;
use crate::stage::{Stage, until};

pub(super) const TESTS: &[Test<Stage>] = &[
    ("own_information_has_the_stated_form", own_information),
    ("logout_erases_the_folder", logout),
    ("a_provision_is_seen_by_its_own_body_and_the_query_is_recorded", provisions),
    ("the_log_is_verified_event_by_event", audit),
    ("r7_the_log_is_searched_by_who_what_whom_and_when_and_the_search_is_in_it", search),
    ("the_catalogue_lists_items_with_type_and_length", catalogue),
    ("copies_are_shown_to_staff_as_they_are_held", copy_show),
];

const BODY: &str = "983012";

fn import_one(stage: &Stage, rows: &[Row<'_>]) {
    let path = stage.written("copies.csv", file(rows));
    assert_eq!(stage.staff(BODY, &["copy", "import", &path]).done()["registered"], rows.len());
}

fn own_information(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let row = |id: &'static str| Row::new(BODY, &persons[0], id, "通知の本文");
    let year = Row { item: "K020010", value: "2024", ..row("form-1") };
    let text = Row { record_key: "1", ..row("form-2") };
    let empty = Row { record_key: "2", value: "", reason: "該当なし", ..row("form-3") };
    import_one(stage, &[empty, text, year]);
    let answer = stage.self_info(&persons[0].user, BODY, &[TAX]);
    let request_id = answer["request_id"].as_str().unwrap();
    assert!(!request_id.is_empty());
    let item = |code: &str, name: &str, key: &str, value: &str, reason: Value| {
        json!({
            "level": 1, "info_item_code": code, "item_name": name, "record_key": key, "value": value,
            "reason_of_null": reason,
        })
    };
    let expected = json!({
        "result": "DONE",
        "request_id": request_id,
        "body": BODY,
        "datasets": [{
            "info_name_code": TAX,
            "info_name": "地方税関係情報",
            "items": [
                item("K020010", "課税年度", "1", "2024", Value::Null),
                item(TAX_TEXT, "通知事項", "1", "通知の本文", Value::Null),
                item(TAX_TEXT, "通知事項", "2", "", json!("該当なし")),
            ],
        }],
    });
    assert_eq!(answer, expected);
    let other = stage.self_info(&persons[0].user, BODY, &["TM00000000000001"]);
    assert_eq!([&other["result"], &other["datasets"]], [&json!("NO_DATA"), &json!([])]);
}

fn logout(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    import_one(stage, &[Row::new(BODY, &persons[0], "logout-1", "値")]);
    stage.self_info(&persons[0].user, BODY, &[TAX]);
    let logout = || stage.portal(&["logout", "--person", &persons[0].user]).done();
    assert_eq!(logout(), json!({ "result": "DONE", "erased": 1 }));
    assert_eq!(logout(), json!({ "result": "DONE", "erased": 0 }));
}

fn provisions(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let [asked, other] = &persons[..] else { unreachable!() };
    import_one(stage, &[Row::new(BODY, asked, "provision-1", "値")]);
    let answer = stage.self_info(&asked.user, BODY, &[TAX]);
    let refused = stage.self_info_refused(&asked.user, BODY, "TM99999999999999");
    assert_eq!(refused, "UNKNOWN_INFO_NAME");
    let status = |person: &str| {
        let report = stage.staff(BODY, &["provision", "status", "--person", person]).done();
        report["provisions"].as_array().unwrap().clone()
    };
    // The receipt comes behind the answer.
    let found = until("the outcome of the provision", || {
        let found = status(&asked.addressee);
        found[0]["outcome"].is_string().then_some(found)
    });
    let [done, unknown] = &found[..] else { panic!("{found:?}") };
    assert_eq!(done["request_id"], answer["request_id"]);
    assert_eq!(done["integrated_addressee_number"], asked.addressee.as_str());
    assert_eq!([&done["result"], &done["outcome"]], ["DONE", "delivered"]);
    assert_eq!(done["datasets"], json!([TAX]));
    assert_eq!([&unknown["result"], &unknown["outcome"]], [&json!("UNKNOWN_INFO_NAME"), &Value::Null]);
    assert_eq!(status(&other.addressee), Vec::<Value>::new());
    let foreign = stage.staff("982024", &["provision", "status", "--person", &asked.addressee]);
    assert_eq!(foreign.refused(), "NOT_FOUND", "R1: another body has no such person");
}

fn audit(stage: &Stage) {
    let verify = || {
        let report = stage.staff(BODY, &["audit", "verify"]).done();
        assert_eq!([&report["verified"], &report["first_bad"]], [&json!(true), &Value::Null], "{report}");
        report["events"].as_u64().unwrap()
    };
    // Acts of before may still be writing their outcomes: what one verification leaves is known once the log is quiet.
    let mut counts = [verify(), verify(), verify()];
    let (own, quiet) = until("a quiet log", || {
        counts = [counts[1], counts[2], verify()];
        let (one, other) = (counts[1] - counts[0], counts[2] - counts[1]);
        (one == other).then_some((one, counts[2]))
    });
    assert!(own > 0, "verifying is an act that is recorded");
    stage.persons(BODY, 1);
    assert!(verify() > quiet + own, "enrolment leaves events of its own");
}

fn search(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    stage.staff(BODY, &["person", "block", &person.addressee]).done();
    let search = |args: &[&str]| stage.staff(BODY, &[&["audit", "search"], args].concat());
    let events = |args: &[&str]| search(args).done()["events"].as_array().unwrap().clone();
    let found = events(&["--person", &person.addressee, "--action", "person_block"]);
    let [blocked] = &found[..] else { panic!("{found:?}") };
    assert_eq!([&blocked["event"], &blocked["result"]], ["person-blocked", "DONE"]);
    // By the reference that it carries, by its time, and by the call that it was done in.
    let reference = blocked["person"].as_str().unwrap();
    assert_eq!(events(&["--person", reference, "--action", "person_block"]), found);
    let request = blocked["request"].as_str().unwrap();
    let call = events(&["--request", request, "--oldest-first"]);
    let names: Vec<&str> = call.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["called", "person-blocked", "call-ended"]);
    let actor = call[0]["actor"].as_str().unwrap();
    let by = actor.rsplit('/').next().unwrap();
    let mut all = events(&["--by", by, "--limit", "100000"]);
    assert!(all.len() >= 3 && all.iter().all(|event| event["actor"] == actor), "{all:?}");
    let some = search(&["--by", by, "--limit", "2"]).done();
    // The searches themselves are the newest.
    assert_eq!((some["events"].as_array().unwrap().len(), &some["more"]), (2, &json!(true)));
    assert_eq!(some["events"][0]["action"], "audit-search");
    all.reverse();
    assert_eq!(events(&["--by", by, "--oldest-first", "--limit", "100000"])[..all.len()], all);
    assert_eq!(events(&["--until", "2020-01-01"]), Vec::<Value>::new());
    let foreign = stage.staff("982024", &["audit", "search", "--person", &person.addressee]);
    assert_eq!(foreign.refused(), "NOT_FOUND", "R1: another body has no such person");
}

fn catalogue(stage: &Stage) {
    let report = stage.staff(BODY, &["catalogue", "list"]).done();
    let items = report["items"].as_array().unwrap();
    let of_tax: Vec<&Value> = items.iter().filter(|item| item["info_name_code"] == TAX).collect();
    let long_text =
        of_tax.iter().any(|item| item["type"] == "text" && item["max_length"].as_u64() >= Some(100));
    assert!(long_text, "dataset 02 has a text of at least 100 characters");
    for item in items {
        let code = item["info_name_code"].as_str().unwrap();
        assert!(code.len() == 16 && code.starts_with("TM"), "{item}");
        assert!(matches!(item["type"].as_str(), Some("text" | "number" | "date" | "code")), "{item}");
        assert!(item["max_length"].as_u64() >= Some(1), "{item}");
    }
    for number in ["01", "02", "04", "09", "80"] {
        let code = format!("TM000000000000{number}");
        assert!(items.iter().any(|item| item["info_name_code"] == code.as_str()), "{code} is not listed");
    }
}

fn copy_show(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    import_one(stage, &[Row { until: "20991231", ..Row::new(BODY, &persons[0], "show-1", "値") }]);
    let args = ["copy", "show", "--person", &persons[0].addressee, "--dataset", TAX];
    let shown = stage.staff(BODY, &args).done();
    let expected = json!({
        "record_id": "show-1", "info_item_code": TAX_TEXT, "record_key": "1", "layout_version": "0001",
        "publication_date": "20240401", "publication_end_date": "20991231", "delete": false,
        "reason_of_null": "", "value": "値",
    });
    assert_eq!(shown["records"], json!([expected]));
    let nobody = ["copy", "show", "--person", "000009830129999", "--dataset", TAX];
    assert_eq!(stage.staff(BODY, &nobody).refused(), "NOT_FOUND");
    assert_eq!(stage.staff("982024", &args).refused(), "NOT_FOUND", "R1");
}
