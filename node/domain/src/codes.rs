//! Codes of the number system's data standard, each a type that only holds text of its form (DOMAIN words:
//! 特定個人情報名コード, 事務コード, 事務手続コード, 項目コード, 団体内統合宛名番号 and the keys of a copy record).
//!
//! What must hold: a code is text, never an integer (leading zeros count). Whether a code is *listed* is the
//! catalogue's business. The addressee number names a person: it has no `Display` and is hidden in `Debug`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text does not have the form of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text does not have the form of the code")]
pub struct InvalidCode;

/// Reads any text-shaped type without a copy of the text.
pub(crate) fn deserialize_text<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Text<T>(PhantomData<T>);
    impl<T: FromStr> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a code")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::custom(InvalidCode))
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}

macro_rules! text_code {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer)
            }
        }
    };
}

macro_rules! fixed_code {
    ($(#[$doc:meta])* $name:ident, $length:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                // Only ASCII is ever stored.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = InvalidCode;

            fn from_str(text: &str) -> Result<Self, InvalidCode> {
                let digits = text.strip_prefix($prefix).ok_or(InvalidCode)?;
                if !is_digits(digits) {
                    return Err(InvalidCode);
                }
                text.as_bytes().try_into().map(Self).map_err(|_| InvalidCode)
            }
        }

        text_code!($name);
    };
}

macro_rules! variable_code {
    ($(#[$doc:meta])* $name:ident, $max:literal, $allowed:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidCode;

            fn from_str(text: &str) -> Result<Self, InvalidCode> {
                let formed = (1..=$max).contains(&text.len()) && $allowed(text);
                if formed { Ok(Self(text.into())) } else { Err(InvalidCode) }
            }
        }

        text_code!($name);
    };
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    )*};
}

fixed_code!(
    /// 団体内統合宛名番号: 15 digits that name a person within one body.
    AddresseeNumber,
    15,
    ""
);
fixed_code!(
    /// 特定個人情報名コード: `TM` and 14 digits; names a dataset.
    InfoNameCode,
    16,
    "TM"
);
fixed_code!(
    /// 事務コード: `JM` and 14 digits; names a number-use affair.
    AffairCode,
    16,
    "JM"
);
fixed_code!(
    /// 事務手続コード: `JT` and 14 digits; names a procedure of an affair.
    ProcedureCode,
    16,
    "JT"
);
fixed_code!(
    /// 版番号: four digits; names a version of a dataset's standard layout.
    LayoutVersion,
    4,
    ""
);
variable_code!(
    /// 項目コード: 1–16 ASCII letters, digits, `-`, `_`; names an item of a dataset.
    InfoItemCode,
    16,
    is_name
);
variable_code!(
    /// レコード識別番号: 1–32 ASCII letters, digits, `-`, `_`; names a record within one body.
    RecordId,
    32,
    is_name
);
variable_code!(
    /// データセットレコードキー: 1–20 digits; orders the records of a dataset.
    RecordKey,
    20,
    is_digits
);
shown!(InfoNameCode, AffairCode, ProcedureCode, LayoutVersion, InfoItemCode, RecordId, RecordKey);

impl fmt::Debug for AddresseeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddresseeNumber(hidden)")
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests;
