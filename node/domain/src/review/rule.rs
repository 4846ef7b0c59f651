//! What is observed of an operation, and the rules that look at it.

use serde::{Deserialize, Serialize};

use crate::day::{DAY_MS, JAPAN_OFFSET_MS};

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why an item was opened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of declaration.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)*];

            /// The stable name, e.g. `many_persons`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

rules! {
    /// More persons were opened within ten minutes than work by hand explains.
    ManyPersons = "many_persons",
    /// One identity was refused at other bodies again and again within an hour (R1).
    RefusedElsewhere = "refused_elsewhere",
    /// From a device that is unlisted, unhealthy, or not where it belongs (R6).
    Device = "device",
    /// A person worked outside office hours.
    OutsideHours = "outside_hours",
    /// Done, or tried, by one body on behalf of another (R42).
    Delegated = "delegated",
    /// Factors of one identity failed again and again within an hour (R5).
    FailedFactors = "failed_factors",
    /// A policy could not be evaluated, which refuses (R6).
    NotEvaluated = "not_evaluated",
    /// An act of two persons was tried by one (R23).
    SecondPerson = "second_person",
    /// The queue was full, and items were not opened.
    QueueFull = "queue_full",
}

/// Results of decisions that say that the device is at fault.
const OF_DEVICES: &[&str] = &["DEVICE_UNKNOWN"];
/// Shipped policies that do, whatever the result is.
const DEVICE_POLICIES: &[&str] =
    &["maintenance_device", "device_listed", "device_healthy", "device_known_healthy", "device_in_its_zone"];

/// What was decided on an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided<'a> {
    /// It was permitted.
    Permitted,
    /// A further factor was asked for.
    StepUp,
    /// It was refused with this result name.
    Refused(&'a str),
}

impl<'a> Decided<'a> {
    /// The result name.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Permitted => "DONE",
            Self::StepUp => "STEP_UP_REQUIRED",
            Self::Refused(result) => result,
        }
    }
}

/// One operation, as the rules see it. Names and numbers only: nothing of whose data it was.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// URI of whoever asked.
    pub identity: &'a str,
    /// Whether that is a person: staff, auditor, operator, maintenance.
    pub human: bool,
    /// What was asked for, e.g. `copy_show`.
    pub action: &'a str,
    /// What was decided.
    pub decided: Decided<'a>,
    /// Ids of the policies that decided.
    pub reasons: &'a [&'a str],
    /// Whether a policy could not be evaluated.
    pub not_evaluated: bool,
    /// Different persons that the identity opened within ten minutes.
    pub persons: u32,
    /// Whether it was another body that was asked for, without its leave.
    pub elsewhere: bool,
    /// Whether a factor was shown, and not believed.
    pub failed_factor: bool,
    /// The delegation it was done under.
    pub delegation: Option<&'a str>,
    /// URI of the device that has proved itself.
    pub device: Option<&'a str>,
    /// When, Unix milliseconds.
    pub now_ms: u64,
}

/// Rules that an operation meets. At most one of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings(u16);

impl Findings {
    pub(super) fn add(&mut self, rule: Rule, met: bool) {
        self.0 |= u16::from(met) << rule as u16;
    }

    /// Whether no rule is met.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rules, in their order.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.0 & (1 << *rule as u16) != 0)
    }
}

/// When offices are open, in Japan: every day from one minute to another on some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficeHours {
    from: u16,
    until: u16,
    /// Bit 0 is Monday.
    weekdays: u8,
}

/// Limits that contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a time of day, or reversed.
    #[error("office hours run from one HH:MM to a later one")]
    Hours,
    /// Not days of the week.
    #[error("weekdays are numbers from 1 (Monday) to 7 (Sunday), each once")]
    Weekdays,
    /// A number out of its range.
    #[error("from 1 to {0}")]
    Range(u32),
}

/// Most tries that a window can count.
pub(super) const TRIES_MAX: u32 = 100;
/// Most persons a limit may name.
const PERSONS_MAX: u32 = 100_000;
/// Most days until an item is overdue.
const DAYS_MAX: u32 = 366;

impl OfficeHours {
    /// From `HH:MM` until, exclusively, `HH:MM` on these days, 1 Monday to 7 Sunday.
    pub fn new(from: &str, until: &str, weekdays: &[u8]) -> Result<Self, LimitError> {
        let (from, until) = (minute(from)?, minute(until)?);
        if from >= until {
            return Err(LimitError::Hours);
        }
        let mut mask = 0_u8;
        for day in weekdays {
            let bit = 1_u8.checked_shl(u32::from(*day).wrapping_sub(1)).filter(|_| (1..=7).contains(day));
            let bit = bit.filter(|bit| mask & bit == 0).ok_or(LimitError::Weekdays)?;
            mask |= bit;
        }
        Ok(Self { from, until, weekdays: mask })
    }

    /// Whether offices are open at `now_ms` (Unix milliseconds).
    pub fn are_open(self, now_ms: u64) -> bool {
        let local = now_ms.saturating_add(JAPAN_OFFSET_MS);
        let minute = (local % DAY_MS) / 60_000;
        // 1970-01-01 was a Thursday.
        let weekday = (local / DAY_MS + 3) % 7;
        self.weekdays & (1 << weekday) != 0 && (u64::from(self.from)..u64::from(self.until)).contains(&minute)
    }
}

/// `HH:MM` from 00:00 to 24:00.
fn minute(text: &str) -> Result<u16, LimitError> {
    let two = |digits: &str| {
        Some(digits)
            .filter(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u16>().ok())
    };
    let (hours, minutes) = text.split_once(':').ok_or(LimitError::Hours)?;
    let (hours, minutes) = (two(hours).ok_or(LimitError::Hours)?, two(minutes).ok_or(LimitError::Hours)?);
    let minute = hours * 60 + minutes;
    if minutes < 60 && minute <= 24 * 60 { Ok(minute) } else { Err(LimitError::Hours) }
}

/// Where the rules begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Persons within ten minutes, beyond which [`Rule::ManyPersons`] is met.
    pub many_persons: u32,
    /// Refusals at other bodies within an hour, from which on [`Rule::RefusedElsewhere`] is met.
    pub refusals: u32,
    /// Failed factors within an hour, from which on [`Rule::FailedFactors`] is met.
    pub failed_factors: u32,
    /// When offices are open.
    pub office: OfficeHours,
    /// Days after which an item that is not signed is overdue.
    pub days: u32,
}

impl Limits {
    /// Refuses numbers out of their range.
    pub fn check(self) -> Result<Self, (&'static str, LimitError)> {
        for (name, number, most) in [
            ("many_persons", self.many_persons, PERSONS_MAX),
            ("refusals", self.refusals, TRIES_MAX),
            ("failed_factors", self.failed_factors, TRIES_MAX),
            ("days", self.days, DAYS_MAX),
        ] {
            if !(1..=most).contains(&number) {
                return Err((name, LimitError::Range(most)));
            }
        }
        Ok(self)
    }
}

impl Observation<'_> {
    pub(super) fn is_of_device(&self) -> bool {
        let refused = self.decided != Decided::Permitted;
        refused
            && (OF_DEVICES.contains(&self.decided.as_str())
                || self.reasons.iter().any(|reason| DEVICE_POLICIES.contains(reason)))
    }
}
