//! 全国地方公共団体コード: six digits whose last is a check digit.
//!
//! Never an integer: the leading zero of 北海道 (010006) is part of the code. Prefixes 98 and 99 are not
//! assigned to any real body: fictitious bodies use them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codes::deserialize_text;

/// A local body code whose check digit is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalBodyCode([u8; 6]);

/// Why a text is no local body code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBodyCode {
    /// Not six ASCII digits.
    #[error("a local body code has six digits")]
    Format,
    /// Six digits, but the last one does not fit the others.
    #[error("the check digit of the local body code is wrong")]
    CheckDigit,
}

impl LocalBodyCode {
    /// The six digits.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The six ASCII bytes.
    pub fn as_bytes(&self) -> &[u8; 6] {
        &self.0
    }
}

impl FromStr for LocalBodyCode {
    type Err = InvalidBodyCode;

    fn from_str(text: &str) -> Result<Self, InvalidBodyCode> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| InvalidBodyCode::Format)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(InvalidBodyCode::Format);
        }
        let [a, b, c, d, e, check] = digits.map(|digit| u32::from(digit - b'0'));
        let sum = a * 6 + b * 5 + c * 4 + d * 3 + e * 2;
        // The last digit of (11 - remainder), as the ministry's notice defines it: 10 gives 0, 11 gives 1.
        if (11 - sum % 11) % 10 != check {
            return Err(InvalidBodyCode::CheckDigit);
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for LocalBodyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LocalBodyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalBodyCode({self})")
    }
}

impl Serialize for LocalBodyCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LocalBodyCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

#[cfg(test)]
mod tests;
