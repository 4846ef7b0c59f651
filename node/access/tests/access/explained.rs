//! Explanations say what decided, and with which inputs.

use chukei_access::explain::{Effect, Said};
use chukei_access::verdict::Reason;
use chukei_access::{Outcome, PolicyBook};
use chukei_wire::result::ResultName;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::made::{Made, body};
use crate::properties::actions;
use crate::random_policies;

#[test]
fn a_refusal_is_explained_in_both_languages_with_what_was_looked_at() {
    let book = PolicyBook::new().unwrap();
    let mut made = Made::new("maintenance", "backup_create");
    made.now_ms += 4 * 3_600_000;
    let explanation = made.facts(|facts| book.explain(facts));
    assert_eq!(explanation.verdict.outcome, Outcome::Deny(ResultName::OutsideWindow));
    let asked = explanation.policies.iter().find(|asked| asked.id.as_str() == "maintenance_window").unwrap();
    assert_eq!((asked.effect, asked.said), (Effect::Forbid, Said::Applies));
    assert_eq!(asked.rule.as_deref(), Some("R6"));
    assert!(asked.reason_en.contains("window") && asked.reason_ja.contains("作業時間外"));
    let shown: Vec<String> =
        asked.inputs.iter().map(|input| format!("{}={}", input.name, input.value)).collect();
    assert_eq!(shown, ["principal.kind=\"maintenance\"", "context.ticket=\"over\""]);
}

#[test]
fn what_would_permit_is_shown_where_nothing_does() {
    let book = PolicyBook::new().unwrap();
    let explanation = Made::new("staff", "keys_rotate").facts(|facts| book.explain(facts));
    assert_eq!(explanation.verdict.reasons[0].as_str(), Reason::NOTHING_PERMITS);
    let would: Vec<&str> = explanation
        .policies
        .iter()
        .filter(|asked| asked.effect == Effect::Permit)
        .map(|asked| asked.id.as_str())
        .collect();
    assert_eq!(would, ["administrators_change_rights"]);
}

#[test]
fn a_lifted_step_up_is_shown_as_lifted() {
    let book = PolicyBook::new().unwrap();
    let made = Made::new("staff", "keys_rotate").with_roles(&["administrator"]).stepped_up(10);
    let explanation = made.facts(|facts| book.explain(facts));
    assert_eq!(explanation.verdict.outcome, Outcome::Permit);
    let lifted = explanation.policies.iter().find(|asked| asked.said == Said::Lifted).unwrap();
    assert_eq!(lifted.id.as_str(), "privileged_fresh_factor");
}

#[test]
fn an_unlisted_action_has_no_policies_to_show() {
    let book = PolicyBook::new().unwrap();
    let explanation = Made::new("staff", "data").facts(|facts| book.explain(facts));
    assert_eq!(explanation.verdict.reasons[0].as_str(), Reason::UNLISTED_ACTION);
    assert!(explanation.policies.is_empty());
}

#[test]
fn an_explanation_never_differs_from_the_decision() {
    let book = PolicyBook::new().unwrap();
    let (mut rng, actions) = (StdRng::seed_from_u64(5), actions(&book));
    let text: String = (0..30)
        .map(|number| random_policies::policy(&mut rng, number))
        .filter(|policy| book.check(policy).is_ok_and(|checked| checked.wide() == 0))
        .collect();
    book.put(body("982016"), book.check(&text).unwrap());
    for _ in 0..5_000 {
        let made = Made::random(&mut rng, &actions);
        let (verdict, explanation) = made.facts(|facts| (book.decide(facts), book.explain(facts)));
        assert_eq!(verdict, explanation.verdict);
        for reason in verdict.reasons.iter().filter(|reason| !Reason::RESERVED.contains(&reason.as_str())) {
            let asked = explanation.policies.iter().find(|asked| asked.id == *reason).unwrap();
            assert!(matches!(asked.said, Said::Applies | Said::NotEvaluated));
        }
    }
}
