//! What a table or memory says is what Cedar says, for any facts and any policies.

use chukei_access::{Outcome, PolicyBook};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::made::{Made, body};
use crate::oracle::Oracle;
use crate::random_policies;

pub(crate) fn actions(book: &PolicyBook) -> Vec<String> {
    book.actions().map(str::to_owned).chain(["data", "drop_tables", "", "\"\\"].map(str::to_owned)).collect()
}

/// The outcome and the reasons by the book.
pub(crate) fn decided(book: &PolicyBook, made: &Made) -> (Outcome, Vec<String>) {
    let verdict = made.facts(|facts| book.decide(facts));
    (verdict.outcome, verdict.reasons.iter().map(ToString::to_string).collect())
}

/// Two answers that must be equal: policies that fail are listed by the book in the order of the text, by the oracle
/// with permits last.
fn same(mut ours: (Outcome, Vec<String>), mut theirs: (Outcome, Vec<String>), made: &Made) {
    for reasons in [&mut ours.1, &mut theirs.1] {
        if let Some(at) = reasons.iter().position(|reason| reason == "not_evaluated") {
            reasons[at..].sort();
        }
    }
    assert_eq!(ours, theirs, "{made:#?}");
}

#[test]
fn shipped_policies_decide_as_cedar_does() {
    let (book, oracle) = (PolicyBook::new().unwrap(), Oracle::new(""));
    let (mut rng, actions) = (StdRng::seed_from_u64(1), actions(&book));
    let mut permitted = 0;
    for _ in 0..3_000 {
        let made = Made::random(&mut rng, &actions);
        let ours = decided(&book, &made);
        permitted += usize::from(ours.0 == Outcome::Permit);
        same(ours, oracle.decide(&made), &made);
    }
    assert!(permitted > 100, "the facts are too seldom in order: {permitted}");
}

#[test]
fn random_policies_decide_as_cedar_does_before_and_after_every_change() {
    let book = PolicyBook::new().unwrap();
    let (mut rng, actions) = (StdRng::seed_from_u64(2), actions(&book));
    let (mut accepted, mut wide, mut not_evaluated) = (0, 0, 0);
    for round in 0..60 {
        let policies: Vec<String> = (0..12).map(|number| random_policies::policy(&mut rng, number)).collect();
        // Some are refused, as never applying or comparing what cannot be compared.
        let sound: Vec<&str> =
            policies.iter().map(String::as_str).filter(|policy| book.check(policy).is_ok()).collect();
        let text = sound.concat();
        let Ok(checked) = book.check(&text) else { continue };
        accepted += checked.count();
        wide += checked.wide();
        book.put(body("982016"), checked);
        let oracle = Oracle::new(&text);
        for _ in 0..60 {
            let mut made = Made::random(&mut rng, &actions);
            made.target = Some(body("982016"));
            let ours = decided(&book, &made);
            not_evaluated += usize::from(ours.1.iter().any(|reason| reason == "not_evaluated"));
            assert_eq!(decided(&book, &made), ours, "remembered, round {round}");
            same(ours, oracle.decide(&made), &made);
        }
        if round % 10 == 9 {
            book.forget();
        }
    }
    assert!(accepted > 200 && wide > 20 && not_evaluated > 20, "{accepted} {wide} {not_evaluated}");
}

#[test]
fn a_bodys_policies_never_permit_what_the_shipped_ones_refuse() {
    let (book, base) = (PolicyBook::new().unwrap(), PolicyBook::new().unwrap());
    let (mut rng, actions) = (StdRng::seed_from_u64(3), actions(&book));
    let mut narrowed = 0;
    for _ in 0..40 {
        let text: String = (0..8)
            .map(|number| random_policies::policy(&mut rng, number))
            .filter(|policy| book.check(policy).is_ok())
            .collect();
        let Ok(checked) = book.check(&text) else { continue };
        book.put(body("982016"), checked);
        for _ in 0..200 {
            let made = Made::random(&mut rng, &actions);
            let (ours, shipped) = (decided(&book, &made).0, decided(&base, &made).0);
            let rank = |outcome| match outcome {
                Outcome::Permit => 2,
                Outcome::StepUp => 1,
                Outcome::Deny(_) => 0,
            };
            assert!(rank(ours) <= rank(shipped), "{made:#?}");
            narrowed += usize::from(rank(ours) < rank(shipped));
        }
    }
    assert!(narrowed > 50, "{narrowed}");
}
