//! Factors of one connection: each kind once, each challenge once, and nothing younger than it is.

use chukei_domain::register::FactorKind::{Biometrics, Knowledge, Possession};

use super::*;

const NOW_MS: u64 = 1_795_219_200_000;

fn factor(name: &str, kind: register::FactorKind) -> Factor {
    Factor { name: name.to_owned(), kind, public: vec![7; 32], stretch: None }
}

fn later(moment: Moment, monotone_s: u64, said_s: u64) -> Moment {
    Moment {
        instant: moment.instant + Duration::from_secs(monotone_s),
        unix_ms: moment.unix_ms + said_s * 1_000,
    }
}

#[test]
fn r5_the_certificate_is_possession_and_a_second_factor_is_of_another_kind() {
    let (session, now) = (Session::default(), Moment::now(NOW_MS));
    assert_eq!(session.shown(now, |_| true), ShownFactors::certificate());
    let token = factor("token", Possession);
    assert_eq!(session.proven(token.clone(), now), Err(ResultName::SameFactorKind));
    assert_eq!(session.challenge(&token, now), Err(ResultName::SameFactorKind.into()));
    session.proven(factor("finger", Biometrics), now).unwrap();
    let face = factor("face", Biometrics);
    assert_eq!(session.proven(face, now), Err(ResultName::SameFactorKind));
    session.proven(factor("pin", Knowledge), now).unwrap();
    let shown = session.shown(now, |_| true);
    assert_eq!(shown.facts().shown, [FactorKind::Possession, FactorKind::Biometrics, FactorKind::Knowledge]);
    assert_eq!(shown.facts().stepped_up_s, Some(0));
}

#[test]
fn r6_a_proof_is_as_old_as_the_slower_clock_says_and_another_one_is_fresh() {
    let (session, now) = (Session::default(), Moment::now(NOW_MS));
    let finger = factor("finger", Biometrics);
    session.proven(finger.clone(), now).unwrap();
    let age = |at| session.shown(at, |_| true).facts().stepped_up_s;
    assert_eq!(age(later(now, 30, 0)), Some(30));
    assert_eq!(age(later(now, 0, 40)), Some(40));
    let back = Moment { unix_ms: NOW_MS - 5_000, ..later(now, 50, 0) };
    assert_eq!(age(back), Some(50));
    let again = later(now, 60, 60);
    session.proven(finger, again).unwrap();
    assert_eq!(age(again), Some(0));
    assert_eq!(session.shown(again, |_| true).facts().shown.len(), 2);
}

#[test]
fn r6_a_factor_that_its_owner_s_entry_holds_no_more_was_never_shown() {
    let (session, now) = (Session::default(), Moment::now(NOW_MS));
    session.proven(factor("finger", Biometrics), now).unwrap();
    assert_eq!(session.shown(now, |_| false), ShownFactors::certificate());
    let replaced = |held: &Factor| held.public == [8; 32];
    assert_eq!(session.shown(now, replaced), ShownFactors::certificate());
}

#[test]
fn a_challenge_counts_once_soon_and_for_its_factor() {
    let (session, now) = (Session::default(), Moment::now(NOW_MS));
    let finger = factor("finger", Biometrics);
    let first = session.challenge(&finger, now).unwrap();
    assert_eq!(session.redeem("finger", &first, now), Ok(()));
    assert_eq!(session.redeem("finger", &first, now), Err(ResultName::Replay));
    let former = session.challenge(&finger, now).unwrap();
    let second = session.challenge(&finger, now).unwrap();
    assert_eq!(session.redeem("finger", &former, now), Err(ResultName::Replay));
    assert_eq!(session.redeem("finger", &second, now), Err(ResultName::Replay), "spent by the try before");
    let another = session.challenge(&finger, now).unwrap();
    assert_eq!(session.redeem("pin", &another, now), Err(ResultName::Replay));
    let late = session.challenge(&finger, now).unwrap();
    assert_eq!(session.redeem("finger", &late, later(now, 121, 0)), Err(ResultName::Expired));
}

#[test]
fn the_fifth_failed_try_is_one_too_many() {
    let session = Session::default();
    let tries: Vec<bool> = (0..5).map(|_| session.failed()).collect();
    assert_eq!(tries, [false, false, false, false, true]);
    let (finger, now) = (factor("finger", Biometrics), Moment::now(NOW_MS));
    assert_eq!(session.challenge(&finger, now), Err(ResultName::Denied.into()));
    assert_eq!(session.redeem("finger", &[0; 32], now), Err(ResultName::Denied));
}
