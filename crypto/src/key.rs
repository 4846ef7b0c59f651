//! 32-byte secrets: wiped when dropped, redacted when printed, compared in constant time.
//!
//! A [`DayKey`] also keeps what HKDF makes of it before a value is known: the HMAC state that every value key of
//! that day begins with, and the key of the salts that are to go with it.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

/// Defines a 32-byte secret type of its own, so that keys of different use cannot be exchanged by mistake.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(zeroize::Zeroizing<[u8; 32]>);

        impl $name {
            /// Takes the 32 secret bytes; the copy passed in is wiped.
            pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
                let kept = Self(zeroize::Zeroizing::new(bytes));
                zeroize::Zeroize::zeroize(&mut bytes);
                kept
            }

            /// The secret bytes. They are to reach a cipher or a sealed file and nothing else.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
            }
        }

        impl Eq for $name {}
    };
}
pub(crate) use secret;

use crate::derive::{DeriveError, Extracted, Extractor};
use crate::mac::MacKey;
use crate::random::{self, RandomError};

secret!(
    /// A 256-bit key of the keyring: of a day, a page or a person.
    Key32
);

impl Key32 {
    /// A fresh random key.
    pub fn generate() -> Result<Self, RandomError> {
        random::bytes().map(Self::from_bytes)
    }
}

/// What the key of salts is expanded from its day key under: no value's label begins like it.
const SALTS: &[u8] = b"chukei salts v1";

/// The key of one purpose and day, ready for deriving value keys. Copies share the prepared state.
#[derive(Clone)]
pub struct DayKey {
    key: Key32,
    prepared: Arc<Prepared>,
}

struct Prepared {
    extractor: Extractor,
    /// Made when it is first asked for.
    salts: OnceLock<MacKey>,
}

impl DayKey {
    /// Takes the 32 secret bytes and prepares them.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let key = Key32::from_bytes(bytes);
        let prepared = Prepared { extractor: Extractor::new(key.as_bytes()), salts: OnceLock::new() };
        Self { key, prepared: Arc::new(prepared) }
    }

    /// A fresh random key.
    pub fn generate() -> Result<Self, RandomError> {
        random::bytes().map(Self::from_bytes)
    }

    /// The secret bytes. They are to reach a sealed file and nothing else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// HKDF-Extract with this key as the salt and `material` as the input.
    pub(crate) fn extract(&self, material: &[u8]) -> Extracted {
        self.prepared.extractor.extract(material)
    }

    /// The key that salts are made of which are to end with this key: whoever has it not cannot try what was committed
    /// to behind them.
    pub fn salts(&self) -> Result<&MacKey, DeriveError> {
        if let Some(salts) = self.prepared.salts.get() {
            return Ok(salts);
        }
        let mut secret = Zeroizing::new([0; 32]);
        self.extract(&[]).fill(&[SALTS], &mut *secret)?;
        Ok(self.prepared.salts.get_or_init(|| MacKey::from_slice(&secret)))
    }
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DayKey(redacted)")
    }
}

impl PartialEq for DayKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for DayKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_redacts_itself() {
        assert_eq!(format!("{:?}", Key32::from_bytes([0xab; 32])), "Key32(redacted)");
        assert_eq!(format!("{:?}", DayKey::from_bytes([0xab; 32])), "DayKey(redacted)");
    }

    #[test]
    fn salts_are_the_days_own() {
        let of = |byte| DayKey::from_bytes([byte; 32]).salts().unwrap().tag(&[b"salt"]);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_ne!(of(1), MacKey::new([1; 32]).tag(&[b"salt"]), "not the day's key itself");
        let key = DayKey::from_bytes([1; 32]);
        assert_eq!(key.salts().unwrap().tag(&[b"salt"]), key.clone().salts().unwrap().tag(&[b"salt"]));
    }

    #[test]
    fn equality_is_of_all_bytes() {
        let mut other = [7; 32];
        other[31] = 8;
        assert_eq!(Key32::from_bytes([7; 32]), Key32::from_bytes([7; 32]));
        assert_ne!(Key32::from_bytes([7; 32]), Key32::from_bytes(other));
        assert_eq!(DayKey::from_bytes([7; 32]), DayKey::from_bytes([7; 32]));
        assert_ne!(DayKey::from_bytes([7; 32]), DayKey::from_bytes(other));
    }
}
