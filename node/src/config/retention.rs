//! `[retention]` of both roles: how long logs keep what they hold.

use serde::Deserialize;

use crate::audit::Keep;
use crate::config::ConfigError;

/// Seven years, whichever they are (番号法23条).
const SEVEN_YEARS: u32 = 7 * 365 + 2;
/// The least outside development: a number of years in the place of days would end what must be kept.
const LEAST: u32 = 365;
/// The most.
const MOST: u32 = 36_525;

/// How long logs keep what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RetentionSettings {
    /// Days for which records are kept, up to the end of the month: of a node, those of its bodies' logs; of a broker, its
    /// exchange records. Decides for each record when it is written.
    pub log_days: u32,
    /// Days for which evidence of permits is kept.
    pub evidence_days: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { log_days: SEVEN_YEARS, evidence_days: SEVEN_YEARS }
    }
}

impl RetentionSettings {
    /// How long records are kept.
    pub fn keep(self) -> Keep {
        Keep::days(self.log_days)
    }

    pub(super) fn check(self, development: bool) -> Result<(), ConfigError> {
        let least = if development { 1 } else { LEAST };
        for (key, days) in [("log_days", self.log_days), ("evidence_days", self.evidence_days)] {
            if !(least..=MOST).contains(&days) {
                return Err(ConfigError::rule(
                    format!("retention.{key}"),
                    format!("from {least} to {MOST} days"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_up_within_a_year_but_in_development() {
        let days = |log_days| RetentionSettings { log_days, ..RetentionSettings::default() };
        assert_eq!(RetentionSettings::default().log_days, 2_557);
        for (log_days, development, good) in
            [(7, false, false), (7, true, true), (0, true, false), (365, false, true), (40_000, true, false)]
        {
            assert_eq!(days(log_days).check(development).is_ok(), good, "{log_days}");
        }
        let evidence = RetentionSettings { evidence_days: 7, ..RetentionSettings::default() };
        assert!(evidence.check(false).unwrap_err().to_string().starts_with("retention.evidence_days"));
    }
}
