//! The envelope that an authority answers in (TimeStampResp).

use super::element::{BIT_STRING, Element, INTEGER, SEQUENCE};
use super::{REPLY_MAX, StampError};

/// The token of a reply that grants one without reservations.
pub(super) fn token(reply: &[u8]) -> Result<&[u8], StampError> {
    if reply.len() > REPLY_MAX {
        return Err(StampError::TooLarge);
    }
    let mut parts = Element::only(reply, SEQUENCE)?.elements()?;
    let mut info = parts.take(SEQUENCE)?.elements()?;
    let granted = info.take(INTEGER)?.natural()?.is_empty();
    info.optional(SEQUENCE)?;
    info.optional(BIT_STRING)?;
    info.end()?;
    let token = parts.optional(SEQUENCE)?;
    parts.end()?;
    if granted { Ok(token.ok_or(StampError::Malformed)?.whole) } else { Err(StampError::NotGranted) }
}
