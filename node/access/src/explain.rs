//! Why a request is allowed or refused, for people: which policies were asked, what they said, and what they looked at.
//!
//! What must hold: an explanation goes through the very decision that it explains. It shows inputs by name and value:
//! names of staff, devices and tickets, and nothing of any person concerned, because no fact has it.

use std::fmt;

use crate::book::PolicyBook;
use crate::facts::Facts;
use crate::reading::{Reading, Value};
use crate::rule::{Does, Rule};
use crate::usage::Dimension;
use crate::verdict::{Reason, Verdict};

/// A decision with all that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub verdict: Verdict,
    /// Every policy for this action, in order.
    pub policies: Vec<Asked>,
}

/// A policy that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: Reason,
    /// The rule it keeps, e.g. `R15`, where it names one.
    pub rule: Option<String>,
    /// What it does when it applies.
    pub effect: Effect,
    /// What it said.
    pub said: Said,
    /// Why it is there, in English.
    pub reason_en: String,
    /// Why it is there, in Japanese.
    pub reason_ja: String,
    /// What it looked at.
    pub inputs: Vec<Input>,
}

/// What a policy does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It permits.
    Permit,
    /// It refuses.
    Forbid,
    /// It refuses unless a further factor was shown lately.
    StepUp,
}

/// What a policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It applies.
    Applies,
    /// It applies, and a further factor lifts it.
    Lifted,
    /// It does not apply.
    DoesNotApply,
    /// It could not be evaluated, which refuses.
    NotEvaluated,
}

/// A value that a policy looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in policies, e.g. `context.minute`.
    pub name: &'static str,
    /// Its value, as policies write it.
    pub value: String,
}

impl PolicyBook {
    /// Explains the decision on `facts`.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let mut policies = Vec::new();
        let verdict = self.decide_and(facts, |rule, said, reading| policies.push(asked(rule, said, reading)));
        Explanation { verdict, policies }
    }
}

fn asked(rule: &Rule, said: Said, reading: &Reading<'_>) -> Asked {
    let input = |dimension: &Dimension| Input {
        name: dimension.attribute.path(),
        value: reading.value(dimension.attribute).to_string(),
    };
    Asked {
        id: Reason(rule.id.clone()),
        rule: rule.rule.as_deref().map(str::to_owned),
        effect: match rule.does {
            Does::Permit => Effect::Permit,
            Does::Forbid(_) => Effect::Forbid,
            Does::StepUp(_) => Effect::StepUp,
        },
        said,
        reason_en: rule.reason_en.to_string(),
        reason_ja: rule.reason_ja.to_string(),
        inputs: rule.dimensions.iter().map(input).collect(),
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Texts(values) => write!(f, "{:?}", values.sorted()),
        }
    }
}
