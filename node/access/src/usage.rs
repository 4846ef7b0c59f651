//! What a policy looks at, and how finely: read off its own syntax tree.
//!
//! What must hold: two sets of facts that agree on every class named here cannot make a difference to the policy. A
//! number that is only compared with literals matters by the interval it lies in; a text or a set of texts that is only
//! compared with literals, by which of them it equals or contains; whatever is used in another way matters exactly.
//! A form that is not known here is never guessed at: the policy is not accepted.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::attribute::{Attribute, Part, Type};

/// Members that are told apart in all their combinations; sets asked for more matter exactly.
const MEMBERS_MAX: usize = 10;

/// Forms that look at what is within them as it is. Extension types are not among them: no attribute has one.
const PLAIN: &[&str] = &[
    "!",
    "neg",
    "&&",
    "||",
    "+",
    "-",
    "*",
    "in",
    "is",
    "has",
    "isEmpty",
    "if-then-else",
    "Set",
    "Record",
    ".",
];

/// How an attribute matters to one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Classes {
    /// True or false.
    Bool,
    /// Compared with these numbers only, in ascending order.
    Longs(Box<[i64]>),
    /// Compared with these texts only.
    Texts(Box<[Box<str>]>),
    /// Asked for these members only.
    Members(Box<[Box<str>]>),
    /// Which action it is.
    Actions,
    /// By its very value.
    Exact,
}

/// One attribute as one policy looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dimension {
    pub(crate) attribute: Attribute,
    pub(crate) classes: Classes,
}

/// Literals that an attribute is compared with.
#[derive(Default)]
struct Use {
    numbers: BTreeSet<i64>,
    texts: BTreeSet<String>,
    exact: bool,
}

/// What the policy of this tree (the JSON form of Cedar) looks at, its action's scope apart; `None` where the tree
/// has a form that is not known here.
pub(crate) fn dimensions(policy: &Json) -> Option<Vec<Dimension>> {
    let mut found = Found::default();
    for (scope, entity) in [("principal", Attribute::Identity), ("resource", Attribute::Target)] {
        found.scope(policy.get(scope)?, entity)?;
    }
    for condition in policy.get("conditions").and_then(Json::as_array)? {
        found.expression(condition.get("body")?)?;
    }
    Some(found.0.into_iter().map(|(attribute, usage)| dimension(attribute, usage)).collect())
}

fn dimension(attribute: Attribute, usage: Use) -> Dimension {
    let texts = || usage.texts.iter().map(|text| text.as_str().into()).collect();
    let classes = match (attribute, attribute.place()) {
        (Attribute::Action, _) => Classes::Actions,
        (_, Some((_, _, Type::Bool))) => Classes::Bool,
        _ if usage.exact => Classes::Exact,
        (_, Some((_, _, Type::Long))) => Classes::Longs(usage.numbers.into_iter().collect()),
        (_, Some((_, _, Type::Texts))) if usage.texts.len() > MEMBERS_MAX => Classes::Exact,
        (_, Some((_, _, Type::Texts))) => Classes::Members(texts()),
        _ => Classes::Texts(texts()),
    };
    Dimension { attribute, classes }
}

#[derive(Default)]
struct Found(BTreeMap<Attribute, Use>);

impl Found {
    fn of(&mut self, attribute: Attribute) -> &mut Use {
        self.0.entry(attribute).or_default()
    }

    /// `principal`, `principal == E` and `principal is T`; any other scope looks at the entity exactly.
    fn scope(&mut self, scope: &Json, entity: Attribute) -> Option<()> {
        match scope.get("op").and_then(Json::as_str)? {
            "All" => {}
            "==" => {
                let id = entity_id(scope.get("entity")?)?;
                self.of(entity).texts.insert(id.to_owned());
            }
            "is" if scope.get("in").is_none() => {}
            _ => self.of(entity).exact = true,
        }
        Some(())
    }

    fn expression(&mut self, expression: &Json) -> Option<()> {
        if let Some(attribute) = reference(expression) {
            // Alone: a truth value has two classes anyway, anything else is looked at as it is.
            self.of(attribute).exact = true;
            return Some(());
        }
        let (operator, operands) = only_entry(expression)?;
        match operator {
            "Value" | "Slot" => Some(()),
            "Var" => self.whole(operands),
            "<" | "<=" | ">" | ">=" | "==" | "!=" => self.compared(operands).or_else(|| self.each(operands)),
            "contains" => self.contains(operands).or_else(|| self.each(operands)),
            "containsAny" | "containsAll" => self.contains_several(operands).or_else(|| self.each(operands)),
            "like" => self.expression(operands.get("left")?),
            operator if PLAIN.contains(&operator) => self.each(operands),
            _ => None,
        }
    }

