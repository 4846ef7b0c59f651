//! The rules of the domain, each at its edge.

use std::sync::LazyLock;

use chukei_access::facts::{Effect, FactorKind, Health, Label, Mode, Period, Zone};
use chukei_access::{Outcome, PolicyBook};
use chukei_wire::result::ResultName;

use crate::made::{CARE, DAY_MS, Made, NOW_MS, TAX, TODAY, affair, body};
use crate::properties::decided;

static BOOK: LazyLock<PolicyBook> = LazyLock::new(|| PolicyBook::new().unwrap());

fn outcome(made: &Made) -> Outcome {
    decided(&BOOK, made).0
}

fn deny(result: ResultName) -> Outcome {
    Outcome::Deny(result)
}

#[test]
fn d9_maintenance_needs_ticket_window_and_listed_device_and_never_has_data() {
    let good = Made::new("maintenance", "backup_restore");
    assert_eq!(outcome(&good), Outcome::Permit);
    let with = |change: fn(&mut Made)| {
        let mut made = good.clone();
        change(&mut made);
        outcome(&made)
    };
    assert_eq!(with(|made| made.ticket = None), deny(ResultName::Denied));
    assert_eq!(with(|made| made.now_ms += DAY_MS), deny(ResultName::OutsideWindow));
    assert_eq!(with(|made| made.now_ms -= 2), deny(ResultName::OutsideWindow));
    assert_eq!(with(|made| made.device = None), deny(ResultName::DeviceUnknown));
    assert_eq!(with(|made| made.device.as_mut().unwrap().1 = false), deny(ResultName::DeviceUnknown));
    assert_eq!(
        with(|made| made.device.as_mut().unwrap().0 = "t-99".to_owned()),
        deny(ResultName::DeviceUnknown)
    );
    assert_eq!(with(|made| made.device.as_mut().unwrap().2 = Health::Unknown), deny(ResultName::Denied));
    assert_eq!(with(|made| made.contract = None), deny(ResultName::NotPermitted));
    assert_eq!(
        with(|made| made.contract.as_mut().unwrap().until_day = TODAY - 1),
        deny(ResultName::NotPermitted)
    );
    for action in ["copy_show", "copy_import", "person_list", "self_info", "person_records", "audit_verify"] {
        let made = Made::new("maintenance", action).with_roles(&["administrator", "reviewer", "approver"]);
        assert_eq!(outcome(&made), deny(ResultName::RoleHasNoDataAccess), "{action}");
    }
    assert_eq!(
        outcome(&Made::new("maintenance", "register_change").with_roles(&["administrator"])),
        deny(ResultName::NotPermitted)
    );
}

#[test]
fn d9_a_step_up_is_asked_for_after_300_persons_in_ten_minutes() {
    let mut made = Made::new("staff", "copy_show");
    made.pattern.persons_in_ten_minutes = 300;
    assert_eq!(outcome(&made), Outcome::Permit);
    made.pattern.persons_in_ten_minutes = 301;
    assert_eq!(outcome(&made), Outcome::StepUp);
    assert_eq!(Outcome::StepUp.result(), Some(ResultName::StepUpRequired));
    assert_eq!(outcome(&made.clone().stepped_up(599)), Outcome::Permit);
    assert_eq!(outcome(&made.clone().stepped_up(600)), Outcome::StepUp);
    made.kind = "system";
    assert_eq!(outcome(&made), Outcome::Permit, "a system has limits of another kind");
}

#[test]
fn r2_operators_and_auditors_have_no_path_to_data() {
    for kind in ["operator", "auditor", "device", "node", "broker"] {
        for action in ["copy_show", "person_list", "notice_send", "self_info", "person_records"] {
            let made = Made::new(kind, action).stepped_up(1);
            assert_eq!(outcome(&made), deny(ResultName::RoleHasNoDataAccess), "{kind} {action}");
        }
    }
    let mut auditor = Made::new("auditor", "audit_verify");
    assert_eq!(outcome(&auditor), Outcome::Permit);
    auditor.effect = Effect::Export;
    assert_eq!(outcome(&auditor), deny(ResultName::NotPermitted));
    assert_eq!(outcome(&Made::new("auditor", "keys_rotate")), deny(ResultName::NotPermitted));
    assert_eq!(outcome(&Made::new("operator", "node_restart")), Outcome::Permit);
    assert_eq!(outcome(&Made::new("operator", "audit_verify")), deny(ResultName::RoleHasNoDataAccess));
}

