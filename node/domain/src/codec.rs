//! The one place that turns stored values into bytes and back: a format version byte, then CBOR in its
//! deterministic encoding (RFC 8949).
//!
//! What must hold: `decode` accepts only the bytes that `encode` writes for the value it returns.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes were refused or a value could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than the limit of this kind of value.
    #[error("longer than its limit")]
    TooLong,
    /// Not CBOR, not of the expected shape, or against a rule of the value.
    #[error("malformed")]
    Malformed,
    /// Well formed, but not in its one canonical form.
    #[error("not canonical")]
    NotCanonical,
    /// A format version this build does not read.
    #[error("unknown format version {0}")]
    UnknownVersion(u8),
}

/// Encodes `value` in its one form: at most `limit` bytes, the version byte included.
pub(crate) fn encode<T: Serialize>(version: u8, value: &T, limit: usize) -> Result<Vec<u8>, CodecError> {
    let bytes = chukei_cbor::behind(&[version], value).map_err(|_| CodecError::Malformed)?;
    if bytes.len() > limit { Err(CodecError::TooLong) } else { Ok(bytes) }
}

/// Decodes bytes of at most `limit`, refusing every form but the canonical one of this `version`.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(
    version: u8,
    bytes: &[u8],
    limit: usize,
) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong);
    }
    let (found, cbor) = bytes.split_first().ok_or(CodecError::Malformed)?;
    if *found != version {
        return Err(CodecError::UnknownVersion(*found));
    }
    let value: T = chukei_cbor::from_slice(cbor).map_err(|_| CodecError::Malformed)?;
    if encode(version, &value, limit)? != bytes {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}
