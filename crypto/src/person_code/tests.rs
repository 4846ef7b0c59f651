//! Codes lead back to their person and to nobody else: of another party, another version, altered or invented.

use proptest::prelude::*;

use super::*;

const OURS: &str = "body/982016";
const THEIRS: &str = "body/982024";

fn master(version: u8) -> CodeMaster {
    CodeMaster::new(version, [version; 32]).unwrap()
}

fn codes(version: u8, party: &str) -> PartyCodes {
    master(version).party(party)
}

#[test]
fn r1_two_parties_share_no_code_and_refuse_each_others() {
    let (ours, theirs) = (codes(1, OURS).encode(42), codes(1, THEIRS).encode(42));
    assert_ne!(ours, theirs);
    assert_eq!(codes(1, OURS).decode(&ours), Ok(42));
    assert_eq!(codes(1, THEIRS).decode(&ours), Err(BadCode));
}

#[test]
fn versions_count_from_one_and_print_without_the_secret() {
    assert_eq!(CodeMaster::new(0, [1; 32]).err(), Some(BadVersion));
    assert_eq!(format!("{:?}", master(255)), "CodeMaster { version: 255, .. }");
}

/// The version is in the key too: the same secret under another number makes other codes.
#[test]
fn a_code_of_another_version_is_refused_whatever_it_says_of_itself() {
    let mut code = codes(1, OURS).encode(42);
    assert_eq!(codes(2, OURS).decode(&code), Err(BadCode));
    let renumbered = CodeMaster::new(2, [1; 32]).unwrap().party(OURS);
    assert_ne!(renumbered.encode(42)[1..], code[1..]);
    code[0] = 2;
    assert_eq!(version_of(&code), 2);
    for other in [codes(1, OURS), codes(2, OURS), renumbered] {
        assert_eq!(other.decode(&code), Err(BadCode));
    }
}

#[test]
fn frozen_form_of_versions_1_and_2() {
    let lines = [1, 2].map(|version| codes(version, OURS).encode(0x0123_4567_89ab_cdef));
    insta::assert_snapshot!(lines.map(|code| data_encoding::HEXLOWER.encode(&code)).join("\n"));
}

proptest! {
    #[test]
    fn a_code_leads_back_to_its_person(version in 1u8.., person: u64, other: u64) {
        let codes = codes(version, "portal/mynaportal");
        prop_assert_eq!(codes.decode(&codes.encode(person)), Ok(person));
        prop_assert_eq!(codes.encode(person) == codes.encode(other), person == other);
        prop_assert_eq!(version_of(&codes.encode(person)), version);
    }

    #[test]
    fn r22_a_random_code_is_refused_not_mapped_to_somebody(version in 1u8.., block: [u8; 16]) {
        let mut code = [version; LENGTH];
        code[1..].copy_from_slice(&block);
        prop_assert_eq!(codes(version, OURS).decode(&code), Err(BadCode));
    }

    #[test]
    fn r22_an_altered_code_is_refused(version in 1u8.., person: u64, at in 0..LENGTH, change in 1u8..) {
        let codes = codes(version, OURS);
        let mut code = codes.encode(person);
        code[at] ^= change;
        prop_assert_eq!(codes.decode(&code), Err(BadCode));
    }
}
