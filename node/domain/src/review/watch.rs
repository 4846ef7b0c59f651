//! The rules at work: one operation after the other, with a bounded memory of each identity.

use std::collections::{HashMap, VecDeque};

use super::rule::{Decided, Findings, Limits, Observation, Rule};

/// The time in which tries are counted, milliseconds: an hour.
pub const WINDOW_MS: u64 = 3_600_000;
/// Identities of which tries are remembered at once; of more, those whose last try is longest ago are forgotten.
pub const IDENTITIES_MAX: usize = 4_096;

/// Times of the last tries, as many as are needed to tell.
#[derive(Default)]
struct Tries(VecDeque<u64>);

impl Tries {
    /// Notes a try; tells whether there were `limit` within the window that ends with it.
    fn note(&mut self, now_ms: u64, limit: u32) -> bool {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        self.0.push_back(now_ms);
        while self.0.len() > limit {
            self.0.pop_front();
        }
        self.0.len() == limit && self.0.iter().all(|try_ms| now_ms.saturating_sub(*try_ms) < WINDOW_MS)
    }

    fn last_ms(&self) -> u64 {
        self.0.back().copied().unwrap_or_default()
    }
}

#[derive(Default)]
struct Remembered {
    elsewhere: Tries,
    factors: Tries,
}

impl Remembered {
    fn last_ms(&self) -> u64 {
        self.elsewhere.last_ms().max(self.factors.last_ms())
    }
}

/// What is remembered between operations.
#[derive(Default)]
pub struct Watch {
    of: HashMap<String, Remembered>,
}

impl Watch {
    /// The rules that an operation meets.
    pub fn look(&mut self, limits: &Limits, seen: &Observation<'_>) -> Findings {
        let result = seen.decided.as_str();
        let mut met = Findings::default();
        met.add(Rule::ManyPersons, seen.persons > limits.many_persons);
        met.add(Rule::Device, seen.is_of_device());
        let worked = seen.human && seen.decided == Decided::Permitted;
        met.add(Rule::OutsideHours, worked && !limits.office.are_open(seen.now_ms));
        met.add(Rule::Delegated, seen.delegation.is_some());
        met.add(Rule::NotEvaluated, seen.not_evaluated);
        met.add(Rule::SecondPerson, result == "TWO_PERSON_REQUIRED");
        if seen.elsewhere || seen.failed_factor {
            let remembered = self.remembered(seen);
            let elsewhere = seen.elsewhere && remembered.elsewhere.note(seen.now_ms, limits.refusals);
            let factors = seen.failed_factor && remembered.factors.note(seen.now_ms, limits.failed_factors);
            met.add(Rule::RefusedElsewhere, elsewhere);
            met.add(Rule::FailedFactors, factors);
        }
        met
    }

    /// Identities remembered now.
    pub fn remembers(&self) -> usize {
        self.of.len()
    }

    fn remembered(&mut self, seen: &Observation<'_>) -> &mut Remembered {
        if !self.of.contains_key(seen.identity) && self.of.len() >= IDENTITIES_MAX {
            self.make_room(seen.now_ms);
        }
        self.of.entry(seen.identity.to_owned()).or_default()
    }

    /// Forgets what no window reaches any more; where that is nobody, the one whose last try is longest ago.
    fn make_room(&mut self, now_ms: u64) {
        self.of.retain(|_, remembered| now_ms.saturating_sub(remembered.last_ms()) < WINDOW_MS);
        if self.of.len() >= IDENTITIES_MAX {
            let oldest = self.of.iter().min_by_key(|(name, remembered)| (remembered.last_ms(), *name));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.of.remove(&oldest);
            }
        }
    }
}
