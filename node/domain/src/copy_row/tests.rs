//! Every result of a copy row, and that the first that applies is the one given.

use proptest::prelude::*;

use super::*;

/// A good row of 海鳴市: dataset 02, an item of type number.
const GOOD: [&str; 12] = [
    "R-0001",
    "982016",
    "000009820160101",
    "TM00000000000002",
    "K020020",
    "2024",
    "0001",
    "20240401",
    "",
    "",
    "",
    "3500000",
];
const TEXT_ITEM: (&str, &str) = ("info_item_code", "K020130");

fn row(changes: &[(&str, &str)]) -> Vec<String> {
    let mut fields = GOOD.map(str::to_owned);
    for (column, text) in changes {
        let at = COLUMNS.iter().position(|name| name == column).unwrap();
        fields[at] = (*text).to_owned();
    }
    fields.to_vec()
}

fn parse(fields: &[String]) -> Result<CopyRow, Refusal> {
    CopyRow::parse(fields, &"982016".parse().unwrap(), &Catalogue::builtin().unwrap())
}

/// The whole judgement of a row whose person is known.
fn judge(changes: &[(&str, &str)]) -> Result<CopyRow, Refusal> {
    let row = parse(&row(changes))?;
    row.check_reason()?;
    Ok(row)
}

#[test]
fn a_good_row_becomes_an_item_with_everything_it_said() {
    let row = judge(&[("publication_end_date", "20250331"), ("delete", "0")]).unwrap();
    assert_eq!(row.addressee.as_str(), "000009820160101");
    assert_eq!(row.dataset.as_str(), "TM00000000000002");
    let item = row.into_item(7);
    assert_eq!(item.record_id.as_str(), "R-0001");
    assert_eq!(item.item_code.as_str(), "K020020");
    assert_eq!(item.record_key.as_str(), "2024");
    assert_eq!(item.layout_version.as_str(), "0001");
    assert_eq!(item.publication_date.compact(), "20240401");
    assert_eq!(item.publication_end_date.unwrap().compact(), "20250331");
    assert_eq!((item.deleted, item.reason_of_null, item.updated_ms), (false, None, 7));
    assert_eq!(item.value, "3500000");
}

#[test]
fn text_is_kept_exactly_as_decoded() {
    for text in
        ["①Ⅱ髙﨑～―", " 前後の空白 ", "ﾊﾝｶｸ", "か\u{3099}", "が", "=1+1", "一行目\r\n二行目", "葛\u{e0100}城"]
    {
        assert_eq!(judge(&[TEXT_ITEM, ("value", text)]).unwrap().value, text);
    }
    let long = "あ".repeat(1000);
    assert_eq!(judge(&[TEXT_ITEM, ("value", &long)]).unwrap().value, long);
}

#[test]
fn every_bad_form_is_bad_format() {
    let too_long = "あ".repeat(1001);
    let cases = [
        ("record_id", vec!["", "R 1", "R/1", "記録1", "R23456789-123456789-123456789-123"]),
        ("local_body_code", vec!["", "98201", "9820160", "98201x", "９８２０１６"]),
        ("integrated_addressee_number", vec!["", "9820160101", "00000982016010x", "0000098201601011"]),
        ("info_name_code", vec!["", "02", "TM2", "JM00000000000002", "tm00000000000002"]),
        ("info_item_code", vec!["", "K0200200000000000", "項目", "K 1"]),
        ("record_key", vec!["", "-1", "1a", "100000000000000000001"]),
        ("layout_version", vec!["", "1", "00001", "v001"]),
        ("publication_date", vec!["", "2024-04-01", "20240431", "20230229", "2024041"]),
        ("publication_end_date", vec!["20240331", "99999999", "open", "0"]),
        ("delete", vec!["2", "true", " ", "01", "１"]),
        ("reason_of_null", vec!["値があるのに理由"]),
        ("value", vec!["三百", "3,500", "1.", "-", "12345678901234", &too_long]),
    ];
    assert_eq!(cases.each_ref().map(|(column, _)| *column), COLUMNS, "no column forgotten");
    for (column, texts) in cases {
        for text in texts {
            assert_eq!(judge(&[(column, text)]), Err(Refusal::BadFormat), "{column} {text:?}");
        }
    }
}

#[test]
fn the_number_of_fields_is_part_of_the_form() {
    for length in [0, 1, 11] {
        assert_eq!(parse(&row(&[])[..length]), Err(Refusal::BadFormat));
    }
    let mut long = row(&[]);
    long.push(String::new());
    assert_eq!(parse(&long), Err(Refusal::BadFormat));
}

#[test]
fn values_have_the_type_and_length_of_a_listed_item() {
    for (item, value) in
        [("K020010", "12345"), ("K020080", "123"), ("K020080", "甲"), ("K020100", "20240230")]
    {
        assert_eq!(judge(&[("info_item_code", item), ("value", value)]), Err(Refusal::BadFormat), "{item}");
    }
    for (item, value) in [("K020010", "2024"), ("K020080", "1A"), ("K020100", "19640401")] {
        assert!(judge(&[("info_item_code", item), ("value", value)]).is_ok(), "{item}");
    }
}

#[test]
fn unassigned_and_private_use_characters_are_bad_format() {
    for text in ["\u{e000}", "外\u{f8ff}字", "\u{378}", "\u{ffff}", "\u{10fffe}"] {
        assert_eq!(judge(&[TEXT_ITEM, ("value", text)]), Err(Refusal::BadFormat), "{text:?}");
        let unlisted = [("info_item_code", "NOSUCH"), ("value", text)];
        assert_eq!(judge(&unlisted), Err(Refusal::BadFormat), "{text:?}");
        let reason = [("value", ""), ("reason_of_null", text)];
        assert_eq!(judge(&reason), Err(Refusal::BadFormat), "{text:?}");
    }
}

