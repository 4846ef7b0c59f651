//! One policy on one sample of values, by Cedar.
//!
//! A sample has what the policy looks at: the rest cannot make a difference to it. Whatever Cedar reports besides
//! the policy's outcome is [`Outcome::Fault`], because Cedar itself passes over a `forbid` that fails.

use std::collections::HashSet;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

use crate::attribute::{Attribute, Part};
use crate::reading::Value;
use crate::vocabulary::Vocabulary;

/// What a policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It does not apply.
    Silent,
    /// It applies: it permits or forbids.
    Fires,
    /// It could not be evaluated.
    Fault,
}

/// A value of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    Bool(bool),
    Long(i64),
    Text(String),
    Texts(Vec<String>),
}

/// The values that one policy looks at.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// The action's place in the schema's list.
    pub(crate) action: usize,
    pub(crate) values: Vec<(Attribute, Owned)>,
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Long(value) => Self::Long(value),
            Value::Text(value) => Self::Text(value.to_owned()),
            Value::Texts(value) => Self::Texts(value.sorted().into_iter().map(str::to_owned).collect()),
        }
    }
}

impl Owned {
    fn expression(&self) -> RestrictedExpression {
        let text = |text: &String| RestrictedExpression::new_string(text.clone());
        match self {
            Self::Bool(value) => RestrictedExpression::new_bool(*value),
            Self::Long(value) => RestrictedExpression::new_long(*value),
            Self::Text(value) => text(value),
            Self::Texts(values) => RestrictedExpression::new_set(values.iter().map(text)),
        }
    }
}

impl Sample {
    /// An entity's own id: it matters only to policies that name the entity.
    fn id(&self, entity: Attribute) -> &str {
        self.values
            .iter()
            .find_map(|(attribute, value)| match value {
                Owned::Text(id) if *attribute == entity => Some(id.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn on(&self, part: Part) -> impl Iterator<Item = (String, RestrictedExpression)> {
        self.values.iter().filter_map(move |(attribute, value)| {
            let (_, name, _) = attribute.place().filter(|(on, ..)| *on == part)?;
            Some((name.to_owned(), value.expression()))
        })
    }
}

/// What the one policy of `policies` says about a request; without a request, that it cannot be evaluated.
pub(crate) fn outcome(asked: Option<&(Request, Entities)>, policies: &PolicySet) -> Outcome {
    let Some((request, entities)) = asked else { return Outcome::Fault };
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let diagnostics = response.diagnostics();
    if diagnostics.errors().next().is_some() {
        Outcome::Fault
    } else if diagnostics.reason().next().is_some() {
        Outcome::Fires
    } else {
        Outcome::Silent
    }
}

/// The sample as Cedar has it.
pub(crate) fn request(vocabulary: &Vocabulary, sample: &Sample) -> Option<(Request, Entities)> {
    let action = vocabulary.actions().get(sample.action)?;
    let uid = |name: &EntityTypeName, entity| {
        EntityUid::from_type_name_and_id(name.clone(), EntityId::new(sample.id(entity)))
    };
    let (identity, target) =
        (uid(&vocabulary.identity, Attribute::Identity), uid(&vocabulary.target, Attribute::Target));
    let entity =
        |uid: &EntityUid, part| Entity::new(uid.clone(), sample.on(part).collect(), HashSet::new()).ok();
    let all = [entity(&identity, Part::Principal)?, entity(&target, Part::Resource)?, action.entity.clone()];
    let entities = Entities::from_entities(all, None).ok()?;
    let context = Context::from_pairs(sample.on(Part::Context)).ok()?;
    let request = Request::new(identity, action.uid.clone(), target, context, None).ok()?;
    Some((request, entities))
}
