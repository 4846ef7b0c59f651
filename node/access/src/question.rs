//! One decision's facts, put to one policy after the other.

use std::cell::OnceCell;

use cedar_policy::{Entities, PolicySet, Request};

use crate::attribute::Attribute;
use crate::evaluation::{Outcome, Sample, outcome, request};
use crate::memory::Memory;
use crate::reading::Reading;
use crate::vocabulary::Vocabulary;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) memory: &'a Memory,
    pub(crate) reading: Reading<'a>,
    wide: [&'a [Attribute]; 2],
    /// The request as Cedar has it, made for the first policy that needs it.
    asked: OnceCell<Option<(Request, Entities)>>,
}

impl<'a> Question<'a> {
    /// `wide`: what the policies without a table look at, among those that may be asked.
    pub(crate) fn new(
        vocabulary: &'a Vocabulary,
        memory: &'a Memory,
        reading: Reading<'a>,
        wide: [&'a [Attribute]; 2],
    ) -> Self {
        Self { vocabulary, memory, reading, wide, asked: OnceCell::new() }
    }

    /// What Cedar says of the one policy of `policies`, evaluated.
    pub(crate) fn evaluate(&self, policies: &PolicySet) -> Outcome {
        let asked = self.asked.get_or_init(|| {
            let [base, own] = self.wide;
            let mut attributes = [base, own].concat();
            attributes.sort_unstable();
            attributes.dedup();
            let value = |attribute: Attribute| (attribute, self.reading.value(attribute).into());
            let values = attributes.into_iter().map(value).collect();
            request(self.vocabulary, &Sample { action: self.reading.action(), values })
        });
        outcome(asked.as_ref(), policies)
    }
}
