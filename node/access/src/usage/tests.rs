//! Which forms have classes, and that any other form makes what it holds matter exactly.

use cedar_policy::{Policy, PolicyId};

use super::*;

fn of(condition: &str) -> Vec<Dimension> {
    scoped("principal", "resource", condition)
}

fn scoped(principal: &str, resource: &str, condition: &str) -> Vec<Dimension> {
    let text = format!("forbid ({principal}, action, {resource}) when {{ {condition} }};");
    let policy = Policy::parse(Some(PolicyId::new("p")), text).unwrap();
    dimensions(&policy.to_json().unwrap()).unwrap()
}

fn one(attribute: Attribute, classes: Classes) -> Vec<Dimension> {
    vec![Dimension { attribute, classes }]
}

fn numbers(numbers: &[i64]) -> Classes {
    Classes::Longs(numbers.into())
}

fn texts(texts: &[&str]) -> Classes {
    Classes::Texts(texts.iter().map(|&text| text.into()).collect())
}

fn members(texts: &[&str]) -> Classes {
    Classes::Members(texts.iter().map(|&text| text.into()).collect())
}

#[test]
fn numbers_compared_with_literals_have_intervals() {
    let found = of(
        "context.minute < 480 || 1320 <= context.minute || context.minute == -5 || [3, 480].contains(context.minute)",
    );
    assert_eq!(found, one(Attribute::Minute, numbers(&[-5, 3, 480, 1320])));
    assert_eq!(of("!(context.minute > -9223372036854775808)"), one(Attribute::Minute, numbers(&[i64::MIN])));
}

#[test]
fn texts_and_sets_compared_with_literals_have_classes() {
    let found = of(
        "principal.kind == \"staff\" && \"x\" != principal.kind && [\"a\", \"x\"].contains(principal.kind)",
    );
    assert_eq!(found, one(Attribute::Kind, texts(&["a", "staff", "x"])));
    let found = of(
        "principal.roles.contains(\"a\") && principal.roles.containsAny([\"b\", \"c\"]) && principal.roles.containsAll([\"a\"])",
    );
    assert_eq!(found, one(Attribute::Roles, members(&["a", "b", "c"])));
    assert_eq!(of("[].containsAll([principal.home])"), one(Attribute::Home, Classes::Bool));
    assert_eq!(of("!principal.home || principal.home == true"), one(Attribute::Home, Classes::Bool));
}

#[test]
fn entities_named_have_classes() {
    let named = one(Attribute::Identity, texts(&["a", "b"]));
    assert_eq!(scoped("principal == Identity::\"a\"", "resource", "principal == Identity::\"b\""), named);
    assert_eq!(scoped("principal is Identity", "resource", "true"), []);
    assert_eq!(
        scoped("principal", "resource == Target::\"982016\"", "true"),
        one(Attribute::Target, texts(&["982016"]))
    );
    assert_eq!(
        of("action == Action::\"a\" || action in Action::\"b\""),
        one(Attribute::Action, Classes::Actions)
    );
}

#[test]
fn whatever_else_is_done_with_an_attribute_makes_it_exact() {
    let cases: &[(&str, &[Attribute])] = &[
        ("context.minute + 1 > 2", &[Attribute::Minute]),
        ("-context.minute > 2", &[Attribute::Minute]),
        ("context.minute < context.weekday", &[Attribute::Minute, Attribute::Weekday]),
        ("context.minute == (if principal.home then 1 else 2)", &[Attribute::Minute]),
        ("principal.kind like \"s*\"", &[Attribute::Kind]),
        ("principal.kind == principal.name", &[Attribute::Kind, Attribute::Name]),
        ("[principal.kind, \"b\"].contains(principal.name)", &[Attribute::Kind, Attribute::Name]),
        ("principal.roles.isEmpty()", &[Attribute::Roles]),
        ("principal.roles == [\"a\"]", &[Attribute::Roles]),
        ("[\"a\"].containsAll(principal.roles)", &[Attribute::Roles]),
        ("principal.affairs.contains(resource.affair)", &[Attribute::Affairs, Attribute::Affair]),
        ("{ a: context.minute }.a > 1", &[Attribute::Minute]),
        ("principal in Identity::\"a\"", &[Attribute::Identity]),
    ];
    for (condition, exact) in cases {
        let found = of(condition);
        for attribute in *exact {
            let dimension = found.iter().find(|dimension| dimension.attribute == *attribute);
            assert_eq!(dimension.map(|dimension| &dimension.classes), Some(&Classes::Exact), "{condition}");
        }
    }
    assert_eq!(
        of("context.minute < 480 && context.minute * 2 < 9"),
        one(Attribute::Minute, Classes::Exact),
        "one inexact use spoils the others"
    );
}

#[test]
fn the_whole_context_is_everything_in_it() {
    let found = of("context == context");
    let of_context =
        |attribute: &&Attribute| attribute.place().is_some_and(|(part, ..)| part == Part::Context);
    assert_eq!(found.len(), Attribute::ALL.iter().filter(of_context).count());
    assert!(
        found
            .iter()
            .all(|dimension| dimension.classes == Classes::Exact || dimension.classes == Classes::Bool)
    );
}

#[test]
fn a_set_asked_for_many_members_matters_exactly() {
    let asked = |count: usize| {
        let all: Vec<String> =
            (0..count).map(|number| format!("principal.roles.contains(\"{number}\")")).collect();
        of(&all.join(" || ")).pop().unwrap().classes
    };
    assert!(matches!(asked(MEMBERS_MAX), Classes::Members(members) if members.len() == MEMBERS_MAX));
    assert_eq!(asked(MEMBERS_MAX + 1), Classes::Exact);
}
