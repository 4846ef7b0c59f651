//! Policies of authorities: object identifiers, as configurations write them and tokens carry them.

use std::fmt;
use std::str::FromStr;

use der::asn1::ObjectIdentifier;

use super::StampError;

/// Not an object identifier, such as `1.2.392.200091.100.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier such as 1.3.6.1.4.1.4146.2.3")]
pub struct BadPolicy;

/// Under which rules an authority stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy(ObjectIdentifier);

impl Policy {
    /// Out of what is behind tag and length.
    pub(super) fn from_value(value: &[u8]) -> Result<Self, StampError> {
        ObjectIdentifier::from_bytes(value).map(Self).map_err(|_| StampError::Malformed)
    }

    /// What is behind tag and length.
    pub(super) fn value(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for Policy {
    type Err = BadPolicy;

    fn from_str(text: &str) -> Result<Self, BadPolicy> {
        ObjectIdentifier::new(text).map(Self).map_err(|_| BadPolicy)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
