//! `[two_person]`: how long acts that two persons decide wait, and how long they may be left (R23).

use chukei_domain::act::Waits;
use serde::Deserialize;

use crate::config::ConfigError;

const HOUR_MS: u64 = 3_600_000;
/// The least outside development: time for somebody to notice, and to call it off.
const WAIT_LEAST: u32 = 1;
/// The most of either: half a year.
const MOST: u32 = 183 * 24;

/// How long acts wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwoPersonSettings {
    /// Hours from the approval until an act is carried out.
    pub wait_hours: u32,
    /// Hours from the request until it is approved at the latest, and from the end of the waiting period until it is
    /// carried out, and what it brought out fetched, at the latest.
    pub expire_hours: u32,
}

impl Default for TwoPersonSettings {
    fn default() -> Self {
        Self { wait_hours: 72, expire_hours: 336 }
    }
}

impl TwoPersonSettings {
    pub(super) fn check(self, development: bool) -> Result<(), ConfigError> {
        let least = if development { 0 } else { WAIT_LEAST };
        for (key, hours, least) in
            [("wait_hours", self.wait_hours, least), ("expire_hours", self.expire_hours, 1)]
        {
            if !(least..=MOST).contains(&hours) {
                return Err(ConfigError::rule(
                    format!("two_person.{key}"),
                    format!("from {least} to {MOST} hours"),
                ));
            }
        }
        Ok(())
    }

    /// In the terms of the rules.
    pub fn waits(self) -> Waits {
        let ms = |hours: u32| u64::from(hours) * HOUR_MS;
        Waits { wait_ms: ms(self.wait_hours), expire_ms: ms(self.expire_hours) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r23_there_is_a_waiting_period_but_in_development() {
        let settings = |wait_hours, expire_hours| TwoPersonSettings { wait_hours, expire_hours };
        assert_eq!(TwoPersonSettings::default(), settings(72, 336));
        for (wait_hours, expire_hours, development, good) in [
            (0, 336, false, false),
            (0, 336, true, true),
            (1, 1, false, true),
            (72, 0, true, false),
            (MOST + 1, 336, true, false),
        ] {
            let checked = settings(wait_hours, expire_hours).check(development);
            assert_eq!(checked.is_ok(), good, "{wait_hours} {expire_hours}");
        }
    }
}
