//! What is looked at before a policy itself, side by side with those of its neighbours, so that a policy which the facts
//! do not concern costs no memory of its own.
//!
//! What must hold: a front passes over a policy only where its outcome is [`Outcome::Silent`](crate::evaluation::Outcome).
//! Texts that happen to leave the same mark cost time and never change an outcome. Deliberately absent: numbers and
//! truths, for which the policy is asked.

use crate::attribute::Attribute;
use crate::reading::{Reading, Value};
use crate::table::Table;
use crate::usage::{Classes, Dimension};
use crate::vocabulary::ActionSet;

/// Bytes of a text that its mark is made of: the last, in which codes and names differ.
const LAST: usize = 8;
/// An odd number without a pattern: 2⁶⁴ ÷ the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Of one policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    actions: ActionSet,
    gate: Option<Gate>,
}

/// An attribute that has to be, or to hold, one of some texts for the policy to say anything.
#[derive(Clone, Copy, Debug)]
struct Gate {
    attribute: Attribute,
    /// The marks of these texts.
    marks: u64,
}

impl Front {
    /// Of a policy with these actions and, where it has one, this table.
    pub(crate) fn new(actions: ActionSet, dimensions: &[Dimension], table: Option<&Table>) -> Self {
        let gate = |(at, dimension): (usize, &Dimension)| {
            let (texts, none) = match &dimension.classes {
                Classes::Texts(texts) => (texts, texts.len()),
                Classes::Members(texts) => (texts, 0),
                _ => return None,
            };
            let silent = table?.is_silent(dimensions, actions, at, none);
            let marks = texts.iter().fold(0, |marks, text| marks | mark(text));
            silent.then_some(Gate { attribute: dimension.attribute, marks })
        };
        Self { actions, gate: dimensions.iter().enumerate().find_map(gate) }
    }

    /// Whether the policy's scope admits the action of this place.
    pub(crate) fn is_for(&self, action: usize) -> bool {
        self.actions >> action & 1 == 1
    }

    /// Whether it is certain that the policy does not apply.
    pub(crate) fn is_silent(&self, reading: &Reading<'_>) -> bool {
        self.gate.is_some_and(|gate| match reading.value(gate.attribute) {
            Value::Text(text) => gate.marks & mark(text) == 0,
            Value::Texts(texts) => !texts.any(|text| gate.marks & mark(text) != 0),
            Value::Bool(_) | Value::Long(_) => false,
        })
    }
}

/// One of 64.
fn mark(text: &str) -> u64 {
    let last = text.bytes().rev().take(LAST).fold(0_u64, |last, byte| last << 8 | u64::from(byte));
    1 << (last.wrapping_mul(SPREAD) >> 58)
}
