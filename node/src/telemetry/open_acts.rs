//! How many acts are open, all bodies together: each body's worker shows its own part, and takes it away with itself.

use prometheus::IntGaugeVec;

use crate::telemetry::metrics::Metrics;

/// The states that are counted: waiting for the second person, waiting to be carried out.
const STATES: [&str; 2] = ["requested", "approved"];

/// One body's part.
pub struct OpenActs {
    gauge: IntGaugeVec,
    shown: [i64; 2],
}

impl OpenActs {
    /// Nothing yet.
    pub fn new(metrics: &Metrics) -> Self {
        Self { gauge: metrics.acts_open.clone(), shown: [0; 2] }
    }

    /// Shows how many are waiting for the second person, and how many to be carried out.
    pub fn show(&mut self, counts: [i64; 2]) {
        for ((state, shown), count) in STATES.into_iter().zip(&mut self.shown).zip(counts) {
            self.gauge.with_label_values(&[state]).add(count - *shown);
            *shown = count;
        }
    }
}

impl Drop for OpenActs {
    fn drop(&mut self) {
        self.show([0; 2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_add_up_and_go_with_their_part() {
        let metrics = Metrics::new("node").unwrap();
        let count = |state: &str| metrics.acts_open.with_label_values(&[state]).get();
        let (mut one, mut two) = (OpenActs::new(&metrics), OpenActs::new(&metrics));
        one.show([2, 1]);
        two.show([1, 0]);
        one.show([1, 1]);
        assert_eq!([count("requested"), count("approved")], [2, 1]);
        drop(one);
        assert_eq!([count("requested"), count("approved")], [1, 0]);
    }
}
