//! One entry as a syslog message.

use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use jiff::Timestamp;

/// Facility 13 (log audit), severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;

/// What is told of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) number: u64,
    pub(super) at_ms: u64,
    pub(super) kind: u8,
    pub(super) request: Option<RequestId>,
}

/// One message behind its length in bytes (RFC 5425, 4.3).
pub(super) fn frame(body: BodyCode, entry: &Told) -> String {
    let message = message(body, entry);
    format!("{} {message}", message.len())
}

/// One event (RFC 5424): structured data alone. 32473 is the number that RFC 5612 keeps for those who have none.
fn message(body: BodyCode, entry: &Told) -> String {
    let time = i64::try_from(entry.at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = time.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
    let kind = kind(entry.kind);
    let request = entry.request.map(|request| format!(" request=\"{request}\"")).unwrap_or_default();
    format!(
        "<{PRIORITY}>1 {time} - chukei - {kind} [chukei@32473 body=\"{body}\" seq=\"{}\" kind=\"{kind}\"{request}]",
        entry.number,
    )
}

/// What an entry is, as it says without a key.
fn kind(kind: u8) -> &'static str {
    match kind {
        1 => "call",
        2 => "authorised",
        3 => "refused",
        4 => "outcome",
        5 => "restored",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_syslog_message_behind_its_length() {
        let request = RequestId([1; 16]);
        let entry = Told { number: 12, at_ms: 1_795_219_200_250, kind: 2, request: Some(request) };
        let body = "982016".parse().unwrap();
        let told = message(body, &entry);
        assert_eq!(
            told,
            format!(
                "<110>1 2026-11-21T00:00:00.250Z - chukei - authorised [chukei@32473 body=\"982016\" seq=\"12\" \
                 kind=\"authorised\" request=\"{request}\"]"
            )
        );
        assert_eq!(frame(body, &entry), format!("{} {told}", told.len()));
    }
}
