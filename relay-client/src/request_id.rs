//! Fresh request ids: UUID version 7 (RFC 9562), time from the role's clock, the rest from the system's randomness.

use chukei_crypto::random::{self, RandomError};
use chukei_wire::id::RequestId;

/// An id made at `now_ms` (Unix milliseconds). A retry takes a new one and names the old in `retry_of`.
pub fn fresh(now_ms: u64) -> Result<RequestId, RandomError> {
    let random = random::bytes::<10>()?;
    Ok(RequestId(uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_time_and_is_never_the_same() {
        let (one, other) = (fresh(1_790_000_000_000).unwrap(), fresh(1_790_000_000_000).unwrap());
        assert_eq!(one.unix_ms(), Some(1_790_000_000_000));
        assert_ne!(one, other);
    }
}
