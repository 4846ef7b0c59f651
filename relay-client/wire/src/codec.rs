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
    chukei_cbor::to_vec(value).map_err(|_| CodecError::Malformed)
}

/// Decodes bytes of at most `limit`, refusing every form but the canonical one.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong);
    }
    let value: T = chukei_cbor::from_slice(bytes).map_err(|_| CodecError::Malformed)?;
    if encode(&value)? != bytes {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}

/// Decodes what came out of a seal and must leave no trace when it is dropped: without the encoding that
/// [`decode`] makes for comparison, whose buffers nobody wipes. Every byte of it was authenticated by its sender,
/// so that it needs no single form; types that are read so refuse unknown keys by themselves.
pub fn decode_untraced<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong);
    }
    chukei_cbor::from_slice(bytes).map_err(|_| CodecError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::self_info::SelfInfoAnswer;

    #[derive(serde::Serialize)]
    struct Longer {
        r: &'static str,
        d: [u8; 0],
        x: u8,
    }

    #[test]
    fn an_untraced_answer_is_the_same_and_has_no_unknown_keys() {
        let bytes = encode(&SelfInfoAnswer {
            result: crate::result::ResultName::NoData,
            leaf: None,
            datasets: Vec::new(),
        });
        let bytes = bytes.unwrap();
        let untraced: SelfInfoAnswer = decode_untraced(&bytes, bytes.len()).unwrap();
        assert_eq!(untraced, decode(&bytes, bytes.len()).unwrap());
        let short = decode_untraced::<SelfInfoAnswer>(&bytes, bytes.len() - 1);
        assert_eq!(short.err(), Some(CodecError::TooLong));
        let longer = encode(&Longer { r: "NO_DATA", d: [], x: 1 }).unwrap();
        assert_eq!(decode_untraced::<SelfInfoAnswer>(&longer, 64).err(), Some(CodecError::Malformed));
    }
}
