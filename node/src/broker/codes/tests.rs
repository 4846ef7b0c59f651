//! Codes through an overlap: which version is made, which are accepted, and that nobody is ever mixed up.

use proptest::prelude::*;

use super::*;

const DAY_MS: u64 = 86_400_000;

/// Noon of this civil day in Japan.
fn noon(day: u32) -> u64 {
    u64::from(day) * DAY_MS + 3 * 3_600_000
}

fn version(number: u8, issue_from: Option<u32>, accept_until: Option<u32>) -> CodeVersion {
    let master = CodeMaster::new(number, [number; 32]).unwrap();
    CodeVersion { master, issue_from, accept_until }
}

fn codes(versions: Vec<CodeVersion>) -> PersonCodes {
    PersonCodes::new(versions).unwrap()
}

/// Version 2 is made from day 100 on; version 1 is accepted up to day 109.
fn overlapping() -> PersonCodes {
    codes(vec![version(2, Some(100), None), version(1, None, Some(109))])
}

fn portal() -> Party {
    Party::Portal("mynaportal".into())
}

fn body() -> Party {
    Party::Body("982016".parse().unwrap())
}

fn versions(pair: &CodePair) -> (u8, Option<u8>) {
    (version_of(&pair.current.0), pair.previous.map(|code| version_of(&code.0)))
}

#[test]
fn a_code_leads_to_the_same_person_at_the_other_party() {
    let codes = codes(vec![version(1, None, None)]);
    let at_portal = codes.code(&portal(), 42, 0).unwrap();
    let pair = codes.pair(&body(), codes.person(&portal(), &at_portal, 0).unwrap(), 0).unwrap();
    assert_eq!(codes.person(&body(), &pair.current, 0), Ok(42));
    assert_ne!(at_portal, pair.current);
    assert_eq!(pair.previous, None, "one version lives");
}

#[test]
fn r30_a_foreign_or_invented_code_is_nobody() {
    let codes = overlapping();
    let at_portal = codes.code(&portal(), 42, noon(105)).unwrap();
    assert_eq!(codes.person(&body(), &at_portal, noon(105)), Err(BadCode));
    for (at, change) in [(16, 1), (0, 1), (0, 2), (0, 3)] {
        let mut invented = at_portal;
        invented.0[at] ^= change;
        assert_eq!(codes.person(&portal(), &invented, noon(105)), Err(BadCode), "byte {at}");
    }
}

#[test]
fn a_version_is_accepted_made_overlapped_and_over_by_its_days() {
    let codes = overlapping();
    let at = |day| {
        let pair = codes.pair(&body(), 7, noon(day)).unwrap();
        (versions(&pair), codes.live_versions(noon(day)))
    };
    assert_eq!(at(99), ((1, Some(2)), vec![1, 2]), "to come");
    assert_eq!(at(100), ((2, Some(1)), vec![1, 2]), "current");
    assert_eq!(at(109), ((2, Some(1)), vec![1, 2]), "the last day of the old one");
    assert_eq!(at(110), ((2, None), vec![2]), "alone");
}

/// The first moment of a day is Japan's, not Greenwich's.
#[test]
fn days_begin_in_japan() {
    let codes = overlapping();
    let midnight = 100 * DAY_MS - 9 * 3_600_000;
    assert_eq!(codes.current_version(midnight - 1), Some(1));
    assert_eq!(codes.current_version(midnight), Some(2));
}

#[test]
fn r30_a_code_of_a_version_that_is_over_is_refused_like_an_invented_one() {
    let codes = overlapping();
    let old = codes.code(&portal(), 42, noon(99)).unwrap();
    assert_eq!(version_of(&old.0), 1);
    assert_eq!(codes.person(&portal(), &old, noon(109)), Ok(42));
    assert_eq!(codes.person(&portal(), &old, noon(110)), Err(BadCode));
    assert_eq!(codes.person(&portal(), &PersonCode([1; 17]), noon(109)), Err(BadCode));
}

#[test]
fn of_three_versions_the_one_before_goes_along_and_the_one_to_come_is_accepted() {
    let codes =
        codes(vec![version(1, None, Some(50)), version(2, Some(10), None), version(3, Some(90), None)]);
    assert_eq!(versions(&codes.pair(&body(), 7, noon(20)).unwrap()), (2, Some(1)));
    assert_eq!(versions(&codes.pair(&body(), 7, noon(60)).unwrap()), (2, Some(3)));
    assert_eq!(versions(&codes.pair(&body(), 7, noon(90)).unwrap()), (3, Some(2)));
    assert_eq!(codes.live_versions(noon(60)), [2, 3]);
}

#[test]
fn versions_stand_once_each_and_there_is_one() {
    assert!(PersonCodes::new(Vec::new()).is_none());
    assert!(PersonCodes::new(vec![version(1, None, None), version(1, None, None)]).is_none());
}

proptest! {
    #[test]
    fn r22_any_person_is_the_same_in_every_live_version_and_at_nobody_elses_desk(person: u64, day in 0u32..200) {
        let codes = overlapping();
        let now_ms = noon(day);
        let pair = codes.pair(&body(), person, now_ms).unwrap();
        for code in [Some(pair.current), pair.previous].into_iter().flatten() {
            prop_assert_eq!(codes.person(&body(), &code, now_ms), Ok(person));
            prop_assert_eq!(codes.person(&portal(), &code, now_ms), Err(BadCode));
        }
    }

    #[test]
    fn r30_a_random_code_is_refused_in_every_version(code: [u8; 17], day in 0u32..200) {
        prop_assert_eq!(overlapping().person(&body(), &PersonCode(code), noon(day)), Err(BadCode));
    }
}
