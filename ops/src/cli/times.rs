//! Days and times on the command line: Japan's, unless an offset is given.

use chukei_domain::day::Day;

use crate::japan_time;

/// The number of a day such as 2026-04-01.
pub(super) fn day(text: &str) -> Result<u32, String> {
    let day = Day::parse_dashed(text).ok().and_then(|day| u32::try_from(day.number()).ok());
    day.ok_or_else(|| "日付は 2026-04-01 の形で指定してください".to_owned())
}

/// Unix milliseconds of a time such as 2026-11-21T09:00, or of the beginning of a day.
pub(super) fn moment(text: &str) -> Result<u64, String> {
    let bad = "日時は 2026-11-21、2026-11-21T09:00 または 2026-11-21T09:00:00+09:00 の形で指定してください";
    japan_time::parse_ms(text).map_err(|_| bad.to_owned())
}
