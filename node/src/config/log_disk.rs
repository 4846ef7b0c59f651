//! `[log_disk]` of both roles: what is kept free on the disk of the journal, and what goes when it fills (R41, R43).

use chukei_store::journal::JournalOptions;
use serde::Deserialize;

use crate::config::ConfigError;
use crate::log_disk::Thresholds;

/// The least reserve outside development, bytes: with less, administrators would not get far.
const LEAST_RESERVE: u64 = 64 << 20;
/// The least segment: one that holds no group is of no use.
const LEAST_SEGMENT: u64 = 64 << 10;
/// The most of either.
const MOST: u64 = 64 << 30;

/// What is kept of the journal's disk, and when functions are let go of: as configured, where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogDiskSettings {
    /// Bytes kept for administrators and upkeep, for when there is no other space.
    pub reserve_bytes: Option<u64>,
    /// Bytes of each segment of the journal; the next one is made ahead.
    pub segment_bytes: Option<u64>,
    /// Parts of a hundred from which on there is an alarm; of the space that is not reserved, as all below.
    pub alarm_percent: Option<f64>,
    /// From which on bulk is refused.
    pub bulk_percent: Option<f64>,
    /// From which on notices are refused as well.
    pub notices_percent: Option<f64>,
    /// From which on queries are refused as well.
    pub queries_percent: Option<f64>,
    /// From which on disclosures are refused as well.
    pub disclosures_percent: Option<f64>,
}

/// What holds for a disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDiskRules {
    /// Bytes of the reserve.
    pub reserve_bytes: u64,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// From which on there is an alarm.
    pub alarm_percent: f64,
    /// Where each level begins.
    pub thresholds: Thresholds,
}

impl LogDiskSettings {
    /// What holds. In development the reserve is small and functions go late: the disk is somebody's own and nearly full.
    pub fn rules(self, development: bool) -> LogDiskRules {
        let (reserve, begin) = match development {
            true => (8 << 20, [98.0, 98.5, 99.0, 99.5]),
            false => (256 << 20, [80.0, 88.0, 93.0, 97.0]),
        };
        let [bulk, notices, queries, disclosures] = begin;
        LogDiskRules {
            reserve_bytes: self.reserve_bytes.unwrap_or(reserve),
            segment_bytes: self.segment_bytes.unwrap_or(JournalOptions::default().segment_bytes),
            alarm_percent: self.alarm_percent.unwrap_or(70.0),
            thresholds: Thresholds {
                begin: [
                    self.bulk_percent.unwrap_or(bulk),
                    self.notices_percent.unwrap_or(notices),
                    self.queries_percent.unwrap_or(queries),
                    self.disclosures_percent.unwrap_or(disclosures),
                ],
            },
        }
    }

    pub(super) fn check(self, development: bool) -> Result<(), ConfigError> {
        let rule = |key: &str, text: String| Err(ConfigError::rule(format!("log_disk.{key}"), text));
        let (rules, least) = (self.rules(development), if development { 0 } else { LEAST_RESERVE });
        if !(least..=MOST).contains(&rules.reserve_bytes) {
            return rule("reserve_bytes", format!("from {least} to {MOST} bytes"));
        }
        if !(LEAST_SEGMENT..=MOST).contains(&rules.segment_bytes) {
            return rule("segment_bytes", format!("from {LEAST_SEGMENT} to {MOST} bytes"));
        }
        if !(rules.alarm_percent > 0.0 && rules.alarm_percent <= 100.0) {
            return rule("alarm_percent", "above 0, to 100".to_owned());
        }
        let mut before = 0.0;
        let keys = ["bulk_percent", "notices_percent", "queries_percent", "disclosures_percent"];
        for (key, begin) in keys.into_iter().zip(rules.thresholds.begin) {
            if !(begin > before && begin <= 100.0) {
                return rule(key, format!("above {before}, where the one before it goes, to 100"));
            }
            before = begin;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_let_disclosures_go_before_bulk_or_keep_nothing_is_refused() {
        let usual = LogDiskSettings::default();
        assert!(usual.check(false).is_ok() && usual.check(true).is_ok());
        assert_eq!(usual.rules(false).reserve_bytes, 256 << 20);
        let refused = |settings: LogDiskSettings, development| {
            let refused = settings.check(development).unwrap_err().to_string();
            refused.split(':').next().unwrap().trim().to_owned()
        };
        let small = LogDiskSettings { reserve_bytes: Some(1 << 20), ..usual };
        assert!(refused(small, false).starts_with("log_disk.reserve_bytes"));
        assert!(small.check(true).is_ok(), "in development");
        let disordered = LogDiskSettings { notices_percent: Some(79.0), ..usual };
        assert!(refused(disordered, true).starts_with("log_disk.notices_percent"));
        let never = LogDiskSettings { disclosures_percent: Some(101.0), ..usual };
        assert!(refused(never, true).starts_with("log_disk.disclosures_percent"));
        let nan = LogDiskSettings { alarm_percent: Some(f64::NAN), ..usual };
        assert!(refused(nan, true).starts_with("log_disk.alarm_percent"));
        let tiny = LogDiskSettings { segment_bytes: Some(512), ..usual };
        assert!(refused(tiny, true).starts_with("log_disk.segment_bytes"));
    }
}