#[test]
fn r4_rights_are_by_affair_and_department_and_contractors_are_dated() {
    let mut made = Made::new("staff", "copy_show");
    made.affair = Some(affair(CARE));
    assert_eq!(outcome(&made), deny(ResultName::AffairNotAllowed));
    made.affair = None;
    assert_eq!(outcome(&made), deny(ResultName::NotPermitted));
    made.affair = Some(affair(TAX));
    made.owning = "fukushi".to_owned();
    assert_eq!(outcome(&made), deny(ResultName::NotPermitted));
    made.owning = "zeimu".to_owned();
    assert_eq!(outcome(&made), Outcome::Permit);
    made = made.with_roles(&["contractor"]);
    assert_eq!(outcome(&made), deny(ResultName::NotPermitted));
    made.contract = Some(Period { from_day: TODAY, until_day: TODAY });
    assert_eq!(outcome(&made), Outcome::Permit);
    made.now_ms = NOW_MS + 14 * 3_600_000 - 1;
    assert_eq!(outcome(&made), Outcome::Permit, "the last instant of the last day in Japan");
    made.now_ms += 1;
    assert_eq!(outcome(&made), deny(ResultName::NotPermitted));
}

#[test]
fn r4_who_is_not_on_record_of_the_own_body_does_nothing() {
    for kind in ["staff", "system", "auditor"] {
        for action in ["catalogue_list", "audit_verify", "person_list"] {
            let mut made = Made::new(kind, action);
            let home = outcome(&made);
            for record in [
                None,
                Some(Period { from_day: TODAY + 1, until_day: TODAY + 2 }),
                Some(Period { from_day: 0, until_day: TODAY - 1 }),
            ] {
                made.record = record;
                assert!(!outcome(&made).is_permit(), "{kind} {action}");
            }
            made.record = Some(Period { from_day: TODAY, until_day: TODAY });
            assert_eq!(outcome(&made), home);
        }
    }
}

#[test]
fn r5_two_kinds_of_factors_and_a_fresh_one_for_what_is_privileged() {
    let mut made = Made::new("staff", "copy_show");
    made.factors = vec![FactorKind::Knowledge, FactorKind::Knowledge];
    assert_eq!(outcome(&made.clone().stepped_up(1)), deny(ResultName::SameFactorKind));
    made.factors = vec![FactorKind::Possession];
    assert_eq!(outcome(&made), Outcome::StepUp);
    assert_eq!(outcome(&made.stepped_up(28_799)), Outcome::Permit);
    let rotate = Made::new("staff", "keys_rotate").with_roles(&["administrator"]);
    assert_eq!(outcome(&rotate), Outcome::StepUp);
    assert_eq!(outcome(&rotate.stepped_up(599)), Outcome::Permit);
    let mut system = Made::new("system", "copy_import");
    system.factors = Vec::new();
    assert_eq!(outcome(&system), Outcome::Permit, "a machine has its certificate");
}

#[test]
fn r6_training_and_devices() {
    let mut made = Made::new("staff", "copy_show");
    made.trained_on = Some(TODAY - 366);
    assert_eq!(outcome(&made), Outcome::Permit);
    for day in [Some(TODAY - 367), None, Some(TODAY + 1)] {
        made.trained_on = day;
        assert_eq!(outcome(&made), deny(ResultName::Denied), "{day:?}");
    }
    let mut made = Made::new("staff", "copy_show");
    made.device.as_mut().unwrap().2 = Health::Unknown;
    assert_eq!(outcome(&made), Outcome::StepUp);
    made.device.as_mut().unwrap().3 = Zone::Lgwan;
    assert_eq!(outcome(&made), deny(ResultName::Denied));
    made.device = None;
    assert_eq!(outcome(&made), deny(ResultName::DeviceUnknown));
}

#[test]
fn r14_functions_are_off_until_enabled_with_a_reference() {
    let mut made = Made::new("portal", "self_info");
    let mut with = |mode, approval: &str, named| {
        made.function = Some((mode, approval.to_owned(), named));
        outcome(&made)
    };
    assert_eq!(with(Mode::Live, "R8-12", false), Outcome::Permit);
    assert_eq!(with(Mode::Live, "", false), deny(ResultName::NotPermitted));
    assert_eq!(with(Mode::Off, "R8-12", true), deny(ResultName::NotPermitted));
    assert_eq!(with(Mode::Trial, "R8-12", false), deny(ResultName::NotPermitted));
    assert_eq!(with(Mode::Trial, "R8-12", true), Outcome::Permit);
    assert_eq!(with(Mode::Trial, "", true), deny(ResultName::NotPermitted));
}

