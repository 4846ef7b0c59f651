//! The one place that turns values into CBOR and back (RFC 8949, deterministic encoding).
//!
//! What must hold: `decode` accepts only the bytes that `encode` would have written for the value, so that
//! what is signed, hashed or authenticated has a single form.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes were refused or a value could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than the limit the caller gave.
    #[error("longer than its limit")]
    TooLong,
    /// Not CBOR, or not of the expected shape.
    #[error("malformed")]
    Malformed,
    /// Well formed, but not in its one canonical form.
    #[error("not canonical")]
    NotCanonical,
}

/// Encodes `value` in its one form.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    serde_ipld_dagcbor::to_vec(value).map_err(|_| CodecError::Malformed)
}

/// Decodes bytes of at most `limit`, refusing every form but the canonical one.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong);
    }
    let value: T = serde_ipld_dagcbor::from_slice(bytes).map_err(|_| CodecError::Malformed)?;
    if encode(&value)? != bytes {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}
