//! The shipped schema: which actions there are, in which groups, and the strict validation of policies against it.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::{Entity, EntityTypeName, EntityUid, PolicySet, Schema, ValidationMode, Validator};
use serde_json::Value as Json;

use crate::error::{Fault, PolicyError};

pub(crate) const SCHEMA: &str = include_str!("../policies/schema.cedarschema");
/// A policy's actions are kept as a set of 64.
const ACTIONS_MAX: usize = 64;

/// A set of actions, one bit each.
pub(crate) type ActionSet = u64;

/// One action of the schema.
pub(crate) struct Action {
    pub(crate) name: Box<str>,
    pub(crate) uid: EntityUid,
    /// With its groups, all of them as direct parents.
    pub(crate) entity: Entity,
}

/// The schema, taken apart.
pub(crate) struct Vocabulary {
    validator: Validator,
    actions: Vec<Action>,
    /// Actions and groups, by name.
    sets: BTreeMap<String, ActionSet>,
    pub(crate) identity: EntityTypeName,
    pub(crate) target: EntityTypeName,
}

impl Vocabulary {
    /// The shipped schema.
    pub(crate) fn shipped() -> Result<Self, PolicyError> {
        let wrong = |detail: String| PolicyError::new(Fault::Schema).detailed(detail);
        let (schema, warnings) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| wrong(error.to_string()))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(wrong(warning.to_string()));
        }
        let entities = schema.action_entities().map_err(|error| wrong(error.to_string()))?;
        let mut uids: Vec<EntityUid> = schema
            .request_envs()
            .map(|environment| environment.action().clone())
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        uids.sort_by(|a, b| a.id().unescaped().cmp(b.id().unescaped()));
        if uids.len() > ACTIONS_MAX {
            return Err(wrong(format!("more than {ACTIONS_MAX} actions")));
        }
        let mut sets: BTreeMap<String, ActionSet> = BTreeMap::new();
        let mut actions = Vec::with_capacity(uids.len());
        for (place, uid) in uids.into_iter().enumerate() {
            let above: HashSet<EntityUid> =
                entities.ancestors(&uid).map(|above| above.cloned().collect()).unwrap_or_default();
            for name in above.iter().chain([&uid]) {
                *sets.entry(name.id().unescaped().to_owned()).or_default() |= 1 << place;
            }
            let entity = Entity::new_no_attrs(uid.clone(), above);
            actions.push(Action { name: uid.id().unescaped().into(), uid, entity });
        }
        Ok(Self {
            validator: Validator::new(schema),
            actions,
            sets,
            identity: "Identity".parse().map_err(|_| wrong("no type Identity".to_owned()))?,
            target: "Target".parse().map_err(|_| wrong("no type Target".to_owned()))?,
        })
    }

    /// Every action, in the order of names.
    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The place of the action of this name.
    pub(crate) fn action(&self, name: &str) -> Option<usize> {
        self.actions.binary_search_by(|action| (*action.name).cmp(name)).ok()
    }

    /// The actions that a policy's scope admits, from the JSON form of the scope.
    pub(crate) fn scope(&self, scope: &Json) -> Option<ActionSet> {
        let id = |entity: &Json| entity.get("id").and_then(Json::as_str).map(str::to_owned);
        let named = |entity: &Json| self.sets.get(&id(entity)?).copied();
        match scope.get("op").and_then(Json::as_str)? {
            "All" => Some(self.sets.values().fold(0, |all, set| all | set)),
            "==" | "in" => match (scope.get("entity"), scope.get("entities")) {
                (Some(entity), _) => named(entity),
                (None, Some(entities)) => {
                    entities.as_array()?.iter().try_fold(0, |all, entity| named(entity).map(|set| all | set))
                }
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// What strict validation finds, its warnings included; `None` is nothing.
    pub(crate) fn finding(&self, policies: &PolicySet) -> Option<String> {
        let result = self.validator.validate(policies, ValidationMode::Strict);
        let error = result.validation_errors().map(ToString::to_string).next();
        error.or_else(|| result.validation_warnings().map(ToString::to_string).next())
    }
}

#[cfg(test)]
mod tests;
