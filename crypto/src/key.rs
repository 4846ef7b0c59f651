//! 32-byte secrets: wiped when dropped, redacted when printed, compared in constant time.

/// Defines a 32-byte secret type of its own, so that keys of different use cannot be exchanged by mistake.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(zeroize::Zeroizing<[u8; 32]>);

        impl $name {
            /// Takes the 32 secret bytes.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(zeroize::Zeroizing::new(bytes))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_redacts_itself() {
        assert_eq!(format!("{:?}", Key32::from_bytes([0xab; 32])), "Key32(redacted)");
    }

    #[test]
    fn equality_is_of_all_bytes() {
        let mut other = [7; 32];
        other[31] = 8;
        assert_eq!(Key32::from_bytes([7; 32]), Key32::from_bytes([7; 32]));
        assert_ne!(Key32::from_bytes([7; 32]), Key32::from_bytes(other));
    }
}
