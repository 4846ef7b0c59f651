//! The policies in force, and decisions by them.
//!
//! What must hold: a decision is a function of the facts and of the policies in force at its begin; a change is felt by
//! the next one. A body's policies only ever take away from what the shipped ones permit. Whatever cannot be evaluated
//! refuses. Which body an identity may enter at all is no question for policies: typed scopes come first.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

use crate::attribute::Attribute;
use crate::error::PolicyError;
use crate::evaluation;
use crate::explain::Said;
use crate::facts::Facts;
use crate::memory::Memory;
use crate::policies::{self, BodyPolicies};
use crate::question::Question;
use crate::reading::Reading;
use crate::rule::{Does, Rule};
use crate::shelf::Shelf;
use crate::verdict::{Outcome, PolicyVersion, Reason, Verdict};
use crate::vocabulary::Vocabulary;

/// The shipped policies and those of every body.
pub struct PolicyBook {
    vocabulary: Vocabulary,
    memory: Memory,
    shelf: Shelf,
    base: BodyPolicies,
    bodies: ArcSwap<HashMap<BodyCode, Arc<BodyPolicies>>>,
}

impl PolicyBook {
    /// The shipped policies alone. An error means that this build is broken.
    pub fn new() -> Result<Self, PolicyError> {
        let (vocabulary, memory) = (Vocabulary::shipped()?, Memory::new());
        let base = policies::base(&vocabulary, &memory)?;
        Ok(Self { vocabulary, memory, shelf: Shelf::default(), base, bodies: ArcSwap::default() })
    }

    /// Checks a body's policies: limits, syntax, annotations, strict validation. Takes milliseconds for each policy:
    /// not for a thread that serves requests. Nothing is in force before [`Self::put`].
    pub fn check(&self, text: &str) -> Result<BodyPolicies, PolicyError> {
        policies::own(&self.vocabulary, &self.memory, &self.shelf, &self.base, text)
    }

    /// Puts policies in force for a body, in place of those before.
    pub fn put(&self, body: BodyCode, policies: BodyPolicies) {
        let policies = Arc::new(policies);
        self.bodies.rcu(|bodies| {
            let mut bodies = HashMap::clone(bodies);
            bodies.insert(body, policies.clone());
            bodies
        });
    }

    /// Leaves a body with the shipped policies alone.
    pub fn remove(&self, body: BodyCode) {
        self.bodies.rcu(|bodies| {
            let mut bodies = HashMap::clone(bodies);
            bodies.remove(&body);
            bodies
        });
    }

    /// The version of what is in force for a body, or for the platform's own upkeep.
    pub fn version(&self, body: Option<BodyCode>) -> PolicyVersion {
        self.own(body).map_or(self.base.version, |own| own.version)
    }

    /// The actions that policies know, in the order of names. Any other is refused.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.actions().iter().map(|action| &*action.name)
    }

    /// Decides.
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict {
        self.decide_and(facts, |_, _, _| {})
    }

    /// Decides, and shows each policy that was asked with what it said.
    pub(crate) fn decide_and(
        &self,
        facts: &Facts<'_>,
        mut asked: impl FnMut(&Rule, Said, &Reading<'_>),
    ) -> Verdict {
        let own = self.own(facts.operation.body);
        let policy_version = own.as_ref().map_or(self.base.version, |own| own.version);
        let Some(action) = self.vocabulary.action(facts.operation.action) else {
            return Verdict {
                outcome: Outcome::Deny(ResultName::NotPermitted),
                reasons: vec![Reason(Reason::UNLISTED_ACTION.into())],
                policy_version,
            };
        };
        let wide: &[Attribute] = own.as_ref().map_or(&[], |own| &own.wide);
        let question = Question::new(
            &self.vocabulary,
            &self.memory,
            Reading::new(facts, action),
            [&self.base.wide, wide],
        );
        let mut tally = Tally::default();
        let rules = std::iter::once(&self.base).chain(own.as_deref());
        let fronted = rules.flat_map(|policies| policies.fronts.iter().zip(&policies.rules));
        for (front, rule) in fronted.filter(|(front, _)| front.is_for(action)) {
            if front.is_silent(&question.reading) {
                asked(rule, Said::DoesNotApply, &question.reading);
                continue;
            }
            let said = match (rule.outcome(&question), rule.does) {
                (evaluation::Outcome::Silent, _) => Said::DoesNotApply,
                (evaluation::Outcome::Fault, _) => Said::NotEvaluated,
                (_, Does::StepUp(fresh_s))
                    if facts.factors.stepped_up_s.is_some_and(|ago_s| ago_s < fresh_s) =>
                {
                    Said::Lifted
                }
                _ => Said::Applies,
            };
            tally.take(rule, said);
            asked(rule, said, &question.reading);
        }
        tally.verdict(policy_version)
    }

    /// Forgets the remembered outcomes of policies without a table; they are worked out again.
    pub fn forget(&self) {
        self.memory.clear();
    }

    fn own(&self, body: Option<BodyCode>) -> Option<Arc<BodyPolicies>> {
        self.bodies.load().get(&body?).cloned()
    }
}

/// What the policies asked so far have said.
#[derive(Default)]
struct Tally {
    permits: Vec<Reason>,
    refusals: Vec<Reason>,
    /// Of the first refusal.
    result: Option<ResultName>,
    step_ups: Vec<Reason>,
    faults: Vec<Reason>,
}

impl Tally {
    fn take(&mut self, rule: &Rule, said: Said) {
        let heap = match (said, rule.does) {
            (Said::DoesNotApply | Said::Lifted, _) => return,
            (Said::NotEvaluated, _) => &mut self.faults,
            (Said::Applies, Does::Permit) => &mut self.permits,
            (Said::Applies, Does::StepUp(_)) => &mut self.step_ups,
            (Said::Applies, Does::Forbid(result)) => {
                self.result = self.result.or(Some(result));
                &mut self.refusals
            }
        };
        heap.push(Reason(rule.id.clone()));
    }

    fn verdict(mut self, policy_version: PolicyVersion) -> Verdict {
        let (outcome, reasons) = match self.result {
            _ if !self.faults.is_empty() => {
                self.refusals.push(Reason(Reason::NOT_EVALUATED.into()));
                self.refusals.append(&mut self.faults);
                (Outcome::Deny(self.result.unwrap_or(ResultName::Denied)), self.refusals)
            }
            Some(result) => (Outcome::Deny(result), self.refusals),
            None if self.permits.is_empty() => {
                let reasons = vec![Reason(Reason::NOTHING_PERMITS.into())];
                (Outcome::Deny(ResultName::NotPermitted), reasons)
            }
            None if !self.step_ups.is_empty() => (Outcome::StepUp, self.step_ups),
            None => (Outcome::Permit, self.permits),
        };
        Verdict { outcome, reasons, policy_version }
    }
}
