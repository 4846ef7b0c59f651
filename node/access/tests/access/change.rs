//! A changed policy, right or signal is felt by the very next operation.

use chukei_access::facts::Health;
use chukei_access::{Outcome, PolicyBook};
use chukei_wire::result::ResultName;

use crate::made::{Made, affair, body};
use crate::properties::decided;

fn forbids(id: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\") @reason_en(\"test\") @reason_ja(\"試験\") forbid (principal, action, resource) when {{ {condition} }};"
    )
}

#[test]
fn the_next_decision_knows_the_policies_that_were_just_put_in_force() {
    let book = PolicyBook::new().unwrap();
    let (own, made) = (body("982016"), Made::new("staff", "copy_show"));
    let version = || made.facts(|facts| book.decide(facts)).policy_version;
    let shipped = version();
    // Tables and memory alike.
    for condition in ["principal.department == \"zeimu\"", "principal.department like \"ze*\""] {
        let (text, other) = (forbids("a", condition), forbids("a", &condition.replace("ze", "fu")));
        for _ in 0..3 {
            book.put(own, book.check(&text).unwrap());
            assert_eq!(decided(&book, &made).0, Outcome::Deny(ResultName::Denied));
            let with = version();
            book.put(own, book.check(&other).unwrap());
            assert_eq!(decided(&book, &made).0, Outcome::Permit);
            assert_ne!(version(), with);
            book.put(own, book.check(&text).unwrap());
            assert_eq!((decided(&book, &made).0, version()), (Outcome::Deny(ResultName::Denied), with));
            book.remove(own);
            assert_eq!((decided(&book, &made).0, version()), (Outcome::Permit, shipped));
        }
    }
}

#[test]
fn the_next_decision_knows_health_and_rights_r6() {
    let book = PolicyBook::new().unwrap();
    let mut made = Made::new("staff", "copy_show");
    assert_eq!(decided(&book, &made).0, Outcome::Permit);
    made.device.as_mut().unwrap().2 = Health::Unhealthy;
    assert_eq!(decided(&book, &made), (Outcome::Deny(ResultName::Denied), vec!["device_healthy".to_owned()]));
    made.device.as_mut().unwrap().2 = Health::Healthy;
    made.affairs = vec![affair(crate::made::CARE)];
    assert_eq!(decided(&book, &made).0, Outcome::Deny(ResultName::AffairNotAllowed));
}

#[test]
fn a_change_is_whole_for_those_who_decide_meanwhile() {
    let book = PolicyBook::new().unwrap();
    let own = body("982016");
    let (all, none) = (forbids("a", "context.minute >= 0"), forbids("a", "context.minute < 0"));
    std::thread::scope(|scope| {
        let deciding: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let made = Made::new("staff", "copy_show");
                    let mut seen = std::collections::BTreeMap::new();
                    for _ in 0..5_000 {
                        let verdict = made.facts(|facts| book.decide(facts));
                        let before = seen.insert(verdict.policy_version, verdict.outcome);
                        assert!(
                            before.is_none_or(|before| before == verdict.outcome),
                            "one version, one outcome"
                        );
                    }
                })
            })
            .collect();
        for text in [&all, &none].into_iter().cycle().take(20) {
            book.put(own, book.check(text).unwrap());
        }
        deciding.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn versions_name_the_texts() {
    let book = PolicyBook::new().unwrap();
    let (a, b) = (forbids("a", "context.minute < 0"), forbids("b", "context.minute < 0"));
    let version = |text: &str| book.check(text).unwrap().version();
    assert_eq!(version(&a), version(&a));
    assert_ne!(version(&a), version(&b));
    assert_ne!(version(&a), version(&format!("{a}\n")));
    assert_eq!(version(&a).to_string().len(), 16);
    assert_eq!(PolicyBook::new().unwrap().version(None), book.version(None));
    assert_ne!(version(""), book.version(None), "no text and an empty one are two states");
}
