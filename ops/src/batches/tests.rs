//! What is cut from a file, in which order, and what never leaves this machine.

use std::io::Cursor;

use chukei_wire::codec::decode;
use chukei_wire::limits::MESSAGE_MAX;
use chukei_wire::message::staff::RowOutcome;
use chukei_wire::result::ResultName;
use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;

use super::feed::{Batch, Entry, Fate, Next};
use super::*;

const HEADER: &str = "record_id,local_body_code,integrated_addressee_number,info_name_code,info_item_code,\
record_key,layout_version,publication_date,publication_end_date,delete,reason_of_null,value";
const JAPANESE: &str = "内容,レコード識別番号,団体コード,団体内統合宛名番号,特定個人情報名コード,項目コード,\
データセットレコードキー,版番号,公開開始日,公開終了日,削除区分,未設定事由";

fn feed(bytes: Vec<u8>) -> Feed<Cursor<Vec<u8>>> {
    let survey = Survey::of(bytes.as_slice(), EncodingChoice::Auto, Task::Import.columns()).unwrap();
    let records = survey.records(Cursor::new(bytes)).unwrap();
    Feed::new(Task::Import, Rows::new(records, survey))
}

fn line(id: &str, value: &str) -> String {
    format!("{id},982016,000009820160101,TM00000000000002,I1,1,0001,20240101,,0,,{value}\n")
}

fn batch(feed: &mut Feed<Cursor<Vec<u8>>>) -> Batch {
    match feed.next().unwrap() {
        Next::Batch(batch) => batch,
        other => panic!("no batch: {other:?}"),
    }
}

fn sent(batch: &Batch) -> Vec<ImportRow> {
    batch
        .message
        .as_ref()
        .map_or(Vec::new(), |message| decode::<ImportBatch>(message, MESSAGE_MAX).unwrap().rows)
}

fn answer(feed: &mut Feed<Cursor<Vec<u8>>>, batch: &Batch, outcome: RowOutcome) {
    batch.entries.iter().for_each(|entry: &Entry| feed.answered(entry.fate, outcome));
}

fn ids(rows: &[ImportRow]) -> Vec<(&str, bool)> {
    rows.iter().map(|row| (row.fields[0].as_str(), row.repeated)).collect()
}

#[test]
fn r10_a_row_with_an_individual_number_is_not_sent_and_others_keep_their_order() {
    let mut file = format!("{HEADER}\n{}", line("R1", "a"));
    file.push_str(&line("R2", "1234-5678-9018"));
    file.push_str("R3,123456789018\n");
    file.push_str("R4,half\n");
    file.push_str(&line("123456789018", "x"));
    file.push_str(&line("R6", "b"));
    let mut feed = feed(file.into_bytes());
    let batch = batch(&mut feed);
    assert_eq!(ids(&sent(&batch)), [("R1", false), ("R6", false)]);
    let decided: Vec<_> =
        batch.entries.iter().map(|entry| (entry.line, entry.id.as_str(), entry.fate)).collect();
    let fates: Vec<Option<ResultName>> = decided
        .iter()
        .map(|(_, _, fate)| match fate {
            Fate::Decided(result) => Some(*result),
            _ => None,
        })
        .collect();
    let (forbidden, format) = (Some(ResultName::ForbiddenIdentifier), Some(ResultName::BadFormat));
    assert_eq!(fates, [None, forbidden, forbidden, format, forbidden, None]);
    let lines: Vec<u64> = decided.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
    let shown: Vec<&str> = decided.iter().map(|(_, id, _)| *id).collect();
    assert_eq!(
        shown,
        ["R1", "R2", "R3", "R4", "", "R6"],
        "an id is shown where it still stands at its place"
    );
    assert!(matches!(feed.next().unwrap(), Next::End));
}

#[test]
fn windows_31j_under_a_japanese_header_arrives_exactly_as_decoded() {
    let row = "①Ⅱ髙﨑～―,R1,982016,000009820160101,TM00000000000002,I1,1,0001,20240101,,0,\n";
    let text = format!("{JAPANESE}\r\n{row}");
    let (bytes, ..) = SHIFT_JIS.encode(&text);
    let batch = batch(&mut feed(bytes.into_owned()));
    let rows = sent(&batch);
    let fields: Vec<&str> = rows[0].fields.iter().map(String::as_str).collect();
    let expected =
        ["R1", "982016", "000009820160101", "TM00000000000002", "I1", "1", "0001", "20240101", "", "0", ""];
    assert_eq!(fields[..11], expected);
    assert_eq!(fields[11], "①Ⅱ髙﨑～―");
}

#[test]
fn a_row_that_does_not_decode_is_malformed_unless_it_holds_an_individual_number() {
    let mut file = format!("{HEADER}\n{}", line("R1", "あ")).into_bytes();
    file.extend_from_slice(&[line("R2", "").trim_end().as_bytes(), &[0xFF, b'\n']].concat());
    file.extend_from_slice(&[line("R3", "123456789018 ").trim_end().as_bytes(), &[0xFF, b'\n']].concat());
    let batch = batch(&mut feed(file));
    let fates: Vec<(&str, Fate)> =
        batch.entries.iter().skip(1).map(|entry| (entry.id.as_str(), entry.fate)).collect();
    assert_eq!(
        fates,
        [
            ("R2", Fate::Decided(ResultName::BadFormat)),
            ("R3", Fate::Decided(ResultName::ForbiddenIdentifier))
        ]
    );
}

