//! Documents: one byte form, one order, one record per id; what a person is shown.

use proptest::prelude::*;

use super::*;

const PERSON: [u8; 16] = [7; 16];

fn document() -> Document {
    Document::new(PERSON, "982016".parse().unwrap(), "TM00000000000002".parse().unwrap())
}

fn item(id: &str, key: &str, code: &str, value: &str) -> StoredItem {
    StoredItem {
        record_id: id.parse().unwrap(),
        item_code: code.parse().unwrap(),
        record_key: key.parse().unwrap(),
        layout_version: "0001".parse().unwrap(),
        publication_date: Day::parse_compact("20240401").unwrap(),
        publication_end_date: None,
        deleted: false,
        reason_of_null: None,
        value: value.to_owned(),
        updated_ms: 1_711_900_800_000,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frozen_bytes_of_a_document() {
    let mut document = document();
    document.put(item("R-1", "2024", "K020020", "3500000")).unwrap();
    let mut empty = item("R-2", "2024", "K020130", "");
    empty.reason_of_null = Some("未申告".to_owned());
    empty.publication_end_date = Some(Day::parse_compact("20250331").unwrap());
    empty.publication_date = Day::parse_compact("19691231").unwrap();
    empty.deleted = true;
    document.put(empty).unwrap();
    document.advance();
    // A changed byte needs a new format version, and a reader for this one.
    insta::assert_snapshot!(hex(&document.to_bytes().unwrap()));
}

#[test]
fn the_same_registration_again_changes_nothing() {
    let mut document = document();
    assert_eq!(document.put(item("R-1", "1", "A", "x")), Ok(Put::Added));
    let before = document.to_bytes().unwrap();
    let later = StoredItem { updated_ms: 1_800_000_000_000, ..item("R-1", "1", "A", "x") };
    assert_eq!(document.put(later), Ok(Put::Unchanged));
    assert_eq!(document.to_bytes().unwrap(), before);
}

#[test]
fn any_other_content_is_an_update() {
    let base = item("R-1", "1", "A", "x");
    let others = [
        StoredItem { value: "y".to_owned(), ..base.clone() },
        StoredItem { value: String::new(), reason_of_null: Some("不明".to_owned()), ..base.clone() },
        StoredItem { deleted: true, ..base.clone() },
        StoredItem { layout_version: "0002".parse().unwrap(), ..base.clone() },
        StoredItem { publication_date: Day::from_number(1), ..base.clone() },
        StoredItem { publication_end_date: Some(Day::from_number(60_000)), ..base.clone() },
    ];
    for other in others {
        let mut document = document();
        document.put(base.clone()).unwrap();
        assert_eq!(document.put(other.clone()), Ok(Put::Updated));
        assert_eq!(document.items(), [other]);
    }
}

#[test]
fn a_record_id_names_one_item_and_key() {
    let mut document = document();
    document.put(item("R-1", "1", "A", "x")).unwrap();
    assert_eq!(document.put(item("R-1", "2", "A", "x")), Err(Refusal::DuplicateRecordId));
    assert_eq!(document.put(item("R-1", "1", "B", "x")), Err(Refusal::DuplicateRecordId));
    assert_eq!(document.put(item("R-2", "1", "A", "x")), Ok(Put::Added), "two ids may share item and key");
    assert_eq!(document.items().len(), 2);
}

#[test]
fn items_stand_by_record_key_then_item_then_id() {
    let mut document = document();
    for (id, key, code) in
        [("b", "2", "A"), ("a", "2", "A"), ("c", "1", "B"), ("d", "10", "C"), ("e", "1", "A")]
    {
        document.put(item(id, key, code, "x")).unwrap();
    }
    let ids: Vec<&str> = document.items().iter().map(|item| item.record_id.as_str()).collect();
    assert_eq!(ids, ["e", "c", "d", "a", "b"]);
}

#[test]
fn only_what_is_published_and_neither_past_nor_deleted_is_shown() {
    let day = |text: &str| Day::parse_compact(text).unwrap();
    let today = u32::try_from(day("20240401").number()).unwrap();
    let with = |start, end: Option<&str>, deleted| StoredItem {
        publication_date: day(start),
        publication_end_date: end.map(day),
        deleted,
        ..item("R", "1", "A", "x")
    };
    assert!(with("20240401", None, false).is_visible(today), "from the first day");
    assert!(with("19000101", Some("20240401"), false).is_visible(today), "to the last day, inclusive");
    assert!(!with("20240402", None, false).is_visible(today), "not yet published");
    assert!(!with("19000101", Some("20240331"), false).is_visible(today), "past its end");
    assert!(!with("20240401", None, true).is_visible(today), "deleted");
}

#[test]
fn r31_generations_count_replacements() {
    let mut document = document();
    assert_eq!(document.generation(), 0);
    document.advance();
    assert_eq!(Document::from_bytes(&document.to_bytes().unwrap()).unwrap().generation(), 1);
}

#[test]
fn a_full_document_refuses_the_row_and_stays_storable() {
    let mut document = document();
    let value = "漢".repeat(1000);
    let mut added = 0;
    let refused = loop {
        match document.put(item(&format!("R-{added}"), "1", "A", &value)) {
            Ok(_) => added += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refused, Refusal::BadFormat);
    assert!(added > 300, "{added}");
    assert!(document.to_bytes().unwrap().len() <= DOCUMENT_MAX);
    let smaller = item("R-0", "1", "A", "x");
    assert_eq!(document.put(smaller), Ok(Put::Updated), "an update that fits is taken");
}

#[test]
fn other_versions_lengths_and_orders_are_refused() {
    let bytes = document().to_bytes().unwrap();
    assert_eq!(Document::from_bytes(&[]), Err(CodecError::Malformed));
    let mut newer = bytes.clone();
    newer[0] = VERSION + 1;
    assert_eq!(Document::from_bytes(&newer), Err(CodecError::UnknownVersion(VERSION + 1)));
    assert_eq!(Document::from_bytes(&[bytes, vec![0]].concat()), Err(CodecError::Malformed));
    assert_eq!(Document::from_bytes(&vec![VERSION; DOCUMENT_MAX + 1]), Err(CodecError::TooLong));

    let items = [item("a", "1", "A", "x"), item("b", "2", "A", "x")];
    let reversed = Document { items: vec![items[1].clone(), items[0].clone()], ..document() };
    assert_eq!(Document::from_bytes(&reversed.to_bytes().unwrap()), Err(CodecError::Malformed));
    let twice = Document { items: vec![items[0].clone(), item("a", "2", "A", "x")], ..document() };
    assert_eq!(Document::from_bytes(&twice.to_bytes().unwrap()), Err(CodecError::Malformed));
}

#[test]
fn r2_nothing_of_a_record_is_printed() {
    let mut document = document();
    document.put(item("R-secret", "1", "A", "canary-value")).unwrap();
    let printed = format!("{document:?} {:?}", document.items());
    assert!(!printed.contains("canary") && !printed.contains("secret"), "{printed}");
}

fn any_item() -> impl Strategy<Value = StoredItem> {
    let days = (0_u32..2_900_000, prop::option::of(0_u32..2_900_000));
    let texts = (prop::option::of("\\PC{1,20}"), "\\PC{0,40}");
    ("[a-d]", "[0-9]{1,2}", "[A-C]", days, any::<bool>(), texts, any::<u64>()).prop_map(
        |(id, key, code, (start, end), deleted, (reason, value), updated_ms)| StoredItem {
            publication_date: Day::from_number(start),
            publication_end_date: end.map(Day::from_number),
            deleted,
            reason_of_null: reason,
            updated_ms,
            ..item(&id, &key, &code, &value)
        },
    )
}

fn any_document() -> impl Strategy<Value = Document> {
    prop::collection::vec(any_item(), 0..8).prop_map(|items| {
        let mut document = document();
        for item in items {
            // A repeated id with another place is refused; the rest is what this property is about.
            let _ = document.put(item);
        }
        document
    })
}

proptest! {
    #[test]
    fn documents_round_trip_in_one_form(document in any_document()) {
        let bytes = document.to_bytes().unwrap();
        prop_assert!(bytes.len() <= document.weight());
        let read = Document::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        prop_assert_eq!(read, document);
    }

    #[test]
    fn a_changed_byte_is_refused_or_another_document(document in any_document(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut bytes = document.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Document::from_bytes(&bytes).map_or(true, |read| read != document));
    }

    #[test]
    fn the_order_of_registration_leaves_no_trace(mut items in prop::collection::vec(any_item(), 0..8), seed in any::<u64>()) {
        items.sort_by(|a, b| a.record_id.cmp(&b.record_id));
        items.dedup_by(|a, b| a.record_id == b.record_id);
        let build = |items: &[StoredItem]| {
            let mut document = document();
            for item in items {
                document.put(item.clone()).unwrap();
            }
            document.to_bytes().unwrap()
        };
        let expected = build(&items);
        let turns = usize::try_from(seed % 8).unwrap() % items.len().max(1);
        items.rotate_left(turns);
        prop_assert_eq!(build(&items), expected.clone());
        items.reverse();
        prop_assert_eq!(build(&items), expected);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(document) = Document::from_bytes(&bytes) {
            prop_assert_eq!(document.to_bytes().unwrap(), bytes);
        }
    }
}
