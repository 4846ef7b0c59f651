//! Headers of the portal's own requests.

use chukei_crypto::random::RandomError;
use chukei_relay_client::request_id;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::limits::{DEADLINE_MAX_MS, VERSION};

/// A header with a fresh id, this clock's time in it, and nothing of what only some kinds have.
pub(crate) fn header(
    now_ms: u64,
    kind: Kind,
    direction: Direction,
    deadline_ms: u32,
) -> Result<Header, RandomError> {
    Ok(Header {
        version: VERSION,
        kind,
        direction,
        request_id: request_id::fresh(now_ms)?,
        body: None,
        portal: None,
        affair: None,
        datasets: Vec::new(),
        channel: None,
        deadline_ms: deadline_ms.clamp(1, DEADLINE_MAX_MS),
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_every_header_has_an_id_of_its_own() {
        let make = || header(1_800_000_000_000, Kind::AcquireCodes, Direction::Hop, 0).unwrap();
        let (first, second) = (make(), make());
        assert_eq!(first.request_id.unix_ms(), Some(1_800_000_000_000));
        assert_ne!(first.request_id, second.request_id);
        first.to_bytes().unwrap();
    }
}