#[test]
fn r15_3b_stays_in_the_closed_zone_and_so_does_what_another_scheme_labels() {
    let from = |zone, label| {
        let mut made = Made::new("staff", "copy_show");
        (made.zone, made.label) = (zone, label);
        made.device.as_mut().unwrap().3 = zone;
        outcome(&made)
    };
    let all = [
        (Label::Municipal3A, false),
        (Label::Municipal3B, false),
        (Label::Municipal3C, true),
        (Label::Municipal2, true),
        (Label::Municipal1, true),
        (Label::Government3, false),
        (Label::Government2, false),
        (Label::Government1, false),
    ];
    for (label, leaves) in all {
        assert_eq!(from(Zone::Closed, label), Outcome::Permit, "{label:?}");
        assert_eq!(from(Zone::Lgwan, label).is_permit(), leaves, "{label:?}");
        assert_eq!(from(Zone::Internet, label), deny(ResultName::Denied), "{label:?}");
    }
    assert_eq!(Label::default(), Label::Municipal3B);
}

#[test]
fn r23_the_second_person_is_an_approver_and_no_administrator() {
    let approve =
        |roles: &[&str]| outcome(&Made::new("staff", "act_approve").with_roles(roles).stepped_up(1));
    assert_eq!(approve(&["approver"]), Outcome::Permit);
    assert_eq!(approve(&["approver", "administrator"]), deny(ResultName::TwoPersonRequired));
    assert_eq!(approve(&["requester"]), deny(ResultName::NotPermitted));
    assert_eq!(
        outcome(&Made::new("system", "act_approve").with_roles(&["approver"])),
        deny(ResultName::NotPermitted)
    );
}

#[test]
fn r42_another_body_acts_only_as_its_delegation_says() {
    let mut made = Made::new("staff", "copy_show");
    made.own_body = Some(body("982024"));
    assert_eq!(outcome(&made), deny(ResultName::NotAuthorised));
    made.proxy = Some((vec![affair(TAX)], vec!["copy_show".to_owned()], NOW_MS, NOW_MS + 1));
    assert_eq!(outcome(&made), Outcome::Permit);
    let with = |change: fn(&mut Made)| {
        let mut made = made.clone();
        change(&mut made);
        outcome(&made)
    };
    assert_eq!(with(|made| made.now_ms += 1), deny(ResultName::ProxyExpired));
    assert_eq!(with(|made| made.now_ms -= 1), deny(ResultName::ProxyExpired));
    assert_eq!(with(|made| made.action = "copy_import".to_owned()), deny(ResultName::ProxyScope));
    let other_affair = |made: &mut Made| {
        made.affair = Some(affair(CARE));
        made.affairs = vec![affair(CARE)];
    };
    assert_eq!(with(other_affair), deny(ResultName::ProxyScope));
    // Neither rights nor keys nor logs can be delegated, whatever the delegation names.
    for action in ["register_change", "keys_rotate", "audit_verify", "act_approve"] {
        let mut made = made.clone().with_roles(&["administrator", "reviewer"]).stepped_up(1);
        made.action = action.to_owned();
        made.proxy.as_mut().unwrap().1.push(action.to_owned());
        assert_eq!(outcome(&made), deny(ResultName::ProxyScope), "{action}");
    }
}

#[test]
fn the_readme_names_every_shipped_policy_with_its_rule_and_result_in_their_order() {
    let readme = include_str!("../../README.md");
    let texts = [
        include_str!("../../policies/1-identities.cedar"),
        include_str!("../../policies/2-devices-and-places.cedar"),
        include_str!("../../policies/3-functions-and-rights.cedar"),
        include_str!("../../policies/4-factors-and-patterns.cedar"),
        include_str!("../../policies/5-permits.cedar"),
    ];
    let note = |policy: &str, name: &str| -> String {
        let after = policy.split(&format!("@{name}(\"")).nth(1).unwrap_or_default();
        after.split('"').next().unwrap().to_owned()
    };
    let shipped: Vec<[String; 3]> = texts
        .concat()
        .split("@id(")
        .skip(1)
        .map(|policy| format!("@id({policy}"))
        .map(|policy| [note(&policy, "id"), note(&policy, "rule"), note(&policy, "result")])
        .collect();
    let told: Vec<[String; 3]> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let result = cells.get(4).filter(|cell| cell.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            [cells[1].trim_matches('`').to_owned(), cells[2].to_owned(), (*result.unwrap_or(&"")).to_owned()]
        })
        .collect();
    assert_eq!(shipped, told);
    assert!(shipped.len() > 40);
}
