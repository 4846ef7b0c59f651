//! Elements of DER, one after the other. Lengths and tags are read by the `der` crate; what stands where is said by the
//! readers beside this one.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};

use super::StampError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[number]`, constructed.
pub(super) const fn inner(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]`, primitive.
pub(super) const fn plain(number: u8) -> u8 {
    0x80 | number
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// What is behind tag and length.
    pub(super) value: &'a [u8],
    /// All of it.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The only element of `bytes`.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Result<Self, StampError> {
        let mut elements = Elements::of(bytes)?;
        let element = elements.take(tag)?;
        elements.end()?;
        Ok(element)
    }

    /// The elements in it.
    pub(super) fn elements(&self) -> Result<Elements<'a>, StampError> {
        Elements::of(self.value)
    }

    /// The value of an INTEGER that is not negative, in its shortest form, without leading zeros: nothing for 0.
    pub(super) fn natural(&self) -> Result<&'a [u8], StampError> {
        match self.value {
            [] => Err(StampError::Malformed),
            [0, rest @ ..] if rest.first().is_none_or(|byte| *byte >= 0x80) => Ok(rest),
            [first, ..] if *first != 0 && *first < 0x80 => Ok(self.value),
            _ => Err(StampError::Malformed),
        }
    }
}

/// Elements that are still to be read.
pub(super) struct Elements<'a>(SliceReader<'a>);

impl<'a> Elements<'a> {
    /// Those of a value.
    pub(super) fn of(value: &'a [u8]) -> Result<Self, StampError> {
        SliceReader::new(value).map(Self).map_err(|_| StampError::Malformed)
    }

    fn is_next(&self, tag: u8) -> bool {
        self.0.peek_byte() == Some(tag)
    }

    /// The next element, whatever it is; `None` behind the last.
    pub(super) fn any(&mut self) -> Result<Option<Element<'a>>, StampError> {
        let Some(tag) = self.0.peek_byte() else { return Ok(None) };
        let whole = self.0.tlv_bytes().map_err(|_| StampError::Malformed)?;
        let value = AnyRef::from_der(whole).map_err(|_| StampError::Malformed)?.value();
        Ok(Some(Element { tag, value, whole }))
    }

    /// The next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<Element<'a>, StampError> {
        self.optional(tag)?.ok_or(StampError::Malformed)
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, StampError> {
        if self.is_next(tag) { self.any() } else { Ok(None) }
    }

    /// Nothing is left.
    pub(super) fn end(self) -> Result<(), StampError> {
        if self.0.is_finished() { Ok(()) } else { Err(StampError::Malformed) }
    }
}

/// The identifier of an AlgorithmIdentifier whose parameters are absent or NULL.
pub(super) fn algorithm<'a>(element: Element<'a>) -> Result<&'a [u8], StampError> {
    let mut parts = element.elements()?;
    let name = parts.take(OBJECT_IDENTIFIER)?.value;
    match parts.any()? {
        None => {}
        Some(parameters) if parameters.whole == [0x05, 0x00] => {}
        Some(_) => return Err(StampError::Algorithm),
    }
    parts.end()?;
    Ok(name)
}
