//! Who owns keys.

use std::fmt;
use std::str::FromStr;

/// Longest name of an owner, bytes: also the longest that a sealed value is bound to.
pub const OWNER_MAX: usize = chukei_crypto::seal::BODY_MAX;

/// The owner of a root, of epochs and of a keyring: a body's code, or a broker's or portal's name. 1 to
/// [`OWNER_MAX`] of `a-z 0-9 -`, because it becomes the name of files and of objects in a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

/// The name cannot own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an owner of keys is named by 1 to 32 of a-z 0-9 -")]
pub struct InvalidOwner;

impl Owner {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as sealed forms are bound to it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for Owner {
    type Err = InvalidOwner;

    fn from_str(name: &str) -> Result<Self, InvalidOwner> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if name.is_empty() || name.len() > OWNER_MAX || !name.bytes().all(allowed) {
            return Err(InvalidOwner);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_read_as_a_path_or_is_too_long_owns_nothing() {
        for name in ["982016", "broker-a", &"x".repeat(OWNER_MAX)] {
            assert_eq!(name.parse::<Owner>().unwrap().as_str(), name);
        }
        for name in ["", ".", "a/b", "a.b", "A", "海", "a b", &"x".repeat(OWNER_MAX + 1)] {
            assert_eq!(name.parse::<Owner>(), Err(InvalidOwner), "{name}");
        }
    }
}
