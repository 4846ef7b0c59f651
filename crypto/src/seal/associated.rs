//! The associated data of a sealed value: what it must not be taken away from.

use super::header::Header;
use super::{BODY_MAX, Place, ROW_MAX, SealError};

/// Header and place, each part of the place preceded by its length; on the stack.
pub(super) struct Associated {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Associated {
    const MAX: usize = Header::LENGTH + 3 + BODY_MAX + ROW_MAX;

    pub(super) fn of(header: &Header, place: Place<'_>) -> Result<Self, SealError> {
        let body = u8::try_from(place.body.len()).map_err(|_| SealError::TooLong)?;
        let row = u8::try_from(place.row.len()).map_err(|_| SealError::TooLong)?;
        if place.body.len() > BODY_MAX {
            return Err(SealError::TooLong);
        }
        let mut associated = Self { bytes: [0; Self::MAX], length: 0 };
        for part in [&header.to_bytes()[..], &[body], place.body, &[place.space, row], place.row] {
            associated.push(part)?;
        }
        Ok(associated)
    }

    fn push(&mut self, part: &[u8]) -> Result<(), SealError> {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(SealError::TooLong)?.copy_from_slice(part);
        self.length = end;
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// The header that stands in front.
    pub(super) fn header(&self) -> [u8; Header::LENGTH] {
        let (header, _) = self.bytes.split_first_chunk().unwrap_or((&[0; Header::LENGTH], &[]));
        *header
    }
}