#[test]
fn r10_an_individual_number_is_found_in_any_column() {
    for column in COLUMNS {
        for text in ["123456789018", "1234-5678-9018", "x１２３４５６７８９０１８"] {
            assert_eq!(judge(&[(column, text)]), Err(Refusal::ForbiddenIdentifier), "{column} {text}");
        }
    }
    let mut surplus = row(&[]);
    surplus.push("123456789018".to_owned());
    assert_eq!(parse(&surplus), Err(Refusal::ForbiddenIdentifier), "a column too many hides nothing");
}

#[test]
fn a_valid_code_of_another_body_is_not_found_and_tells_nothing_else() {
    assert_eq!(judge(&[("local_body_code", "982024")]), Err(Refusal::NotFound));
    assert_eq!(judge(&[("local_body_code", "142051")]), Err(Refusal::NotFound));
    assert_eq!(judge(&[("local_body_code", "982017")]), Err(Refusal::BadCheckDigit));
}

#[test]
fn r13_unlisted_datasets_items_and_layouts_are_unknown() {
    let unlisted =
        [("info_name_code", "TM00000000000003"), ("info_item_code", "K040010"), ("layout_version", "0002")];
    for change in unlisted {
        assert_eq!(judge(&[change]), Err(Refusal::UnknownInfoName), "{change:?}");
    }
}

#[test]
fn r13_an_empty_value_needs_a_reason_unless_the_record_is_deleted() {
    assert_eq!(judge(&[("value", "")]), Err(Refusal::ReasonOfNullRequired));
    let row = judge(&[("value", ""), ("reason_of_null", "未申告")]).unwrap();
    assert_eq!(row.reason_of_null.as_deref(), Some("未申告"));
    assert!(judge(&[("value", ""), ("reason_of_null", &"あ".repeat(20))]).is_ok());
    assert_eq!(judge(&[("value", ""), ("reason_of_null", &"あ".repeat(21))]), Err(Refusal::BadFormat));
    for (value, reason) in [("", ""), ("", "削除"), ("1", "")] {
        let row = judge(&[("delete", "1"), ("value", value), ("reason_of_null", reason)]).unwrap();
        assert!(row.deleted);
    }
}

#[test]
fn the_first_result_that_applies_is_given() {
    // In the order in which they apply. Each fault stands in columns of its own where that is possible.
    let faults: [(Refusal, &[(&str, &str)]); 7] = [
        (Refusal::ForbiddenIdentifier, &[("record_id", "R-123456789018")]),
        (Refusal::BadFormat, &[("publication_date", "20240431")]),
        (Refusal::BadFormat, &[("record_key", "12x")]),
        (Refusal::BadCheckDigit, &[("local_body_code", "982017")]),
        (Refusal::NotFound, &[("local_body_code", "982024")]),
        (Refusal::UnknownInfoName, &[("info_name_code", "TM99999999999999")]),
        (Refusal::ReasonOfNullRequired, &[("value", "")]),
    ];
    for (at, (first, changes)) in faults.iter().enumerate() {
        assert_eq!(judge(changes), Err(*first));
        for (second, more) in &faults[at + 1..] {
            let same_column = changes[0].0 == more[0].0;
            if !same_column {
                assert_eq!(judge(&[*changes, *more].concat()), Err(*first), "{first:?} before {second:?}");
            }
        }
    }
    let all: Vec<_> = faults.iter().flat_map(|(_, changes)| changes.iter().copied()).collect();
    assert_eq!(judge(&all), Err(Refusal::ForbiddenIdentifier));
}

#[test]
fn the_check_of_a_value_against_its_item_comes_before_the_body_and_the_listing() {
    let wrong_value = ("value", "三百");
    for other in [("local_body_code", "982017"), ("local_body_code", "982024"), ("layout_version", "0002")] {
        assert_eq!(judge(&[wrong_value, other]), Err(Refusal::BadFormat), "{other:?}");
    }
    // An unlisted item has no type to break.
    assert_eq!(judge(&[wrong_value, ("info_item_code", "NOSUCH")]), Err(Refusal::UnknownInfoName));
}

#[test]
fn r2_no_value_or_person_is_printed() {
    let printed = format!("{:?}", judge(&[]).unwrap());
    for secret in ["3500000", "9820160101", "R-0001"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

proptest! {
    #[test]
    fn any_fields_are_judged_without_a_panic(fields in prop::collection::vec("\\PC{0,24}|[0-9]{0,20}", 0..14)) {
        prop_assert!(parse(&fields).is_err());
    }

    #[test]
    fn one_changed_column_gives_a_row_that_says_so_or_a_refusal(at in 0_usize..12, text in "[0-9A-Z]{0,17}|\\PC{0,12}") {
        let mut fields = row(&[]);
        fields[at] = text.clone();
        if let Ok(row) = parse(&fields) {
            let end = row.publication_end_date.map(Day::compact).unwrap_or_default();
            let start = row.publication_date.compact();
            let reason = row.reason_of_null.clone().unwrap_or_default();
            let delete = if fields[9].is_empty() { "" } else if row.deleted { "1" } else { "0" };
            let said = [
                row.record_id.as_str(), "982016", row.addressee.as_str(), row.dataset.as_str(), row.item.as_str(),
                row.record_key.as_str(), row.layout_version.as_str(), &start, &end, delete, &reason, &row.value,
            ];
            prop_assert_eq!(said.map(str::to_owned).to_vec(), fields);
        }
    }
}
