//! Forms of names and texts, and how days, times and bytes stand in files for people: as text there, as numbers and
//! bytes in the byte form.

use super::{AFFAIRS_MAX, NAME_MAX, Why};
use crate::codes::AffairCode;
use crate::{individual_number, text};

/// Before the names of the platform's devices, which belong to no body.
const PLATFORM_DEVICE: &str = "chukei://platform/device/";

/// Whether `text` may be a name: what may be one in a certificate.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let first = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= NAME_MAX && text.as_bytes().first().is_some_and(first) && text.bytes().all(allowed)
}

/// Whether `text` may name a device: the name of one of the body's, or the whole URI of one of the platform's.
pub(super) fn is_device_name(text: &str) -> bool {
    is_name(text.strip_prefix(PLATFORM_DEVICE).unwrap_or(text))
}

/// Whether `text` is the whole URI of one of the platform's devices.
pub(super) fn is_platform_device(text: &str) -> bool {
    text.strip_prefix(PLATFORM_DEVICE).is_some_and(is_name)
}

/// Whether `text` may be the name of an action of the schema.
pub(super) fn is_action(text: &str) -> bool {
    let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'_');
    !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(allowed)
}

/// `name` as a refusal may repeat it: where it has the form of one and is no individual number (R10); else nothing.
pub(super) fn repeatable(name: &str) -> &str {
    if check_device_name(name).is_ok() { name } else { "" }
}

pub(super) fn check_name(name: &str) -> Result<(), Why> {
    if individual_number::find(name) {
        return Err(Why::IndividualNumber);
    }
    if is_name(name) { Ok(()) } else { Err(Why::Name) }
}

pub(super) fn check_device_name(name: &str) -> Result<(), Why> {
    if individual_number::find(name) {
        return Err(Why::IndividualNumber);
    }
    if is_device_name(name) { Ok(()) } else { Err(Why::Name) }
}

/// A text on one line that may be empty.
pub(super) fn check_line(line: &str, max: usize) -> Result<(), Why> {
    if individual_number::find(line) {
        return Err(Why::IndividualNumber);
    }
    if line.is_empty() || text::fits_line(line, max) { Ok(()) } else { Err(Why::Text) }
}

/// A set in its one order, of at most `max` members.
pub(super) fn check_set<T: Ord>(members: &[T], max: usize) -> Result<(), Why> {
    if members.len() > max {
        return Err(Why::TooMany);
    }
    let ordered = members.iter().zip(members.iter().skip(1)).all(|(before, after)| before < after);
    if ordered { Ok(()) } else { Err(Why::List) }
}

pub(super) fn check_affairs(affairs: &[AffairCode]) -> Result<(), Why> {
    check_set(affairs, AFFAIRS_MAX)
}

pub(super) fn check_actions(actions: &[String]) -> Result<(), Why> {
    if actions.is_empty() {
        return Err(Why::Empty);
    }
    check_set(actions, super::ACTIONS_MAX)?;
    if actions.iter().all(|action| is_action(action)) { Ok(()) } else { Err(Why::Action) }
}

/// A day in Japan: `2026-11-21` in files, days since 1970-01-01 in the byte form.
pub(super) mod day {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::day::Day;

    pub(crate) fn serialize<S: Serializer>(day: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Day::from_number(*day).to_string().serialize(serializer)
        } else {
            day.serialize(serializer)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        if !deserializer.is_human_readable() {
            return u32::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        let day = Day::parse_dashed(&text).map_err(|_| D::Error::custom("not a day YYYY-MM-DD"))?;
        u32::try_from(day.number()).map_err(|_| D::Error::custom("a day before 1970"))
    }
}

/// The same where there may be none.
pub(super) mod optional_day {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Dated(#[serde(with = "super::day")] u32);

    pub(crate) fn serialize<S: Serializer>(day: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
        day.map(Dated).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
        Ok(Option::<Dated>::deserialize(deserializer)?.map(|day| day.0))
    }
}

/// A moment: RFC 3339 with its offset in files, Unix milliseconds in the byte form.
pub(super) mod moment {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return ms.serialize(serializer);
        }
        let moment = i64::try_from(*ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let moment = moment.ok_or_else(|| serde::ser::Error::custom("a moment out of range"))?;
        moment.to_string().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        let moment: Timestamp = text.parse().map_err(|_| D::Error::custom("not a moment of RFC 3339"))?;
        u64::try_from(moment.as_millisecond()).map_err(|_| D::Error::custom("a moment before 1970"))
    }
}

/// Bytes: lower-case hexadecimal in files, bytes in the byte form.
pub(super) mod bytes {
    use data_encoding::HEXLOWER;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            HEXLOWER.encode(bytes).serialize(serializer)
        } else {
            serializer.serialize_bytes(bytes)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        if !deserializer.is_human_readable() {
            return serde_bytes::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map_err(|_| D::Error::custom("not lower-case hexadecimal"))
    }
}
