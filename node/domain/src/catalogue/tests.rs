//! The built-in catalogue is usable, and a faulty file is refused with the code at fault (R13).

use super::*;

const MINIMAL: &str = r#"
version = "20300401"
valid_from = "20300401"
layouts = ["0001", "0002"]
[[affair]]
code = "JM99000000001000"
name = "税"
[[dataset]]
code = "TM00000000000002"
name = "地方税"
responsible = "市町村"
[[dataset.item]]
code = "A1"
name = "額"
level = 1
type = "number"
max_length = 5
"#;

#[test]
fn r13_the_builtin_catalogue_lists_the_first_five_datasets_from_2024() {
    let catalogue = Catalogue::builtin().unwrap();
    let codes: Vec<&str> = catalogue.datasets().map(|dataset| dataset.code.as_str()).collect();
    let expected = ["01", "02", "04", "09", "80"].map(|number| format!("TM000000000000{number}"));
    assert_eq!(codes, expected);
    assert_eq!(catalogue.version(), "20240101");
    assert_eq!(catalogue.valid_from().compact(), "20240101");
    assert!(catalogue.knows_layout(&"0001".parse().unwrap()));
    assert!(!catalogue.knows_layout(&"0002".parse().unwrap()));
    let affairs: Vec<&str> = catalogue.affairs().map(|affair| affair.code.as_str()).collect();
    assert_eq!(affairs, ["JM99000000001000", "JM99000000002000"]);
}

#[test]
fn every_builtin_dataset_has_items_of_all_four_types() {
    let catalogue = Catalogue::builtin().unwrap();
    for dataset in catalogue.datasets() {
        assert!((6..=15).contains(&dataset.items().count()), "{:?}", dataset.code);
        for kind in [ItemKind::Text, ItemKind::Number, ItemKind::Date, ItemKind::Code] {
            assert!(dataset.items().any(|item| item.kind == kind), "{:?} {kind:?}", dataset.code);
        }
    }
    let tax = catalogue.dataset("TM00000000000002").unwrap();
    assert!(tax.items().any(|item| item.kind == ItemKind::Text && item.max_length >= 100));
    assert_eq!(catalogue.items().count(), catalogue.datasets().map(|d| d.items().count()).sum::<usize>());
}

#[test]
fn r13_another_dated_version_loads_without_a_code_change() {
    let catalogue = Catalogue::parse(MINIMAL).unwrap();
    assert_eq!(catalogue.version(), "20300401");
    assert!(catalogue.item("TM00000000000002", "A1").is_some());
    assert!(catalogue.item("TM00000000000002", "A2").is_none());
    assert!(catalogue.item("TM00000000000003", "A1").is_none());
    assert!(catalogue.affair("JM99000000002000").is_none());
    assert!(catalogue.knows_layout(&"0002".parse().unwrap()));
}

#[test]
fn a_faulty_file_is_refused_and_the_error_names_the_fault() {
    let item = &MINIMAL[MINIMAL.find("[[dataset.item]]").unwrap()..];
    let dataset = &MINIMAL[MINIMAL.find("[[dataset]]").unwrap()..];
    let affair = "[[affair]]\ncode = \"JM99000000001000\"\nname = \"税\"\n";
    let cases = [
        (format!("{MINIMAL}{item}"), "A1 stands twice"),
        (format!("{MINIMAL}{dataset}"), "TM00000000000002 stands twice"),
        (format!("{MINIMAL}{affair}"), "JM99000000001000 stands twice"),
        (MINIMAL.replace(item, ""), "TM00000000000002 lists nothing"),
        (MINIMAL.replace(dataset, ""), "the catalogue lists nothing"),
        (MINIMAL.replace("\"20300401\"\nlayouts", "\"20300431\"\nlayouts"), "valid_from is not a date"),
        (MINIMAL.replace("max_length = 5", "max_length = 1001"), "the level or length of A1"),
        (MINIMAL.replace("max_length = 5", "max_length = 0"), "the level or length of A1"),
        (MINIMAL.replace("level = 1", "level = 0"), "the level or length of A1"),
        (MINIMAL.replace("\"number\"", "\"date\""), "the level or length of A1"),
        (MINIMAL.replace("\"額\"", "\"\""), "the name of A1"),
        (MINIMAL.replace("max_length", "max_lenght"), "unknown field `max_lenght`"),
        (MINIMAL.replace("\"number\"", "\"integer\""), "unknown variant `integer`"),
        (MINIMAL.replace("TM00", "TX00"), "does not have the form"),
        (MINIMAL.replace("[\"0001\", \"0002\"]", "[]"), "the catalogue lists nothing"),
        (format!("{MINIMAL}#{}", " ".repeat(1 << 20)), "longer than 1 MiB"),
    ];
    for (file, message) in cases {
        let error = Catalogue::parse(&file).unwrap_err().to_string();
        assert!(error.contains(message), "{error}, expected {message}");
    }
}

#[test]
fn values_have_the_form_and_length_of_their_item() {
    let item = |kind, max_length| Item {
        code: "A1".parse().unwrap(),
        name: "額".to_owned(),
        level: 1,
        kind,
        max_length,
    };
    let accepted = [
        (ItemKind::Number, vec!["0", "-1", "007", "12.50", "-0.5"]),
        (ItemKind::Date, vec!["20240229", "19000101", "99991231"]),
        (ItemKind::Code, vec!["A", "1a", "ZZ99"]),
        (ItemKind::Text, vec!["①Ⅱ髙﨑～―", " ", "\u{2000b}", "a\nb"]),
    ];
    let refused = [
        (
            ItemKind::Number,
            vec!["", "-", "+1", "1.", ".5", "1e3", "１", "1,000", " 1", "1.2.3", "--1", "123456789"],
        ),
        (
            ItemKind::Date,
            vec!["20230229", "2024-01-01", "20241301", "00000101", "2024010", "２０２４０１０１"],
        ),
        (ItemKind::Code, vec!["Ａ", "A-1", "ｱ", "A B", "123456789"]),
        (ItemKind::Text, vec!["", "九文字より長い内容だ", "\u{e000}", "\u{fdd0}", "\u{f8ff}", "\u{10ffff}"]),
    ];
    for (kind, values) in accepted {
        for value in values {
            assert!(item(kind, 8).accepts(value), "{kind:?} {value:?}");
        }
    }
    for (kind, values) in refused {
        for value in values {
            assert!(!item(kind, 8).accepts(value), "{kind:?} {value:?}");
        }
    }
}
