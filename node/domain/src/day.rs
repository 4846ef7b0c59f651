//! Civil days. A day begins at midnight in Japan (UTC+9, no summer time), whatever the machine's zone.
//!
//! Retention, publication and keys count days since 1970-01-01 as `u32`; [`Day`] also reaches back before
//! 1970, because the dates of copies do. Deliberately absent: the current time.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;
/// Japan's offset from UTC, milliseconds.
pub const JAPAN_OFFSET_MS: u64 = 9 * 3_600_000;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The day in Japan at `now_ms` (Unix milliseconds), as days since 1970-01-01.
pub fn day_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms.saturating_add(JAPAN_OFFSET_MS) / DAY_MS).unwrap_or(u32::MAX)
}

/// The first instant of `day` in Japan, Unix milliseconds (0 where that lies before 1970 in UTC).
pub fn start_of(day: u32) -> u64 {
    (u64::from(day) * DAY_MS).saturating_sub(JAPAN_OFFSET_MS)
}

/// The last day of the month that `day` is in; a day past the year 9999 counts as its last.
pub fn last_of_month(day: u32) -> u32 {
    Day::of_date(Day::from_number(day).date().last_of_month()).count()
}

/// The first day of the month that `day` is in; a day past the year 9999 counts as its last.
pub fn first_of_month(day: u32) -> u32 {
    Day::of_date(Day::from_number(day).date().first_of_month()).count()
}

/// A calendar date, kept as days since 1970-01-01 (negative before).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

/// The text is no date of the calendar in the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a calendar date")]
pub struct InvalidDay;

impl Day {
    /// The day that [`day_of`] counts.
    pub fn from_number(day: u32) -> Self {
        Self(i32::try_from(day).unwrap_or(i32::MAX))
    }

    fn of_date(date: Date) -> Self {
        let days = date.duration_since(EPOCH).as_hours() / 24;
        Self(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// As [`day_of`] counts; 0 before 1970.
    fn count(self) -> u32 {
        u32::try_from(self.0).unwrap_or(0)
    }

    /// Days since 1970-01-01, negative before.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Reads `YYYYMMDD`, years 0001 to 9999.
    pub fn parse_compact(text: &str) -> Result<Self, InvalidDay> {
        let digits: [u8; 8] = text.as_bytes().try_into().map_err(|_| InvalidDay)?;
        Self::from_digits(digits)
    }

    /// Reads `YYYY-MM-DD`, years 0001 to 9999.
    pub fn parse_dashed(text: &str) -> Result<Self, InvalidDay> {
        match *text.as_bytes() {
            [a, b, c, d, b'-', e, f, b'-', g, h] => Self::from_digits([a, b, c, d, e, f, g, h]),
            _ => Err(InvalidDay),
        }
    }

    fn from_digits(digits: [u8; 8]) -> Result<Self, InvalidDay> {
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(InvalidDay);
        }
        let [a, b, c, d, e, f, g, h] = digits.map(|digit| digit.cast_signed() - b'0'.cast_signed());
        let year = i16::from(a) * 1000 + i16::from(b) * 100 + i16::from(c) * 10 + i16::from(d);
        if year == 0 {
            return Err(InvalidDay);
        }
        let date = Date::new(year, e * 10 + f, g * 10 + h).map_err(|_| InvalidDay)?;
        let days = date.duration_since(EPOCH).as_hours() / 24;
        i32::try_from(days).map(Self).map_err(|_| InvalidDay)
    }

    /// Prints `YYYYMMDD`; a day past the year 9999 prints as its last day.
    pub fn compact(self) -> String {
        let date = self.date();
        format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(SignedDuration::from_hours(i64::from(self.0) * 24))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

#[cfg(test)]
mod tests;
