//! Texts that are refused before anything of them is in force.

use std::sync::LazyLock;

use chukei_access::PolicyBook;
use chukei_access::error::Fault;
use chukei_access::limits::{POLICIES_MAX, REASON_MAX, WIDE_MAX};

use crate::made::body;

const NOTES: &str = "@reason_en(\"test\") @reason_ja(\"試験\")";

static BOOK: LazyLock<PolicyBook> = LazyLock::new(|| PolicyBook::new().unwrap());

fn fault(text: &str) -> Fault {
    let error = BOOK.check(text).err().unwrap_or_else(|| panic!("accepted: {text}"));
    assert!(!error.to_string().contains("zeimu"), "the message quotes nothing");
    error.fault()
}

/// A policy with this condition.
fn when(condition: &str) -> String {
    format!("@id(\"a\") {NOTES} forbid (principal, action, resource) when {{ {condition} }};")
}

#[test]
fn what_does_not_parse_is_refused_with_its_line() {
    for text in [
        "forbid;",
        "forbid (principal, action, resource)",
        "@id(\"a\") forbid (principal, action);",
        "x;",
        "}};",
    ] {
        assert_eq!(fault(text), Fault::Syntax, "{text}");
    }
    let book = PolicyBook::new().unwrap();
    let error = book.check(&format!("{}\n\n// note\nforbid;", when("true"))).err().unwrap();
    // The first policy is sound in form, but `when { true }` says nothing wrong: the second is refused.
    assert_eq!((error.fault(), error.line()), (Fault::Syntax, Some(4)));
}

#[test]
fn templates_and_permits_are_refused() {
    assert_eq!(
        fault(&format!("@id(\"a\") {NOTES} forbid (principal == ?principal, action, resource);")),
        Fault::Syntax
    );
    assert_eq!(fault(&format!("@id(\"a\") {NOTES} permit (principal, action, resource);")), Fault::Widens);
}

#[test]
fn annotations_are_complete_and_known() {
    let scope = "forbid (principal, action, resource);";
    assert_eq!(fault(&format!("{NOTES} {scope}")), Fault::Id);
    for id in ["", "A", "a b", "../x", &"a".repeat(65)] {
        assert_eq!(fault(&format!("@id(\"{id}\") {NOTES} {scope}")), Fault::Id, "{id}");
    }
    assert_eq!(fault(&format!("@id(\"a\") @reason_en(\"x\") {scope}")), Fault::Reason);
    assert_eq!(fault(&format!("@id(\"a\") @reason_en(\" \") @reason_ja(\"x\") {scope}")), Fault::Reason);
    assert_eq!(fault(&format!("@id(\"a\") @reason_en(\"x\\ny\") @reason_ja(\"x\") {scope}")), Fault::Reason);
    let long = "長".repeat(REASON_MAX + 1);
    assert_eq!(fault(&format!("@id(\"a\") @reason_en(\"x\") @reason_ja(\"{long}\") {scope}")), Fault::Reason);
    for wrong in [
        "@result(\"PERMIT\")",
        "@result(\"INTEGRITY_STOP\")",
        "@result(\"NOT_FOUND\")",
        "@step_up(\"0\")",
        "@step_up(\"86401\")",
        "@step_up(\"-1\")",
        "@step_up(\"1e3\")",
        "@step_up",
        "@step_up(\"600\") @result(\"DENIED\")",
        "@rule(\"../..\")",
    ] {
        assert_eq!(fault(&format!("@id(\"a\") {NOTES} {wrong} {scope}")), Fault::Annotation, "{wrong}");
    }
    assert_eq!(fault(&format!("@id(\"a\") {NOTES} @note(\"x\") {scope}")), Fault::UnknownAnnotation);
}

#[test]
fn ids_are_used_once_and_never_those_of_shipped_policies() {
    assert_eq!(fault(&format!("{}{}", when("context.minute < 1"), when("context.minute < 2"))), Fault::Id);
    for taken in ["kind_without_data", "nothing_permits", "unlisted_action", "not_evaluated"] {
        let text = when("context.minute < 1").replace("@id(\"a\")", &format!("@id(\"{taken}\")"));
        assert_eq!(fault(&text), Fault::Id, "{taken}");
    }
}

#[test]
fn what_the_schema_does_not_have_is_refused() {
    for condition in [
        "principal.salary > 1",
        "context.minute < \"noon\"",
        "context.minute",
        "principal.department == 1",
        "resource has secret && resource.secret",
        "principal.roles.contains(1)",
        "ip(\"10.0.0.1\").isLoopback()",
        "decimal(\"1.0\") == decimal(\"1.0\")",
        "principal in Group::\"zeimu\"",
        "principal.hasTag(\"x\")",
        "context.minute == resource.affair",
        "[] == []",
        "principal == action",
    ] {
        assert_eq!(fault(&when(condition)), Fault::Invalid, "{condition}");
    }
    let scope = |scope: &str| format!("@id(\"a\") {NOTES} forbid {scope};");
    for wrong in [
        "(principal, action == Action::\"drop_tables\", resource)",
        "(principal == User::\"a\", action, resource)",
        "(principal is User, action, resource)",
        "(principal, action, resource is Identity)",
    ] {
        assert_eq!(fault(&scope(wrong)), Fault::Invalid, "{wrong}");
    }
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    for never in ["false", "context.minute < 1 && false", "1 == 2"] {
        assert_eq!(fault(&when(never)), Fault::Invalid, "{never}");
    }
}

#[test]
fn names_that_look_like_others_are_refused() {
    assert_eq!(fault(&when("principal.kind == \"st\u{430}ff\"")), Fault::Invalid, "a Cyrillic letter");
    assert_eq!(fault(&when("principal.kind == \"staff\u{200b}\"")), Fault::Unprintable);
    assert_eq!(fault(&when("principal.kind == \"\u{202e}ffats\"")), Fault::Unprintable);
}

#[test]
fn depth_that_no_bracket_shows_is_bounded_by_length() {
    let deep = vec!["context.minute < 1"; 120].join(" || ");
    assert!(PolicyBook::new().unwrap().check(&when(&deep)).is_ok());
    let longer = vec!["context.minute < 1"; 400].join(" || ");
    assert_eq!(fault(&when(&longer)), Fault::TooLong);
    assert_eq!(fault(&when(&format!("{}true{}", "(".repeat(30), ")".repeat(30)))), Fault::TooDeep);
}

#[test]
fn policies_without_a_table_are_few() {
    let wide = |count: usize| -> String {
        (0..count)
            .map(|number| {
                when("principal.department like \"z*\"").replace("@id(\"a\")", &format!("@id(\"a{number}\")"))
            })
            .collect()
    };
    let book = PolicyBook::new().unwrap();
    assert_eq!(book.check(&wide(WIDE_MAX)).unwrap().wide(), WIDE_MAX);
    assert_eq!(fault(&wide(WIDE_MAX + 1)), Fault::TooWide);
}

#[test]
fn of_a_text_with_one_bad_policy_nothing_is_in_force() {
    let book = PolicyBook::new().unwrap();
    let before = book.version(Some(body("982016")));
    assert!(book.check(&format!("{} forbid (zeimu);", when("context.minute >= 0"))).is_err());
    assert_eq!(book.version(Some(body("982016"))), before);
    let many: String = (0..=POLICIES_MAX)
        .map(|number| when("context.minute < 1").replace("@id(\"a\")", &format!("@id(\"a{number}\")")))
        .collect();
    assert_eq!(fault(&many), Fault::TooMany);
}
