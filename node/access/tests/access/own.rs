//! What a body's own policies do.

use chukei_access::{Outcome, PolicyBook};
use chukei_wire::result::ResultName;

use crate::made::{Made, NOW_MS, body};
use crate::properties::decided;

const NOTES: &str = "@reason_en(\"test\") @reason_ja(\"試験\")";
const MINUTE_MS: u64 = 60_000;

fn book(text: &str) -> PolicyBook {
    let book = PolicyBook::new().unwrap();
    let policies = book.check(text).unwrap();
    book.put(body("982016"), policies);
    book
}

fn when(id: &str, condition: &str) -> String {
    format!("@id(\"{id}\") {NOTES} forbid (principal, action, resource) when {{ {condition} }};")
}

#[test]
fn a_window_holds_to_the_minute_and_the_day() {
    let text = format!(
        "@id(\"hours\") @result(\"OUTSIDE_WINDOW\") {NOTES} forbid (principal, action in Action::\"work\", resource)
        when {{ context.minute < 510 || context.minute >= 1035 || [6, 7].contains(context.weekday) }};"
    );
    let book = book(&text);
    let midnight = NOW_MS - 600 * MINUTE_MS;
    let at = |day: u64, minute: u64| {
        let mut made = Made::new("staff", "copy_show");
        made.now_ms = midnight + (day * 1440 + minute) * MINUTE_MS;
        decided(&book, &made).0
    };
    let outside = Outcome::Deny(ResultName::OutsideWindow);
    assert_eq!(
        [at(0, 509), at(0, 510), at(0, 1034), at(0, 1035)],
        [outside, Outcome::Permit, Outcome::Permit, outside]
    );
    // From Tuesday on: Friday, Saturday, Sunday, Monday.
    assert_eq!(
        [at(3, 600), at(4, 600), at(5, 600), at(6, 600)],
        [Outcome::Permit, outside, outside, Outcome::Permit]
    );
}

#[test]
fn policies_of_one_body_are_felt_by_no_other() {
    let book = book(&when("closed", "principal.kind == \"staff\""));
    let mut made = Made::new("staff", "copy_show");
    assert_eq!(decided(&book, &made), (Outcome::Deny(ResultName::Denied), vec!["closed".to_owned()]));
    (made.own_body, made.target) = (Some(body("982024")), Some(body("982024")));
    assert_eq!(decided(&book, &made).0, Outcome::Permit);
    made.target = None;
    assert_eq!(decided(&book, &made).0, Outcome::Deny(ResultName::NotAuthorised));
}

#[test]
fn a_policy_that_fails_refuses_although_cedar_passes_over_it() {
    let text = when("overflow", "context.minute * 9223372036854775807 > 0 && context.zone == \"lgwan\"");
    let book = book(&text);
    let made = Made::new("staff", "copy_show");
    let refused =
        (Outcome::Deny(ResultName::Denied), vec!["not_evaluated".to_owned(), "overflow".to_owned()]);
    assert_eq!(decided(&book, &made), refused);
    assert_eq!(decided(&book, &made), refused, "remembered");
    let mut midnight = made.clone();
    midnight.now_ms = NOW_MS - 600 * MINUTE_MS;
    assert_eq!(
        decided(&book, &midnight).0,
        Outcome::Permit,
        "no overflow at minute 0, and the zone is another"
    );
    // A literal that overflows fails for everybody, table or not.
    let constant = PolicyBook::new().unwrap();
    if let Ok(policies) = constant.check(&when("constant", "9223372036854775807 + 1 > context.minute")) {
        constant.put(body("982016"), policies);
        assert!(!decided(&constant, &made).0.is_permit());
    }
}

#[test]
fn contradictory_policies_refuse_everything_and_permit_nothing() {
    let text =
        when("never-here", "context.zone == \"closed\"") + &when("never-there", "context.zone != \"closed\"");
    let book = book(&text);
    for action in ["copy_show", "audit_verify", "catalogue_list"] {
        let (outcome, reasons) = decided(&book, &Made::new("staff", action));
        assert_eq!((outcome, reasons), (Outcome::Deny(ResultName::Denied), vec!["never-here".to_owned()]));
    }
}

#[test]
fn a_stricter_step_up_counts_besides_the_shipped_one() {
    let text = format!(
        "@id(\"fifty\") @step_up(\"60\") {NOTES} forbid (principal, action in Action::\"opens_persons\", resource)
        when {{ context.persons_in_ten_minutes > 50 }};"
    );
    let book = book(&text);
    let mut made = Made::new("staff", "copy_show");
    made.pattern.persons_in_ten_minutes = 51;
    assert_eq!(decided(&book, &made), (Outcome::StepUp, vec!["fifty".to_owned()]));
    assert_eq!(decided(&book, &made.clone().stepped_up(59)).0, Outcome::Permit);
    assert_eq!(decided(&book, &made.clone().stepped_up(60)).0, Outcome::StepUp);
    made.pattern.persons_in_ten_minutes = 301;
    let both = vec!["many_persons".to_owned(), "fifty".to_owned()];
    assert_eq!(decided(&book, &made), (Outcome::StepUp, both));
    assert_eq!(decided(&book, &made.stepped_up(60)).1, ["fifty"]);
}

#[test]
fn a_laxer_policy_changes_nothing() {
    let book = book(&when("thousand", "context.persons_in_ten_minutes > 1000"));
    let mut made = Made::new("staff", "copy_show");
    made.pattern.persons_in_ten_minutes = 301;
    assert_eq!(decided(&book, &made).1, ["many_persons"]);
}