    /// A part of the request as one value: everything on it matters.
    fn whole(&mut self, name: &Json) -> Option<()> {
        let part = match name.as_str()? {
            "principal" => Part::Principal,
            "resource" => Part::Resource,
            "context" => Part::Context,
            "action" => {
                self.of(Attribute::Action);
                return Some(());
            }
            _ => return None,
        };
        match part {
            Part::Principal => self.of(Attribute::Identity).exact = true,
            Part::Resource => self.of(Attribute::Target).exact = true,
            Part::Context => {}
        }
        let on_part = |attribute: &&Attribute| attribute.place().is_some_and(|(on, ..)| on == part);
        for attribute in Attribute::ALL.iter().filter(on_part) {
            self.of(*attribute).exact = true;
        }
        Some(())
    }

    /// A comparison of an attribute, or of the identity, with a literal.
    fn compared(&mut self, operands: &Json) -> Option<()> {
        let (left, right) = (operands.get("left")?, operands.get("right")?);
        let (attribute, literal) = match (reference(left), reference(right)) {
            (Some(attribute), None) => (attribute, right),
            (None, Some(attribute)) => (attribute, left),
            _ => return self.entity_compared(left, right),
        };
        self.against(attribute, literal)
    }

    /// A number or a text is held against a literal of its type.
    fn against(&mut self, attribute: Attribute, literal: &Json) -> Option<()> {
        match attribute.place()?.2 {
            Type::Long => {
                let number = long(literal)?;
                self.of(attribute).numbers.insert(number);
            }
            Type::Text => {
                let text = text(literal)?.to_owned();
                self.of(attribute).texts.insert(text);
            }
            Type::Bool | Type::Texts => return None,
        }
        Some(())
    }

    /// `principal == Identity::"…"`; comparisons of actions need no literals, as there are only so many.
    fn entity_compared(&mut self, left: &Json, right: &Json) -> Option<()> {
        let (variable, literal) = match (variable(left), variable(right)) {
            (Some(name), None) => (name, right),
            (None, Some(name)) => (name, left),
            _ => return None,
        };
        let id = entity_id(literal.get("Value")?.get("__entity")?)?.to_owned();
        match variable {
            "principal" => self.of(Attribute::Identity).texts.insert(id),
            "resource" => self.of(Attribute::Target).texts.insert(id),
            _ => return None,
        };
        Some(())
    }

    /// `principal.roles.contains("x")` and `["x", "y"].contains(principal.kind)`.
    fn contains(&mut self, operands: &Json) -> Option<()> {
        let (left, right) = (operands.get("left")?, operands.get("right")?);
        if let Some(attribute) = reference(left) {
            let text = text(right)?.to_owned();
            self.of(attribute).texts.insert(text);
            return Some(());
        }
        let attribute = reference(right)?;
        literals(left)?.iter().try_for_each(|literal| self.against(attribute, literal))?;
        // Of an empty list nothing is remembered, and nothing depends on the attribute.
        self.of(attribute);
        Some(())
    }

    /// `principal.roles.containsAny(["x", "y"])`.
    fn contains_several(&mut self, operands: &Json) -> Option<()> {
        let attribute = reference(operands.get("left")?)?;
        let texts: Option<Vec<&str>> = literals(operands.get("right")?)?.iter().map(text).collect();
        let owned = texts?.into_iter().map(str::to_owned);
        self.of(attribute).texts.extend(owned);
        Some(())
    }

    /// Every expression below, whatever the form is.
    fn each(&mut self, json: &Json) -> Option<()> {
        match json {
            Json::Array(items) => items.iter().try_for_each(|item| self.below(item)),
            Json::Object(fields) => fields.values().try_for_each(|value| self.below(value)),
            _ => Some(()),
        }
    }

    fn below(&mut self, json: &Json) -> Option<()> {
        match json {
            Json::Object(_) => self.expression(json),
            Json::Array(_) => self.each(json),
            _ => Some(()),
        }
    }
}

fn only_entry(json: &Json) -> Option<(&str, &Json)> {
    let object = json.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, value)| (name.as_str(), value))
}

fn variable(json: &Json) -> Option<&str> {
    json.get("Var").and_then(Json::as_str)
}

/// An attribute of the schema, taken from one of the request's parts.
fn reference(json: &Json) -> Option<Attribute> {
    let access = json.get(".")?;
    let part = match variable(access.get("left")?)? {
        "principal" => Part::Principal,
        "resource" => Part::Resource,
        "context" => Part::Context,
        _ => return None,
    };
    Attribute::find(part, access.get("attr").and_then(Json::as_str)?)
}

fn text(json: &Json) -> Option<&str> {
    json.get("Value").and_then(Json::as_str)
}

fn long(json: &Json) -> Option<i64> {
    match json.get("neg").and_then(|negated| negated.get("arg")) {
        Some(negated) => negated.get("Value").and_then(Json::as_i64)?.checked_neg(),
        None => json.get("Value").and_then(Json::as_i64),
    }
}

/// The members of a set of literals, in either of its two forms.
fn literals(json: &Json) -> Option<&Vec<Json>> {
    json.get("Set").and_then(Json::as_array)
}

fn entity_id(json: &Json) -> Option<&str> {
    json.get("id").and_then(Json::as_str)
}

#[cfg(test)]
mod tests;
