//! The generator against the domain's own reading of a row: good rows parse, bad ones fail as expected.

use std::collections::BTreeSet;

use chukei_domain::copy_row::CopyRow;
use chukei_domain::local_body_code::LocalBodyCode;

use super::*;

const GOOD: usize = 4_000;

fn made(seed: u64) -> BodyRows {
    let catalogue = Catalogue::builtin().unwrap();
    let persons: Vec<String> = (101..401).map(|number| format!("00000982016{number:04}")).collect();
    Generator::new(&catalogue, "982016", &persons, seed).rows(GOOD).unwrap()
}

fn rows_of(file: &RowFile, encoding: Encoding) -> Vec<Vec<String>> {
    let bytes = file.bytes().unwrap();
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8(bytes).unwrap(),
        Encoding::Windows31J => encoding_rs::SHIFT_JIS
            .decode_without_bom_handling_and_without_replacement(&bytes)
            .unwrap()
            .into_owned(),
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn the_domain_judges_every_row_as_expected() {
    let catalogue = Catalogue::builtin().unwrap();
    let body: LocalBodyCode = "982016".parse().unwrap();
    let made = made(7);
    for ((file, expected), encoding) in [(&made.first, Encoding::Utf8), (&made.second, Encoding::Windows31J)]
    {
        let rows = rows_of(file, encoding);
        assert_eq!(rows.len() as u64, expected.rows);
        let rejected: u64 = expected.rejected.values().sum();
        assert_eq!(expected.rows, expected.registered + expected.unchanged + rejected);
        assert!(expected.registered >= GOOD as u64);
        let mut accepted = BTreeSet::new();
        for (at, row) in rows.iter().enumerate() {
            let line = at as u64 + 2;
            let result =
                expected.results.iter().find(|result| result.line == line).map(|result| result.result);
            let judged = CopyRow::parse(row, &body, &catalogue).and_then(|row| {
                if row.addressee.as_str().ends_with("9999") {
                    return Err(chukei_domain::outcome::Refusal::NotFound);
                }
                row.check_reason().map(|()| row)
            });
            match judged {
                Err(refusal) => assert_eq!(Some(refusal.as_str()), result, "line {line}: {row:?}"),
                Ok(row) if accepted.insert(row.record_id.as_str().to_owned()) => {
                    assert_eq!(result, None, "line {line}");
                }
                Ok(_) => assert_eq!(result, Some("DUPLICATE_RECORD_ID"), "line {line}"),
            }
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_does_not() {
    let (one, same, other) = (made(7), made(7), made(8));
    assert_eq!(one.first.0.bytes().unwrap(), same.first.0.bytes().unwrap());
    assert_eq!(one.second.0.bytes().unwrap(), same.second.0.bytes().unwrap());
    assert_ne!(one.first.0.bytes().unwrap(), other.first.0.bytes().unwrap());
}

#[test]
fn every_kind_of_row_occurs() {
    let made = made(7);
    for (_, expected) in [&made.first, &made.second] {
        assert_eq!(expected.rejected.len(), 7, "{:?}", expected.rejected);
    }
    assert!(made.second.1.unchanged > 0);
    let hidden =
        made.truth.places().filter(|(person, dataset)| made.truth.shown(*person, dataset).is_empty());
    assert!(hidden.count() > 0, "some places hold records and show none");
    let repeated = made.first.1.repeated();
    assert_eq!((repeated.registered, repeated.unchanged), (0, made.first.1.registered));
}

#[test]
fn updates_replace_what_is_shown() {
    let made = made(7);
    let shown: usize =
        made.truth.places().map(|(person, dataset)| made.truth.shown(person, dataset).len()).sum();
    let accepted = made.first.1.registered + made.second.1.registered;
    assert!((shown as u64) < accepted, "{shown} shown of {accepted} accepted");
}
