//! `copy import`: what is registered, what is rejected under which name, what the person is then shown.

use std::collections::BTreeMap;
use std::path::Path;

use chukei_harness::rows::{BodyRows, ExpectedItem, Generator, ImportExpectation, Truth};
use encoding_rs::SHIFT_JIS;
use serde_json::{Value, json};

use crate::copy_file::{ENGLISH, JAPANESE, Row, TAX, TAX_TEXT, file};
use crate::group::Test;
use crate::person::Person;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] = &[
    ("every_kind_of_row_is_judged_in_both_encodings_and_shown_as_it_was_sent", every_kind_of_row),
    ("either_header_goes_with_either_encoding_in_any_order_of_columns", either_header_either_encoding),
    ("characters_that_conversions_damage_come_out_as_they_went_in", fragile_characters),
    ("a_record_is_known_by_its_id_within_its_body", known_by_id),
    ("one_result_per_row_the_first_that_applies", first_result_that_applies),
    ("the_result_file_is_text_replaced_as_a_whole", result_file),
    ("r10_an_individual_number_is_refused_in_any_column_and_repeated_nowhere", individual_numbers),
    ("a_half_written_row_and_undecodable_bytes_cost_only_their_rows", damaged_rows),
    ("a_file_that_is_no_copy_file_is_refused_as_a_whole", not_a_copy_file),
];

const BODY: &str = "982016";
/// Generated record ids repeat between tests: each of those has a body of its own.
const OTHER: &str = "982024";

/// Good rows for each file: enough that every kind of bad row stands in it once, one for fifty good ones.
const EVERY_KIND: usize = 31 * 50;

fn every_kind_of_row(stage: &Stage) {
    let persons = stage.persons(BODY, 60);
    let BodyRows { first, second, truth } = rows(BODY, &persons, 1, EVERY_KIND);
    for (rows, expected) in [&first, &second] {
        assert_eq!(expected.rejected.len(), 7, "every result name occurs: {:?}", expected.rejected);
        let path = stage.file("copies.csv");
        rows.write(&path).unwrap();
        import(stage, BODY, &path, &[], expected);
        import(stage, BODY, &path, &[], &expected.repeated());
    }
    compare(stage, BODY, &persons, &truth);
}

fn either_header_either_encoding(stage: &Stage) {
    let persons = stage.persons(OTHER, 20);
    let BodyRows { first, second, truth } = rows(OTHER, &persons, 2, 300);
    let path = stage.file("first.csv");
    first.0.write(&path).unwrap();
    import(stage, OTHER, &path, &["--encoding", "utf-8"], &first.1);

    let (_, expected) = &second;
    let bytes = second.0.bytes().unwrap();
    let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&bytes).unwrap();
    let japanese = rearranged(&text, JAPANESE);
    let english = rearranged(&text, ENGLISH);
    let windows = |text: &str| {
        let (bytes, _, lost) = SHIFT_JIS.encode(text);
        assert!(!lost);
        bytes.into_owned()
    };
    let marked = [b"\xEF\xBB\xBF", japanese.as_bytes()].concat();
    let again = expected.repeated();
    for (content, args, expected) in [
        (marked, &[][..], expected),
        (windows(&english), &[][..], &again),
        (windows(&japanese), &["--encoding", "windows-31j"][..], &again),
        (english.into_bytes(), &[][..], &again),
    ] {
        let path = stage.file("rearranged.csv");
        std::fs::write(&path, content).unwrap();
        import(stage, OTHER, &path, args, expected);
    }
    compare(stage, OTHER, &persons, &truth);
}

