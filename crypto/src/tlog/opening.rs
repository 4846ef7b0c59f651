//! One part of a leaf opened: its bytes and salt, beside the other part's commitment.
//!
//! Nothing here says that the leaf is in a log: that is what the inclusion proof of [`Opening::leaf`] is for. Layout:
//! version 1, part (1 person, 2 internal), salt (32), the other part's commitment (32), the part's bytes to the end.

use std::fmt;

use zeroize::Zeroizing;

use super::leaf::{Commitment, Leaf, Part, Salt};

/// Longest bytes of a part that is opened.
pub const CONTENT_MAX: usize = 16 * 1024;

const VERSION: u8 = 1;

/// Why something does not open a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// More bytes than [`CONTENT_MAX`].
    #[error("the part is too long")]
    TooLong,
    /// Not an opening in its one form.
    #[error("not an opening of a leaf")]
    Malformed,
    /// The leaf is of something else.
    #[error("the leaf does not commit to this")]
    Mismatch,
}

/// A part of a leaf for whoever may see it. The bytes are wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    part: Part,
    salt: Salt,
    other: Commitment,
    content: Zeroizing<Vec<u8>>,
}

impl Opening {
    /// Opens `part` with its salt and bytes; `other` is the commitment to the other part.
    pub fn new(part: Part, salt: Salt, content: Vec<u8>, other: Commitment) -> Result<Self, OpeningError> {
        let content = Zeroizing::new(content);
        if content.len() > CONTENT_MAX {
            return Err(OpeningError::TooLong);
        }
        Ok(Self { part, salt, other, content })
    }

    /// Which part.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The part's bytes.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The leaf that this is a part of.
    pub fn leaf(&self) -> Leaf {
        let own = Commitment::new(self.part, &self.salt, &self.content);
        match self.part {
            Part::Person => Leaf { person: own, internal: self.other },
            Part::Internal => Leaf { person: self.other, internal: own },
        }
    }

    /// Checks that `leaf` is that leaf.
    pub fn verify(&self, leaf: &Leaf) -> Result<(), OpeningError> {
        if self.leaf() == *leaf { Ok(()) } else { Err(OpeningError::Mismatch) }
    }

    /// The bytes, at most 66 more than the part has.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let head = [VERSION, self.part as u8];
        let parts = [&head, &self.salt.as_bytes()[..], self.other.as_bytes(), &self.content];
        Zeroizing::new(parts.concat())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpeningError> {
        let (part, rest) = match bytes {
            [VERSION, 1, rest @ ..] => (Part::Person, rest),
            [VERSION, 2, rest @ ..] => (Part::Internal, rest),
            _ => return Err(OpeningError::Malformed),
        };
        let (salt, rest) = rest.split_first_chunk().ok_or(OpeningError::Malformed)?;
        let (other, content) = rest.split_first_chunk().ok_or(OpeningError::Malformed)?;
        Self::new(part, Salt::from_bytes(*salt), content.to_vec(), Commitment::from_bytes(*other))
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("part", &self.part).finish_non_exhaustive()
    }
}
