//! Days change at midnight in Japan, and dates are those of the calendar.

use proptest::prelude::*;

use super::*;

/// 2024-01-01 00:00 in Japan.
const NEW_YEAR_2024_MS: u64 = 1_704_034_800_000;

#[test]
fn a_day_begins_at_midnight_in_japan() {
    let day = day_of(NEW_YEAR_2024_MS);
    assert_eq!(Day::from_number(day).to_string(), "2024-01-01");
    assert_eq!(day_of(NEW_YEAR_2024_MS - 1), day - 1);
    assert_eq!(day_of(NEW_YEAR_2024_MS + DAY_MS - 1), day);
    assert_eq!(start_of(day), NEW_YEAR_2024_MS);
    assert_eq!(day_of(0), 0);
    assert_eq!(day_of(u64::MAX), u32::MAX);
}

#[test]
fn dates_are_those_of_the_calendar() {
    for text in ["19700101", "20240229", "20000229", "19000228", "00010101", "99991231", "18681023"] {
        assert_eq!(Day::parse_compact(text).unwrap().compact(), text);
    }
    for text in ["20230229", "19000229", "20240431", "20241301", "20240001", "20240100", "00000101"] {
        assert_eq!(Day::parse_compact(text), Err(InvalidDay), "{text}");
    }
    for text in ["", "2024-01-01", "2024101", "202401011", "2024010a", "+2024010", "２０２４０１０１"]
    {
        assert_eq!(Day::parse_compact(text), Err(InvalidDay), "{text}");
    }
    assert_eq!(Day::parse_dashed("2024-02-29").unwrap(), Day::parse_compact("20240229").unwrap());
    for text in ["20240229", "2024/02/29", "2024-2-29", "2024-02-30", "2024-02-29 "] {
        assert_eq!(Day::parse_dashed(text), Err(InvalidDay), "{text}");
    }
}

#[test]
fn months_begin_and_end_as_the_calendar_has_them() {
    let number = |text| u32::try_from(Day::parse_compact(text).unwrap().number()).unwrap();
    for (day, first, last) in [
        ("20240229", "20240201", "20240229"),
        ("20230201", "20230201", "20230228"),
        ("20311031", "20311001", "20311031"),
        ("20251231", "20251201", "20251231"),
    ] {
        assert_eq!(first_of_month(number(day)), number(first), "{day}");
        assert_eq!(last_of_month(number(day)), number(last), "{day}");
    }
    assert_eq!(last_of_month(u32::MAX), number("99991231"));
}

#[test]
fn days_before_1970_count_down() {
    assert_eq!(Day::parse_compact("19700101").unwrap().number(), 0);
    assert_eq!(Day::parse_compact("19691231").unwrap().number(), -1);
    assert_eq!(Day::parse_compact("19690101").unwrap().number(), -365);
    assert!(Day::parse_compact("19691231").unwrap() < Day::from_number(0));
}

#[test]
fn a_number_no_calendar_reaches_still_prints() {
    assert_eq!(Day::from_number(u32::MAX).compact(), "99991231");
}

proptest! {
    #[test]
    fn printing_and_parsing_agree(number in 0_u32..2_900_000) {
        let day = Day::from_number(number);
        prop_assert_eq!(Day::parse_compact(&day.compact()), Ok(day));
        prop_assert_eq!(Day::parse_dashed(&day.to_string()), Ok(day));
        prop_assert_eq!(day.number(), number.cast_signed());
        prop_assert_eq!(day_of(start_of(number).max(1)), number);
    }
}