/// The same rows with the columns in reverse, under `header`. A thirteenth cell stays where it is.
fn rearranged(text: &str, header: &str) -> String {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let reversed = |cells: Vec<&str>| -> Vec<String> {
        let (known, more) = cells.split_at(12);
        known.iter().rev().chain(more).map(|cell| (*cell).to_owned()).collect()
    };
    writer.write_record(reversed(header.split(',').collect())).unwrap();
    for record in reader.records() {
        writer.write_record(reversed(record.unwrap().iter().collect())).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn fragile_characters(stage: &Stage) {
    const BOTH: &str = "①Ⅱ髙﨑～―∥－￤㈱㍻ｶﾅ\\~ \"引用\",改";
    const UTF8_ONLY: &str = "𠮷野家 葛󠄀城 é 한글";
    let persons = stage.persons(BODY, 1);
    let [person] = &persons[..] else { unreachable!() };
    let both = file(&[Row::new(BODY, person, "fragile-1", BOTH)]);
    let (windows, _, lost) = SHIFT_JIS.encode(&both);
    assert!(!lost);
    for (number, content) in [windows.into_owned(), both.clone().into_bytes()].into_iter().enumerate() {
        let path = stage.written("fragile.csv", content);
        let report = stage.staff(BODY, &["copy", "import", &path]).done();
        let expected = if number == 0 { "registered" } else { "unchanged" };
        assert_eq!(report[expected], 1, "the same text in the other encoding is the same record: {report}");
    }
    let more = Row { record_key: "2", ..Row::new(BODY, person, "fragile-2", UTF8_ONLY) };
    let path = stage.written("fragile.csv", file(&[more]));
    assert_eq!(stage.staff(BODY, &["copy", "import", &path]).done()["registered"], 1);
    let answer = stage.self_info(&person.user, BODY, &[TAX]);
    let values: Vec<&Value> =
        answer["datasets"][0]["items"].as_array().unwrap().iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [BOTH, UTF8_ONLY]);
}

fn known_by_id(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let row =
        |person: usize, id: &'static str, value: &'static str| Row::new(BODY, &persons[person], id, value);
    let step = |rows: &[Row<'_>]| {
        let path = stage.written("steps.csv", file(rows));
        let report = stage.staff(BODY, &["copy", "import", &path]).done();
        let count = |name: &str| report[name].as_u64().unwrap();
        let duplicates = report["rejected"].get("DUPLICATE_RECORD_ID").and_then(Value::as_u64).unwrap_or(0);
        [count("registered"), count("unchanged"), duplicates]
    };
    let shown = |person: usize| {
        let answer = stage.self_info(&persons[person].user, BODY, &[TAX]);
        let items = answer["datasets"][0]["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(step(&[row(0, "id-1", "甲"), row(0, "id-2", "乙")]), [2, 0, 0], "two ids may share a place");
    assert_eq!(shown(0), ["甲", "乙"], "by record id where the place is the same");
    assert_eq!(
        step(&[row(0, "id-1", "甲"), row(0, "id-2", "丙")]),
        [1, 1, 0],
        "only what changed is registered"
    );
    assert_eq!(step(&[row(1, "id-1", "丁")]), [0, 0, 1], "the id is another person's");
    let moved = Row { record_key: "2", ..row(0, "id-1", "甲") };
    assert_eq!(step(&[moved]), [0, 0, 1], "the id is of another place");
    assert_eq!(step(&[row(1, "id-3", "戊"), row(1, "id-3", "己")]), [1, 0, 1], "repeated in one file");
    assert_eq!(shown(1), ["戊"]);
    let deleted = Row { delete: "1", value: "", ..row(0, "id-1", "") };
    assert_eq!(step(&[deleted]), [1, 0, 0]);
    let ended = Row { until: "20240402", ..row(0, "id-2", "丙") };
    assert_eq!(step(&[ended]), [1, 0, 0]);
    assert_eq!(stage.self_info(&persons[0].user, BODY, &[TAX])["result"], "NO_DATA");
    let kept =
        stage.staff(BODY, &["copy", "show", "--person", &persons[0].addressee, "--dataset", TAX]).done();
    assert_eq!(
        kept["records"].as_array().unwrap().len(),
        2,
        "the body still holds what is not shown: {kept}"
    );
}

fn first_result_that_applies(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let good = || Row::new(BODY, &persons[0], "order-1", "値");
    let nobody = "000009820169999";
    let empty = Row { value: "", ..good() };
    let rows = [
        (Row { value: "123456789018", record_key: "x", ..good() }, "FORBIDDEN_IDENTIFIER"),
        (Row { record_key: "x", body: "982017", ..good() }, "BAD_FORMAT"),
        (Row { body: "982017", dataset: "TM99999999999999", ..good() }, "BAD_CHECK_DIGIT"),
        (Row { body: "982024", dataset: "TM99999999999999", ..good() }, "NOT_FOUND"),
        (Row { body: "010006", ..good() }, "NOT_FOUND"),
        (Row { dataset: "TM99999999999999", addressee: nobody, ..good() }, "UNKNOWN_INFO_NAME"),
        (Row { item: "K019999", addressee: nobody, ..empty.clone() }, "UNKNOWN_INFO_NAME"),
        (Row { addressee: nobody, ..empty.clone() }, "NOT_FOUND"),
        (empty, "REASON_OF_NULL_REQUIRED"),
        (good(), ""),
        (good(), "DUPLICATE_RECORD_ID"),
        (Row { value: "", ..good() }, "REASON_OF_NULL_REQUIRED"),
        (Row { from: "20240230", ..good() }, "BAD_FORMAT"),
    ];
    let content: Vec<Row<'_>> = rows.iter().map(|(row, _)| row.clone()).collect();
    let path = stage.written("order.csv", file(&content));
    let report = stage.staff(BODY, &["copy", "import", &path]).done();
    let expected: String = rows
        .iter()
        .enumerate()
        .filter(|(_, (_, result))| !result.is_empty())
        .map(|(at, (_, result))| format!("{},order-1,{result}\n", at + 2))
        .collect();
    let results = std::fs::read_to_string(report["result_file"].as_str().unwrap()).unwrap();
    assert_eq!(results, format!("line,record_id,result\n{expected}"));
    assert_eq!(report["registered"], 1);
    assert_eq!(report["rows"], rows.len());
}

fn result_file(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let row = |id: &'static str| Row { record_key: "x", ..Row::new(BODY, &persons[0], id, "値") };
    let path = stage.written("results.csv", file(&[row("-1"), row("=1+1"), row("@x"), row("plain")]));
    let report = stage.staff(BODY, &["copy", "import", &path]).done();
    let expected = "line,record_id,result\n2,'-1,BAD_FORMAT\n3,'=1+1,BAD_FORMAT\n4,'@x,BAD_FORMAT\n\
                    5,plain,BAD_FORMAT\n";
    assert_eq!(report["result_file"], format!("{path}.result.csv"));
    assert_eq!(std::fs::read_to_string(format!("{path}.result.csv")).unwrap(), expected);

    std::fs::write(&path, file(&[Row { record_key: "1", ..row("plain") }])).unwrap();
    stage.staff(BODY, &["copy", "import", &path]).done();
    let replaced = std::fs::read_to_string(format!("{path}.result.csv")).unwrap();
    assert_eq!(replaced, "line,record_id,result\n", "the results of the run before are gone");

    let elsewhere = stage.file("elsewhere.csv").display().to_string();
    let report = stage.staff(BODY, &["copy", "import", &path, "--result-file", &elsewhere]).done();
    assert_eq!(report["result_file"], elsewhere.as_str());
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "line,record_id,result\n");
}

fn individual_numbers(stage: &Stage) {
    const NUMBERS: [&str; 5] =
        ["123456789018", "１２３４５６７８９０１８", "1234-5678-9018", "1234 5678 9018", "前123456789018後"];
    const PASSING: [&str; 3] = ["123456789012", "1123456789018", "1234 56789018"];
    let persons = stage.persons(BODY, 1);
    let good = || Row::new(BODY, &persons[0], "r10", "値");
    let mut rows: Vec<Row<'_>> = NUMBERS.iter().map(|number| Row { value: number, ..good() }).collect();
    rows.push(Row { record_id: "123456789018", ..good() });
    rows.push(Row { reason: "1234-5678-9018", ..good() });
    rows.push(Row { body: "123456789018", ..good() });
    let refused = rows.len();
    for (at, value) in PASSING.iter().enumerate() {
        let (id, key) = (["p-0", "p-1", "p-2"][at], ["5", "6", "7"][at]);
        rows.push(Row { record_id: id, record_key: key, value, ..good() });
    }
    let path = stage.written("numbers.csv", file(&rows));
    let ended = stage.staff(BODY, &["copy", "import", &path]);
    let printed = format!("{}{}", ended.stdout, ended.stderr);
    let report = ended.done();
    assert_eq!(report["rejected"], json!({ "FORBIDDEN_IDENTIFIER": refused }));
    assert_eq!(report["registered"], PASSING.len());
    let results = std::fs::read_to_string(report["result_file"].as_str().unwrap()).unwrap();
    assert!(results.contains("\n7,,FORBIDDEN_IDENTIFIER\n"), "an id that is one is left empty: {results}");
    for text in [&printed, &results] {
        assert!(!chukei_domain::individual_number::find(text), "repeated in what was printed: {text}");
    }
}

fn damaged_rows(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let rows = [
        Row::new(BODY, &persons[0], "whole-1", "値"),
        Row { record_key: "2", ..Row::new(BODY, &persons[0], "bytes-1", "値") },
        Row { record_key: "3", ..Row::new(BODY, &persons[0], "half-1", "値") },
    ];
    let mut content = file(&rows).into_bytes();
    let broken = content.windows(7).position(|window| window == b"bytes-1").unwrap();
    let value = content[broken..].windows(3).position(|window| window == "値".as_bytes()).unwrap();
    content[broken + value] = 0xFF;
    // The writer was interrupted in the middle of the last row.
    content.truncate(content.len() - 12);
    let path = stage.written("damaged.csv", content);
    let report = stage.staff(BODY, &["copy", "import", &path, "--encoding", "utf-8"]).done();
    assert_eq!(report["registered"], 1, "{report}");
    assert_eq!(report["rejected"], json!({ "BAD_FORMAT": 2 }), "{report}");
    let results = std::fs::read_to_string(report["result_file"].as_str().unwrap()).unwrap();
    let lines: Vec<&str> = results.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["3", "4"]);
}

fn not_a_copy_file(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let good = file(&[Row::new(BODY, &persons[0], "never", "値")]);
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(good.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (what, content) in [
        ("an unknown column", good.replacen("record_key", "record_keys", 1).into_bytes()),
        ("a column twice", good.replacen("record_key", "record_id", 1).into_bytes()),
        ("a column missing", good.replacen(",value", "", 1).into_bytes()),
        ("UTF-16", utf16),
        ("nothing", Vec::new()),
        ("something else", vec![0x50, 0x4B, 0x03, 0x04, 0xFF, 0x00]),
    ] {
        let path = stage.written("refused.csv", content);
        let ended = stage.staff(BODY, &["copy", "import", &path]);
        assert_eq!(ended.code, Some(2), "{what}: {ended:?}");
        assert!(!ended.code_at(2).is_empty());
        assert!(!Path::new(&format!("{path}.result.csv")).exists(), "{what}: there are no results");
    }
    assert_eq!(stage.self_info(&persons[0].user, BODY, &[TAX])["result"], "NO_DATA");
    assert!(good.contains(TAX_TEXT));
}

fn rows(body: &str, persons: &[Person], seed: u64, good: usize) -> BodyRows {
    let catalogue = chukei_domain::catalogue::Catalogue::builtin().unwrap();
    let numbers: Vec<String> = persons.iter().map(|person| person.addressee.clone()).collect();
    Generator::new(&catalogue, body, &numbers, seed).rows(good).unwrap()
}

/// Imports a file; the report and every line of the result file must be as expected.
#[track_caller]
fn import(stage: &Stage, body: &str, path: &Path, args: &[&str], expected: &ImportExpectation) {
    let shown = path.display().to_string();
    let report = stage.staff(body, &[&["copy", "import", &shown], args].concat()).done();
    let result_file = format!("{shown}.result.csv");
    let counts: BTreeMap<&String, &u64> = expected.rejected.iter().collect();
    let expected_report = json!({
        "rows": expected.rows,
        "registered": expected.registered,
        "unchanged": expected.unchanged,
        "rejected": counts,
        "result_file": result_file,
    });
    assert_eq!(report, expected_report);
    let lines: String = expected
        .results
        .iter()
        .map(|row| format!("{},{},{}\n", row.line, row.record_id, row.result))
        .collect();
    let found = std::fs::read_to_string(&result_file).unwrap();
    let wrong = found
        .lines()
        .zip(format!("line,record_id,result\n{lines}").lines())
        .find_map(|(found, expected)| (found != expected).then(|| format!("{found} instead of {expected}")));
    assert_eq!(wrong, None);
    assert_eq!(found.lines().count(), expected.results.len() + 1);
}

/// What every person is shown in every place that holds a record is the truth of the rows.
fn compare(stage: &Stage, body: &str, persons: &[Person], truth: &Truth) {
    let client = stage.client();
    let places: Vec<(usize, &str)> = truth.places().collect();
    assert!(!places.is_empty());
    for (person, dataset) in places {
        let answer =
            stage.runtime.block_on(client.self_info(&persons[person].user, body, &[dataset])).unwrap();
        let found = ExpectedItem::all_of(&answer);
        let expected = truth.shown(person, dataset);
        assert_eq!(answer.result, if expected.is_empty() { "NO_DATA" } else { "DONE" });
        assert_eq!(found, expected, "person {person}, {dataset}");
    }
}