fn file_with_repeat() -> Vec<u8> {
    let mut file = format!("{HEADER}\n");
    (0..IMPORT_BATCH_ROWS).for_each(|n| file.push_str(&line(&format!("R{n}"), "a")));
    file.push_str(&line("S", "between"));
    file.push_str(&line("R7", "later"));
    file.into_bytes()
}

#[test]
fn a_repeated_id_waits_for_the_answer_to_the_one_before() {
    for (outcome, repeated) in [
        (RowOutcome::Registered, true),
        (RowOutcome::Unchanged, true),
        (RowOutcome::Rejected(ResultName::NotFound), false),
    ] {
        let mut feed = feed(file_with_repeat());
        let first = batch(&mut feed);
        assert_eq!(first.entries.len(), IMPORT_BATCH_ROWS);
        let second = batch(&mut feed);
        assert_eq!(ids(&sent(&second)), [("S", false)]);
        assert!(matches!(feed.next().unwrap(), Next::Wait));
        assert!(matches!(feed.next().unwrap(), Next::Wait));
        answer(&mut feed, &first, outcome);
        let third = batch(&mut feed);
        assert_eq!(ids(&sent(&third)), [("R7", repeated)]);
        answer(&mut feed, &second, RowOutcome::Registered);
        assert!(matches!(feed.next().unwrap(), Next::End));
    }
}

#[test]
fn repeats_within_one_batch_are_the_nodes_to_find() {
    let file = format!("{HEADER}\n{}{}{}", line("R1", "a"), line("R1", "b"), line("R2", "c"));
    let mut feed = feed(file.into_bytes());
    let batch = batch(&mut feed);
    assert_eq!(ids(&sent(&batch)), [("R1", false), ("R1", false), ("R2", false)]);
}

#[test]
fn an_id_in_many_rows_costs_no_waiting_once_it_is_accepted() {
    let mut file = file_with_repeat();
    (0..3).for_each(|n| file.extend_from_slice(line("R7", &n.to_string()).as_bytes()));
    let mut feed = feed(file);
    let (first, _second) = (batch(&mut feed), batch(&mut feed));
    answer(&mut feed, &first, RowOutcome::Registered);
    let last = batch(&mut feed);
    assert_eq!(ids(&sent(&last)), [("R7", true); 4]);
}

#[test]
fn a_batch_of_the_longest_rows_fits_one_message() {
    let kana = "ｱ".repeat(65_000);
    let mut text = format!("{HEADER}\n");
    (0..12).for_each(|n| text.push_str(&line(&format!("R{n}"), &kana)));
    let (bytes, ..) = SHIFT_JIS.encode(&text);
    let mut feed = feed(bytes.into_owned());
    let mut rows = 0;
    while let Next::Batch(batch) = feed.next().unwrap() {
        assert!(batch.message.as_ref().is_some_and(|message| message.len() <= MESSAGE_MAX));
        rows += batch.entries.len();
    }
    assert_eq!(rows, 12);
}

#[test]
fn enrolment_rows_are_two_columns_and_may_repeat() {
    let text = "acquisition_number,integrated_addressee_number\nAAA,000009820160101\nBBB,000009820160101\n";
    let survey = Survey::of(text.as_bytes(), EncodingChoice::Auto, Task::Enroll.columns()).unwrap();
    let mut feed = Feed::new(Task::Enroll, Rows::new(survey.records(text.as_bytes()).unwrap(), survey));
    let Next::Batch(batch) = feed.next().unwrap() else { panic!("no batch") };
    let rows = decode::<EnrollBatch>(&batch.message.unwrap(), MESSAGE_MAX).unwrap().rows;
    let row = |number: &str| EnrollRow {
        integrated_addressee_number: "000009820160101".to_owned(),
        acquisition_number: number.to_owned(),
    };
    assert!(rows == [row("AAA"), row("BBB")]);
}

proptest! {
    #[test]
    fn whatever_the_answers_an_accepted_id_is_never_sent_unmarked_again(
        ids in prop::collection::vec("[A-D]", 1..40),
        accept in prop::collection::vec(any::<bool>(), 40),
    ) {
        // Batches of one row each: every row after the first of its id meets an answer.
        let mut repeats = super::repeats::Repeats::default();
        let mut accepted = std::collections::HashSet::new();
        for (id, accept) in ids.iter().zip(accept) {
            let key = super::repeats::IdKey::of(id);
            let known = repeats.standing(key) == super::repeats::Standing::Repeated;
            prop_assert_eq!(known, accepted.contains(id));
            if !known {
                repeats.sent([key]);
                prop_assert_eq!(repeats.standing(key), super::repeats::Standing::Undecided);
                repeats.answered(key, accept);
                if accept {
                    accepted.insert(id.clone());
                }
            }
        }
    }
}

#[test]
fn r31_a_persons_rows_that_stand_together_are_not_parted() {
    const EACH: usize = 6;
    let row = |person: usize, item: usize| {
        line(&format!("R{person}-{item}"), "a").replace("000009820160101", &format!("00000982016{person:04}"))
    };
    let rows = (0..400).flat_map(|person| (0..EACH).map(move |item| row(person, item)));
    let mut feed = feed(format!("{HEADER}\n{}", rows.collect::<String>()).into_bytes());
    let mut batches = 0;
    let mut sizes = 0;
    while let Next::Batch(batch) = feed.next().unwrap() {
        assert!(batch.entries.len() <= IMPORT_BATCH_ROWS);
        assert_eq!(batch.entries.len() % EACH, 0, "cut between two persons");
        batches += 1;
        sizes += batch.entries.len();
        answer(&mut feed, &batch, RowOutcome::Registered);
    }
    assert_eq!((batches, sizes), (3, 400 * EACH));
}
