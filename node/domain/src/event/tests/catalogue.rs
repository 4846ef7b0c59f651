//! `AUDIT-EVENTS.md` is what the types say, and every field is of a kind that names nobody but by a reference.
//!
//! `CHUKEI_WRITE_AUDIT_EVENTS=1 cargo test -p chukei-domain --lib -- event::tests::catalogue` writes the page anew.

mod kinds;
mod page;
mod source;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;

use super::samples::{all_records, place};
use kinds::{Kind, kind_of};
use source::{Payload, Shape, Source};
use walk::Walk;

const PAGE: &str = "AUDIT-EVENTS.md";

#[test]
fn r3_the_page_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    let written = page::write(&Source::read());
    if std::env::var_os("CHUKEI_WRITE_AUDIT_EVENTS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    let differs = found.lines().zip(written.lines()).find(|(found, written)| found != written);
    assert!(found == written, "{PAGE} is not what the types say ({differs:?}); see the head of this test");
}

#[test]
fn every_type_event_and_field_says_what_it_is() {
    for (name, told) in &Source::read().types {
        assert!(!told.doc.is_empty(), "{name}");
        for (field, doc) in told.documented() {
            assert!(doc.ends_with('.') || doc.ends_with(')'), "{name}.{field}: {doc:?}");
        }
    }
}

#[test]
fn every_field_is_of_a_kind_that_names_nobody() {
    let source = Source::read();
    for (name, field) in source.leaves() {
        assert!(kind_of(&name, &field).is_some(), "{name}.{}: say in kinds.rs what it holds", field.name);
    }
    for (owner, field, _) in kinds::LISTED {
        assert!(
            source.leaves().iter().any(|(name, known)| name == owner && known.name == *field),
            "{owner}.{field}"
        );
    }
}

#[test]
fn only_references_point_at_a_person() {
    let source = Source::read();
    let leaves = source.leaves();
    let of_persons: BTreeSet<String> = leaves
        .iter()
        .filter(|(name, field)| kind_of(name, field) == Some(Kind::Person))
        .map(|(name, field)| format!("{name}.{}", field.name))
        .collect();
    let expected = [
        "Exchange.person",
        "ExchangesAsked.person",
        "RecordsHidden.person",
        "Subject.DiscloseRecords.person",
        "Subject.ErasePerson",
        "Subject.Unblock.person",
        "Target.Person",
    ];
    assert_eq!(of_persons.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_field_of_every_sample_is_of_its_kind() {
    let source = Source::read();
    let mut walk = Walk::new(&source);
    for record in all_records() {
        walk.record("Record", &record.to_bytes().unwrap()[1..]);
        let parts = record.parts("982016".parse().unwrap(), record.shown_to().map(|_| place())).unwrap();
        if let Some((_, part)) = parts.person.split_first() {
            walk.record("PersonPart", part);
        }
    }
    let unseen: Vec<String> = source
        .leaves()
        .into_iter()
        .map(|(name, field)| format!("{name}.{}", field.name))
        .filter(|leaf| !walk.seen.contains(leaf))
        .collect();
    assert!(unseen.is_empty(), "no sample has these: {unseen:?}");
}

#[test]
fn r3_each_event_says_whose_act_it_is() {
    let source = Source::read();
    let Shape::Enum(variants) = &source.types["Event"].shape else { panic!("not an enum") };
    let told: Vec<&str> = kinds::WHOSE.iter().map(|(event, _)| *event).collect();
    assert_eq!(variants.iter().map(|variant| variant.key.as_str()).collect::<Vec<_>>(), told);
    assert!(variants.iter().all(|variant| variant.payload != Payload::Unit), "an event tells something");
}
