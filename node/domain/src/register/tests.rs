//! What a register may hold, in the words of the people who write it: what is taken, and what is refused and why.

use super::*;

const FILE: &str = r#"
body = "982016"

[[staff]]
name = "u-tax-07"
kind = "staff"
roles = ["requester", "clerk", "administrator", "reviewer"]
department = "zeimu"
affairs = ["JM99000000002000", "JM99000000001000"]
valid = { from = "2026-04-01", until = "2027-03-31" }
trained_on = "2026-04-10"

[[staff.factor]]
name = "face"
kind = "biometrics"
public = "0101010101010101010101010101010101010101010101010101010101010101"

[[device]]
name = "t-01"
zone = "closed"
listed = { from = "2026-04-01", until = "2031-03-31" }

[[function]]
function = "copies"
mode = "live"
reference = "諮問2026-01"
from = "2026-04-01"

[[affair]]
code = "JM99000000001000"
department = "zeimu"

[[delegation]]
id = "d-1"
to = "982024"
affairs = ["JM99000000001000"]
functions = ["copy_show"]
from = "2026-11-01T00:00:00+09:00"
until = "2026-12-01T00:00:00+09:00"
"#;

#[test]
fn a_file_gives_its_entries_and_comes_back_from_them() {
    let file = RegisterFile::parse(FILE).unwrap();
    let entries = file.check().unwrap();
    assert_eq!(entries.len(), 5);
    for entry in &entries {
        assert_eq!(Entry::from_bytes(&entry.to_bytes().unwrap()).unwrap(), *entry);
    }
    let again = RegisterFile::of(file.body, entries.clone());
    assert_eq!(RegisterFile::parse(&again.to_toml().unwrap()).unwrap().check().unwrap(), entries);
}

use proptest::prelude::*;

fn staff(name: &str, roles: &[&str]) -> Staff {
    Staff {
        name: name.to_owned(),
        kind: StaffKind::Staff,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        department: String::new(),
        affairs: Vec::new(),
        valid: Period { from_day: 20_000, until_day: 21_000 },
        contract: None,
        trained_on: None,
        factors: Vec::new(),
    }
}

fn face(name: &str, key: u8) -> Factor {
    let kind = FactorKind::Biometrics;
    Factor { name: name.to_owned(), kind, public: vec![key; 32], stretch: None }
}

fn delegation(id: &str, from_ms: u64, until_ms: u64) -> Delegation {
    Delegation {
        id: id.to_owned(),
        to: "982024".parse().unwrap(),
        affairs: vec!["JM99000000001000".parse().unwrap()],
        functions: vec!["copy_show".to_owned()],
        from_ms,
        until_ms,
        revoked: false,
    }
}

fn refused(entries: &[Entry]) -> Option<Why> {
    check("982016".parse().unwrap(), entries).err().map(|error| error.why)
}

#[test]
fn r3_one_person_has_one_id() {
    let (a, b) = (staff("u-a", &[]), staff("u-b", &[]));
    let with = |staff: &Staff, key| Entry::Staff(Staff { factors: vec![face("face", key)], ..staff.clone() });
    assert_eq!(refused(&[with(&a, 1), with(&b, 2)]), None);
    assert_eq!(refused(&[with(&a, 1), with(&b, 1)]), Some(Why::SharedKey));
    assert_eq!(refused(&[with(&a, 1), with(&a, 2)]), Some(Why::Repeated));
}

#[test]
fn r10_a_refusal_never_repeats_an_individual_number_as_a_name() {
    let named = |name| RegisterError::named(Class::Staff, name, Why::Missing).name;
    assert_eq!((named("123456789018"), named("u-tax-07")), (String::new(), "u-tax-07".to_owned()));
}

#[test]
fn r42_delegations_that_contradict_each_other_are_refused() {
    let pair =
        |other: Delegation| refused(&[Entry::Delegation(delegation("a", 10, 20)), Entry::Delegation(other)]);
    assert_eq!(pair(delegation("b", 20, 30)), None);
    assert_eq!(pair(delegation("b", 19, 30)), Some(Why::Overlap));
    assert_eq!(pair(Delegation { revoked: true, ..delegation("b", 19, 30) }), None);
    assert_eq!(
        pair(Delegation { to: "982016".parse().unwrap(), ..delegation("b", 20, 30) }),
        Some(Why::OwnBody)
    );
    assert_eq!(pair(delegation("b", 30, 30)), Some(Why::Period));
}

