//! The shipped schema and the table of attributes are one thing.

use std::collections::BTreeSet;

use super::*;
use crate::attribute::{Attribute, Part, Type};

/// The declarations within one pair of braces of the schema: `name: type`.
fn declared(head: &str) -> BTreeSet<(String, String)> {
    let body = SCHEMA.split(head).nth(1).unwrap().split("\n};").next().unwrap();
    body.lines()
        .map(|line| line.split("//").next().unwrap().trim().trim_end_matches(','))
        .filter(|line| !line.is_empty())
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

#[test]
fn the_schema_has_the_attributes_of_the_table_and_no_other() {
    for (part, head) in [
        (Part::Principal, "entity Identity {"),
        (Part::Resource, "entity Target {"),
        (Part::Context, "type Situation = {"),
    ] {
        let ours: BTreeSet<(String, String)> = Attribute::ALL
            .iter()
            .filter_map(|attribute| attribute.place())
            .filter(|(on, ..)| *on == part)
            .map(|(_, name, kind)| {
                let kind = match kind {
                    Type::Bool => "Bool",
                    Type::Long => "Long",
                    Type::Text => "String",
                    Type::Texts => "Set<String>",
                };
                (name.to_owned(), kind.to_owned())
            })
            .collect();
        assert_eq!(ours, declared(head), "{part:?}");
    }
}

#[test]
fn groups_are_no_actions_and_hold_what_the_schema_says() {
    let vocabulary = Vocabulary::shipped().unwrap();
    let place = |name: &str| vocabulary.action(name).unwrap();
    let holds = |group: &str, name: &str| vocabulary.sets[group] >> place(name) & 1 == 1;
    assert!(
        holds("data", "copy_show")
            && holds("one_affairs", "copy_show")
            && holds("opens_persons", "copy_show")
    );
    for action in ["self_info", "person_records"] {
        assert!(holds("data", action) && !holds("work", action));
    }
    assert!(!holds("data", "backup_restore") && !holds("data", "audit_verify"));
    for group in ["data", "work", "logs", "upkeep", "privileged", "", "Action::\"copy_show\""] {
        assert_eq!(vocabulary.action(group), None);
    }
    let names: Vec<&str> = vocabulary.actions().iter().map(|action| &*action.name).collect();
    assert!(names.is_sorted() && names.len() <= ACTIONS_MAX);
}
