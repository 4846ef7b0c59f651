//! The last line of `--once`: what was done, as numbers.

use std::fmt;

/// Counts of one walk. What does not exist stays 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Copy records registered, updates included.
    pub(crate) registered: u64,
    /// Self-information requests that were answered.
    pub(crate) self_info_done: u64,
    /// Answers that differed from the truth.
    pub(crate) mismatches: u64,
    /// Notices found in their person's folder at the portal.
    pub(crate) notices_delivered: u64,
    /// Answers to notices that came back to the body as they were given.
    pub(crate) answers: u64,
    /// Notices that are gone on both sides after their retention.
    pub(crate) erased: u64,
    /// Audit events re-read, each opening, in unbroken sequence.
    pub(crate) audit_verified: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::json!({
            "registered": self.registered,
            "self_info_done": self.self_info_done,
            "mismatches": self.mismatches,
            "notices_delivered": self.notices_delivered,
            "answers": self.answers,
            "erased": self.erased,
            "audit_verified": self.audit_verified,
        });
        line.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_compact_and_in_order() {
        let totals = Totals { registered: 3, audit_verified: 9, ..Totals::default() };
        assert_eq!(
            totals.to_string(),
            r#"{"registered":3,"self_info_done":0,"mismatches":0,"notices_delivered":0,"answers":0,"erased":0,"audit_verified":9}"#
        );
    }
}