#[test]
fn r2_r23_roles_fit_their_kinds() {
    let of = |kind, role| refused(&[Entry::Staff(Staff { kind, ..staff("x", &[role]) })]);
    assert_eq!(of(StaffKind::Staff, role::APPROVER), None);
    assert_eq!(of(StaffKind::System, role::APPROVER), Some(Why::RoleOfKind));
    assert_eq!(of(StaffKind::Auditor, role::CLERK), Some(Why::RoleOfKind));
    assert_eq!(of(StaffKind::Staff, "king"), Some(Why::Role));
    // Operators and contractors are in the platform's register, and in no body's.
    for kind in ["operator", "maintenance", "device"] {
        let text = FILE.replacen("kind = \"staff\"", &format!("kind = \"{kind}\""), 1);
        assert_eq!(RegisterFile::parse(&text).unwrap_err().why, Why::Syntax, "{kind}");
    }
}

#[test]
fn r4_an_affair_belongs_to_one_department_that_has_a_name() {
    let affair = |department: &str| {
        let code = "JM99000000001000".parse().unwrap();
        Entry::Affair(Affair { code, department: department.to_owned() })
    };
    assert_eq!(refused(&[affair("zeimu")]), None);
    assert_eq!(refused(&[affair("")]), Some(Why::Text));
    assert_eq!(refused(&[affair("zeimu"), affair("fukushi")]), Some(Why::Repeated));
}

#[test]
fn r14_an_enabled_function_has_its_reference_and_only_a_trial_has_persons() {
    let of = |mode, reference: &str, trial: bool| {
        let trial_persons = if trial { vec!["000009820160101".parse().unwrap()] } else { Vec::new() };
        let function = FunctionName::Copies;
        let reference = reference.to_owned();
        refused(&[Entry::Function(Function { function, mode, reference, from_day: 1, trial_persons })])
    };
    assert_eq!(of(Mode::Live, "諮問2026-01", false), None);
    assert_eq!(of(Mode::Live, "", false), Some(Why::Reference));
    assert_eq!(of(Mode::Live, "諮問2026-01", true), Some(Why::TrialPersons));
    assert_eq!(of(Mode::Trial, "諮問2026-01", true), None);
    assert_eq!(of(Mode::Off, "", false), None);
    assert_eq!(of(Mode::Live, "諮問 123456789018", false), Some(Why::IndividualNumber));
}

#[test]
fn a_misspelt_field_is_refused_with_its_line_and_without_its_text() {
    let error = RegisterFile::parse(&FILE.replacen("department", "departement", 1)).unwrap_err();
    assert_eq!((error.why, error.detail.as_str()), (Why::Syntax, "line 8"));
    assert!(!error.to_string().contains("zeimu"));
}

#[test]
fn every_reason_is_found_by_its_code() {
    for why in Why::ALL {
        assert_eq!(Why::of_code(why.code()), Some(why));
    }
}

proptest! {
    /// Whatever decodes has one byte form.
    #[test]
    fn any_changed_byte_is_refused_or_another_entry(place in 0_usize..400, bit in 0_u8..8) {
        let entries = RegisterFile::parse(FILE).unwrap().check().unwrap();
        for entry in entries {
            let mut bytes = entry.to_bytes().unwrap();
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            if let Ok(other) = Entry::from_bytes(&bytes) {
                prop_assert_ne!(&other, &entry);
                prop_assert_eq!(other.to_bytes().unwrap(), bytes);
            }
        }
    }

    /// Two delegations are refused exactly where some moment falls into both.
    #[test]
    fn overlap_is_a_common_moment(a in 0_u64..20, b in 0_u64..20, c in 0_u64..20, d in 0_u64..20) {
        prop_assume!(a < b && c < d);
        let both = [Entry::Delegation(delegation("a", a, b)), Entry::Delegation(delegation("b", c, d))];
        let common = (0..20).any(|moment| (a..b).contains(&moment) && (c..d).contains(&moment));
        prop_assert_eq!(refused(&both) == Some(Why::Overlap), common);
    }
}
