//! Length buckets for sealed bodies, so that a size says little about what is inside (R50).
//!
//! Padmé above 1 KiB (at most 12 % overhead, Nikitin et al., PETS 2019); everything smaller takes 1 KiB.
//! Form: big-endian u32 length ‖ content ‖ zeros. Content has at most [`SEALED_BODY_MAX`] bytes: sealers check
//! that before they pad.

use std::ops::Range;

use crate::limits::SEALED_BODY_MAX;

/// The smallest bucket.
pub const BUCKET_MIN: usize = 1024;
const LENGTH_PREFIX: usize = 4;

/// Why padded bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed padding")]
pub struct BadPadding;

/// The bucket that holds `content` bytes and their length prefix. A length whose bucket no `usize` holds gets
/// `usize::MAX`, which nothing can allocate.
pub fn bucket(content: usize) -> usize {
    let length = content.saturating_add(LENGTH_PREFIX);
    if length <= BUCKET_MIN {
        return BUCKET_MIN;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1_usize << (exponent.saturating_sub(kept))) - 1;
    length.checked_add(mask).map_or(usize::MAX, |rounded| rounded & !mask)
}

/// What `content` bytes take when padded to their bucket, or to the bucket of `as_if` bytes (at most
/// [`SEALED_BODY_MAX`]) where that is larger.
pub fn padded_length(content: usize, as_if: usize) -> usize {
    bucket(content.max(as_if.min(SEALED_BODY_MAX)))
}

/// Pads `content` to [`padded_length`].
pub fn pad(content: &[u8], as_if: usize) -> Vec<u8> {
    let size = padded_length(content.len(), as_if);
    let mut padded = Vec::with_capacity(size);
    put_padded(&mut padded, content, 0..size);
    padded
}

/// Appends the bytes `part` of the padded form of `content` to `out`, for those who cut it into chunks.
pub fn put_padded(out: &mut Vec<u8>, content: &[u8], part: Range<usize>) {
    let prefix = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let end = out.len() + part.len();
    for (bytes, at) in [(&prefix[..], 0), (content, LENGTH_PREFIX)] {
        let within = |index: usize| index.saturating_sub(at).min(bytes.len());
        out.extend_from_slice(bytes.get(within(part.start)..within(part.end)).unwrap_or_default());
    }
    out.resize(end, 0);
}

/// The content of padded bytes; padding that is not zero, and a size that is no bucket, are refused.
pub fn unpad(padded: &[u8]) -> Result<&[u8], BadPadding> {
    if bucket(padded.len().saturating_sub(LENGTH_PREFIX)) != padded.len() {
        return Err(BadPadding);
    }
    let (prefix, rest) = padded.split_first_chunk::<LENGTH_PREFIX>().ok_or(BadPadding)?;
    let length = usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| BadPadding)?;
    let (content, zeros) = rest.split_at_checked(length).ok_or(BadPadding)?;
    if zeros.iter().any(|&byte| byte != 0) {
        return Err(BadPadding);
    }
    Ok(content)
}
