//! Policies that are in force together: the shipped ones, and those of one body.

use std::collections::BTreeSet;
use std::sync::Arc;

use chukei_crypto::hash::sha256_parts;

use crate::attribute::Attribute;
use crate::error::{Fault, PolicyError};
use crate::front::Front;
use crate::limits::WIDE_MAX;
use crate::memory::Memory;
use crate::rule::{Owner, Rule};
use crate::shelf::Shelf;
use crate::text::{Piece, pieces};
use crate::verdict::{PolicyVersion, Reason};
use crate::vocabulary::{SCHEMA, Vocabulary};

/// The shipped policies, in the order in which their results count.
const BASE: &[&str] = &[
    include_str!("../policies/1-identities.cedar"),
    include_str!("../policies/2-devices-and-places.cedar"),
    include_str!("../policies/3-functions-and-rights.cedar"),
    include_str!("../policies/4-factors-and-patterns.cedar"),
    include_str!("../policies/5-permits.cedar"),
];

/// The policies of one body, checked and ready to be put in force.
pub struct BodyPolicies {
    pub(crate) rules: Box<[Arc<Rule>]>,
    /// Of each of them, in one piece.
    pub(crate) fronts: Box<[Front]>,
    /// What the policies without a table look at.
    pub(crate) wide: Box<[Attribute]>,
    pub(crate) version: PolicyVersion,
}

impl BodyPolicies {
    fn new(rules: Vec<Arc<Rule>>, version: PolicyVersion) -> Self {
        let wide: BTreeSet<Attribute> =
            rules.iter().filter(|rule| rule.is_wide()).flat_map(|rule| rule.attributes()).collect();
        let fronts = rules.iter().map(|rule| rule.front()).collect();
        Self { rules: rules.into(), fronts, wide: wide.into_iter().collect(), version }
    }

    /// The version that events will name.
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// How many policies there are.
    pub fn count(&self) -> usize {
        self.rules.len()
    }

    /// How many of them no table holds, so that Cedar evaluates them where the outcome is not remembered.
    pub fn wide(&self) -> usize {
        self.rules.iter().filter(|rule| rule.is_wide()).count()
    }
}

/// The shipped policies.
pub(crate) fn base(vocabulary: &Vocabulary, memory: &Memory) -> Result<BodyPolicies, PolicyError> {
    let mut rules = Vec::new();
    for piece in BASE.iter().map(|text| pieces(text)).collect::<Result<Vec<_>, _>>()?.concat() {
        rules.push(Arc::new(Rule::read(vocabulary, memory, Owner::Base, piece)?));
    }
    unique_ids(&rules, &[])?;
    let parts: Vec<&[u8]> = [SCHEMA].iter().chain(BASE).map(|text| text.as_bytes()).collect();
    Ok(BodyPolicies::new(rules, PolicyVersion(sha256_parts(&parts))))
}

/// A body's own policies under the shipped ones.
pub(crate) fn own(
    vocabulary: &Vocabulary,
    memory: &Memory,
    shelf: &Shelf,
    base: &BodyPolicies,
    text: &str,
) -> Result<BodyPolicies, PolicyError> {
    let read = |piece: Piece<'_>| {
        shelf
            .get(piece.text, || Rule::read(vocabulary, memory, Owner::Body, piece))
            .map_err(|error| error.at(piece.line))
    };
    let rules = pieces(text)?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    unique_ids(&rules, &base.rules)?;
    let version = PolicyVersion(sha256_parts(&[base.version.as_bytes(), text.as_bytes()]));
    let policies = BodyPolicies::new(rules, version);
    if policies.wide() > WIDE_MAX { Err(PolicyError::new(Fault::TooWide)) } else { Ok(policies) }
}

fn unique_ids(rules: &[Arc<Rule>], base: &[Arc<Rule>]) -> Result<(), PolicyError> {
    let mut seen: BTreeSet<&str> =
        base.iter().map(|rule| &*rule.id).chain(Reason::RESERVED.iter().copied()).collect();
    match rules.iter().find(|rule| !seen.insert(&rule.id)) {
        None => Ok(()),
        Some(twice) => Err(PolicyError::new(Fault::Id).detailed(&*twice.id)),
    }
}

#[cfg(test)]
mod tests;
