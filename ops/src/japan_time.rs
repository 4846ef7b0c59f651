//! Times as staff write and read them: Japan time (UTC+9, no summer time) unless an offset is given.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// The text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date or time")]
pub(crate) struct BadTime;

/// Unix milliseconds of an RFC 3339 time, or of a date or time without offset, which is Japan's.
pub(crate) fn parse_ms(text: &str) -> Result<u64, BadTime> {
    let instant = match text.parse::<Timestamp>() {
        Ok(instant) => instant,
        Err(_) => {
            let civil: DateTime = text.parse().map_err(|_| BadTime)?;
            civil.to_zoned(japan()).map_err(|_| BadTime)?.timestamp()
        }
    };
    u64::try_from(instant.as_millisecond()).map_err(|_| BadTime)
}

/// Japan time to the second.
pub(crate) fn print(ms: u64) -> String {
    let instant = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    instant.map_or_else(
        || "-".to_owned(),
        |at| Zoned::new(at, japan()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

fn japan() -> TimeZone {
    TimeZone::fixed(Offset::constant(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_an_offset_are_japans() {
        assert_eq!(parse_ms("1970-01-01T09:00:01+09:00"), Ok(1_000));
        assert_eq!(parse_ms("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(parse_ms("1970-01-01T09:00:01"), Ok(1_000));
        assert_eq!(parse_ms("1970-01-02"), Ok(15 * 3_600_000));
        for bad in ["", "tomorrow", "2026-02-30", "1960-01-01", "20261301"] {
            assert_eq!(parse_ms(bad), Err(BadTime), "{bad}");
        }
        assert_eq!(print(1_000), "1970-01-01 09:00:01");
    }
}
