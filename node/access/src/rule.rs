//! One policy, accepted: what it says to people, to whom it applies, and its outcome for any facts.

use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use chukei_wire::result::ResultName;

use crate::attribute::Attribute;
use crate::error::{Fault, PolicyError};
use crate::evaluation::Outcome;
use crate::front::Front;
use crate::limits::{ID_MAX, REASON_MAX, STEP_UP_MAX_S};
use crate::memory::Memory;
use crate::question::Question;
use crate::table::{Table, key};
use crate::text::Piece;
use crate::usage::{Dimension, dimensions};
use crate::vocabulary::{ActionSet, Vocabulary};

/// Results that a policy may name, besides those that belong to a step-up.
const RESULTS: &[ResultName] = &[
    ResultName::Denied,
    ResultName::NotPermitted,
    ResultName::OutsideWindow,
    ResultName::DeviceUnknown,
    ResultName::RoleHasNoDataAccess,
    ResultName::AffairNotAllowed,
    ResultName::TwoPersonRequired,
    ResultName::SameFactorKind,
    ResultName::NotAuthorised,
    ResultName::ProxyExpired,
    ResultName::ProxyScope,
];
const ANNOTATIONS: &[&str] = &["id", "rule", "result", "step_up", "reason_en", "reason_ja"];

/// What a policy does when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Permit,
    Forbid(ResultName),
    /// Forbids, unless a factor of another kind was shown within so many seconds.
    StepUp(u32),
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Shipped.
    Base,
    /// A body's own: it only takes away.
    Body,
}

/// How its outcome is found.
enum Form {
    Table(Table),
    /// By Cedar, remembered under this number, which no other policy ever had.
    Wide(Box<PolicySet>, u64),
}

/// One policy.
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) does: Does,
    pub(crate) reason_en: Box<str>,
    pub(crate) reason_ja: Box<str>,
    pub(crate) rule: Option<Box<str>>,
    pub(crate) actions: ActionSet,
    pub(crate) dimensions: Box<[Dimension]>,
    form: Form,
}

impl Rule {
    /// Reads, validates and compiles one policy.
    pub(crate) fn read(
        vocabulary: &Vocabulary,
        memory: &Memory,
        owner: Owner,
        piece: Piece<'_>,
    ) -> Result<Self, PolicyError> {
        let refused = |fault| PolicyError::new(fault).at(piece.line);
        let policy = Policy::parse(Some(PolicyId::new("policy")), piece.text)
            .map_err(|error| refused(Fault::Syntax).detailed(error.to_string()))?;
        let (id, does, [reason_en, reason_ja]) =
            annotations(&policy, owner).map_err(|error| error.at(piece.line))?;
        let rule = policy.annotation("rule").map(Into::into);
        let json = policy.to_json().map_err(|error| refused(Fault::Syntax).detailed(error.to_string()))?;
        let set = PolicySet::from_policies([policy])
            .map_err(|error| refused(Fault::Invalid).detailed(error.to_string()))?;
        if let Some(finding) = vocabulary.finding(&set) {
            return Err(refused(Fault::Invalid).detailed(finding));
        }
        let unread = || refused(Fault::Invalid).detailed("a form that is not understood");
        let actions = json.get("action").and_then(|scope| vocabulary.scope(scope)).ok_or_else(unread)?;
        let dimensions: Box<[Dimension]> = dimensions(&json).ok_or_else(unread)?.into();
        let form = match Table::fill(vocabulary, &set, actions, &dimensions) {
            Some(table) => Form::Table(table),
            None => Form::Wide(Box::new(set), memory.number()),
        };
        Ok(Self { id, does, reason_en, reason_ja, rule, actions, dimensions, form })
    }

    /// What is looked at before it.
    pub(crate) fn front(&self) -> Front {
        let table = match &self.form {
            Form::Table(table) => Some(table),
            Form::Wide(..) => None,
        };
        Front::new(self.actions, &self.dimensions, table)
    }

    /// What it says.
    pub(crate) fn outcome(&self, question: &Question<'_>) -> Outcome {
        match &self.form {
            Form::Table(table) => table.outcome(&self.dimensions, self.actions, &question.reading),
            Form::Wide(policies, number) => {
                let key = key(*number, &self.dimensions, self.actions, &question.reading);
                key.map_or(Outcome::Fault, |key| {
                    question.memory.outcome(&key, || question.evaluate(policies))
                })
            }
        }
    }

    /// Whether no table holds its outcomes.
    pub(crate) fn is_wide(&self) -> bool {
        matches!(self.form, Form::Wide(..))
    }

    /// What it looks at.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> {
        self.dimensions.iter().map(|dimension| dimension.attribute)
    }

    /// Bytes of its table.
    #[cfg(test)]
    pub(crate) fn table_bytes(&self) -> usize {
        match &self.form {
            Form::Table(table) => table.bytes(),
            Form::Wide(..) => 0,
        }
    }
}

type Annotated = (Arc<str>, Does, [Box<str>; 2]);

fn annotations(policy: &Policy, owner: Owner) -> Result<Annotated, PolicyError> {
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !ANNOTATIONS.contains(name)) {
        return Err(PolicyError::new(Fault::UnknownAnnotation).detailed(name));
    }
    let id = policy.annotation("id").filter(|id| is_id(id)).ok_or(PolicyError::new(Fault::Id))?;
    let reason = |name| {
        let given = policy.annotation(name).filter(|text| is_reason(text));
        given.map(Box::from).ok_or_else(|| PolicyError::new(Fault::Reason).detailed(name))
    };
    let reasons = [reason("reason_en")?, reason("reason_ja")?];
    if policy.annotation("rule").is_some_and(|rule| !is_id(&rule.to_ascii_lowercase())) {
        return Err(PolicyError::new(Fault::Annotation).detailed("rule"));
    }
    let does = match policy.effect() {
        Effect::Permit if owner == Owner::Body => return Err(PolicyError::new(Fault::Widens)),
        Effect::Permit => Does::Permit,
        Effect::Forbid => Does::Forbid(ResultName::Denied),
    };
    Ok((id.into(), does_when_fired(policy, does)?, reasons))
}

fn does_when_fired(policy: &Policy, does: Does) -> Result<Does, PolicyError> {
    match (does, policy.annotation("result"), policy.annotation("step_up")) {
        (does, None, None) => Ok(does),
        (Does::Forbid(_), Some(result), None) => RESULTS
            .iter()
            .find(|name| name.as_str() == result)
            .map(|name| Does::Forbid(*name))
            .ok_or_else(|| PolicyError::new(Fault::Annotation).detailed("result")),
        (Does::Forbid(_), None, Some(seconds)) => seconds
            .parse()
            .ok()
            .filter(|seconds| (1..=STEP_UP_MAX_S).contains(seconds))
            .map(Does::StepUp)
            .ok_or_else(|| PolicyError::new(Fault::Annotation).detailed("step_up")),
        _ => Err(PolicyError::new(Fault::Annotation).detailed("result and step_up")),
    }
}

fn is_id(text: &str) -> bool {
    text.len() <= ID_MAX && chukei_wire::identity::is_name(text)
}

/// One line that says something.
fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= REASON_MAX && !text.chars().any(char::is_control)
}
