//! A duty of a body that is tried until it is done: each failure is counted, and told once.

use std::fmt::Display;

use chukei_wire::body_code::BodyCode;

use crate::telemetry::metrics::Metrics;

/// One duty of one body, as operators see it.
pub struct Duty {
    name: &'static str,
    body: BodyCode,
    metrics: Metrics,
    /// Why it fails, while it does.
    failing: Option<String>,
}

impl Duty {
    /// A duty that has not failed yet; its name is a label of a metric.
    pub fn new(name: &'static str, body: BodyCode, metrics: &Metrics) -> Self {
        Self { name, body, metrics: metrics.clone(), failing: None }
    }

    /// A try failed and is to be repeated. Tells whether that, or the reason, is news, which is logged.
    pub fn failed(&mut self, error: &impl Display) -> bool {
        self.metrics.duty_failures.with_label_values(&[self.name]).inc();
        let error = error.to_string();
        if self.failing.as_ref() == Some(&error) {
            return false;
        }
        tracing::error!(body = %self.body, duty = self.name, error, "a duty fails and is tried again");
        self.failing = Some(error);
        true
    }

    /// It is done, or nothing of it is due. Tells whether it failed before, which is logged.
    pub fn done(&mut self) -> bool {
        let failed = self.failing.take().is_some();
        if failed {
            tracing::info!(body = %self.body, duty = self.name, "the duty is done again");
        }
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_each_time_and_told_once() {
        let metrics = Metrics::new("node").unwrap();
        let mut duty = Duty::new("day", "982016".parse().unwrap(), &metrics);
        assert!(!duty.done());
        let told: Vec<bool> =
            ["full", "full", "gone", "gone"].iter().map(|error| duty.failed(error)).collect();
        assert_eq!(told, [true, false, true, false]);
        assert_eq!((duty.done(), duty.done()), (true, false));
        assert!(duty.failed(&"gone"), "news again");
        assert_eq!(metrics.duty_failures.with_label_values(&["day"]).get(), 5);
    }
}
