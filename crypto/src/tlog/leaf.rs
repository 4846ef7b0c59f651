//! Leaves in two parts, each behind a commitment with its own salt: what the person may see, and what only the body
//! may.
//!
//! What must hold: an entry says nothing about its parts without their salts, not even whether two are equal or a part
//! is empty; one part can be shown without the other; destroying salt and bytes of a part erases it, and the tree stays
//! as it is. Frozen: tags and layout below are what every receipt stands on.
//!
//! | what | bytes |
//! |---|---|
//! | commitment | SHA-256 over the part's tag, the salt and the part's bytes, each preceded by its length (u64, big-endian) |
//! | entry | version 1, person's commitment (32), internal commitment (32) |

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Hash;
use super::hashing::leaf_hash;
use crate::hash::sha256_parts;
use crate::random::{self, RandomError};

/// Bytes of a leaf's entry.
pub const ENTRY: usize = 65;

const VERSION: u8 = 1;
const PERSON_TAG: &[u8] = b"chukei log leaf, person's part v1";
const INTERNAL_TAG: &[u8] = b"chukei log leaf, internal part v1";

/// Not an entry of a version known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of the log")]
pub struct BadEntry;

/// One of a leaf's two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What the person concerned may see. A leaf that concerns nobody has an empty one.
    Person = 1,
    /// What only the body may see.
    Internal = 2,
}

impl Part {
    fn tag(self) -> &'static [u8] {
        match self {
            Self::Person => PERSON_TAG,
            Self::Internal => INTERNAL_TAG,
        }
    }
}

/// The salt of one part: 256 bits that nobody can guess, used once.
#[derive(Clone)]
pub struct Salt(Zeroizing<[u8; 32]>);

impl Salt {
    /// A fresh one.
    pub fn generate() -> Result<Self, RandomError> {
        random::bytes().map(Self::from_bytes)
    }

    /// Takes 32 bytes that were drawn, or derived for this part of this leaf alone from a key that can be destroyed.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. They are to reach whoever may see the part, and nobody else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}

impl PartialEq for Salt {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.0[..].ct_eq(&other.0[..]))
    }
}

impl Eq for Salt {}

/// What stands for a part in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment(Hash);

impl Commitment {
    /// Commits to the canonical bytes of a part.
    pub fn new(part: Part, salt: &Salt, bytes: &[u8]) -> Self {
        Self(sha256_parts(&[part.tag(), salt.as_bytes(), bytes]))
    }

    /// The commitment that was written down as these bytes.
    pub fn from_bytes(bytes: Hash) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &Hash {
        &self.0
    }
}

/// A leaf of a log: both commitments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// To what the person may see.
    pub person: Commitment,
    /// To what only the body may see.
    pub internal: Commitment,
}

impl Leaf {
    /// The bytes that are logged: RFC 6962's leaf input.
    pub fn entry(&self) -> [u8; ENTRY] {
        let mut entry = [VERSION; ENTRY];
        let (_, commitments) = entry.split_at_mut(1);
        let both = self.person.0.iter().chain(&self.internal.0);
        commitments.iter_mut().zip(both).for_each(|(to, from)| *to = *from);
        entry
    }

    /// Reads an entry.
    pub fn from_entry(entry: &[u8]) -> Result<Self, BadEntry> {
        match entry.split_first() {
            Some((&VERSION, commitments)) => match commitments.as_chunks() {
                ([person, internal], []) => {
                    Ok(Self { person: Commitment(*person), internal: Commitment(*internal) })
                }
                _ => Err(BadEntry),
            },
            _ => Err(BadEntry),
        }
    }

    /// The leaf's hash in the tree.
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.entry())
    }

    /// The commitment to this part.
    pub fn commitment(&self, part: Part) -> &Commitment {
        match part {
            Part::Person => &self.person,
            Part::Internal => &self.internal,
        }
    }
}
