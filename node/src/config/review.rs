//! `[review]` of a node: where the rules of the review queue begin (R7).

use chukei_domain::review::{Limits, OfficeHours};
use serde::Deserialize;

use crate::config::ConfigError;

/// Where the rules begin, and when an item is overdue.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewSettings {
    /// Days after which an item that nobody signed is overdue.
    pub days: u32,
    /// Different persons opened within ten minutes, beyond which it is an item.
    pub many_persons: u32,
    /// Refusals at other bodies by one identity within an hour, from which on it is an item.
    pub refusals: u32,
    /// Failed factors of one identity within an hour, from which on it is an item.
    pub failed_factors: u32,
    /// When offices open, `HH:MM` in Japan.
    pub office_from: String,
    /// When they close, `HH:MM` in Japan; 24:00 at most.
    pub office_until: String,
    /// On which days of the week, 1 Monday to 7 Sunday.
    pub office_weekdays: Vec<u8>,
}

impl Default for ReviewSettings {
    fn default() -> Self {
        Self {
            days: 7,
            many_persons: 300,
            refusals: 5,
            failed_factors: 3,
            office_from: "08:30".to_owned(),
            office_until: "17:15".to_owned(),
            office_weekdays: vec![1, 2, 3, 4, 5],
        }
    }
}

impl ReviewSettings {
    /// The limits that the rules go by.
    pub fn limits(&self) -> Result<Limits, ConfigError> {
        let office = OfficeHours::new(&self.office_from, &self.office_until, &self.office_weekdays)
            .map_err(|error| ConfigError::rule("review.office_*", error.to_string()))?;
        let limits = Limits {
            many_persons: self.many_persons,
            refusals: self.refusals,
            failed_factors: self.failed_factors,
            office,
            days: self.days,
        };
        limits.check().map_err(|(key, error)| ConfigError::rule(format!("review.{key}"), error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_make_no_sense_are_refused_by_their_names() {
        assert!(ReviewSettings::default().limits().is_ok());
        let late = ReviewSettings { office_until: "08:00".to_owned(), ..ReviewSettings::default() };
        assert!(late.limits().unwrap_err().to_string().starts_with("review.office_*"));
        let never = ReviewSettings { days: 0, ..ReviewSettings::default() };
        assert!(never.limits().unwrap_err().to_string().starts_with("review.days"));
        let unknown = serde_json::from_str::<ReviewSettings>(r#"{"persons": 3}"#).unwrap_err();
        assert!(unknown.to_string().contains("persons"), "{unknown}");
    }
}
