//! The hashes of a proof, as bytes and as lines of text: the same list serves inclusion and consistency.

use data_encoding::BASE64;

use super::Hash;

/// Most hashes of a proof: the longest consistency proof of a tree of [`SIZE_MAX`](super::SIZE_MAX) leaves.
pub const PROOF_MAX: usize = 64;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a list of at most [`PROOF_MAX`] hashes.
    #[error("not a proof")]
    Malformed,
    /// The leaf is not in a tree of this size, or the tree did not grow.
    #[error("not within the tree")]
    OutOfRange,
    /// More or fewer hashes than a proof of these numbers has.
    #[error("a proof of another length")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

/// The hashes of an inclusion or consistency proof in the order of RFC 9162: from the leaves up.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Proof(Vec<Hash>);

impl Proof {
    /// Takes hashes, at most [`PROOF_MAX`].
    pub fn new(hashes: Vec<Hash>) -> Result<Self, ProofError> {
        if hashes.len() > PROOF_MAX { Err(ProofError::Malformed) } else { Ok(Self(hashes)) }
    }

    /// The hashes.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// The hashes one after the other, 32 bytes each: 864 bytes for a leaf among 100 million.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let (hashes, rest) = bytes.as_chunks::<{ size_of::<Hash>() }>();
        if !rest.is_empty() || hashes.len() > PROOF_MAX {
            return Err(ProofError::Malformed);
        }
        Ok(Self(hashes.to_vec()))
    }

    /// The hashes as C2SP writes them: base64, each with a newline behind it.
    pub(super) fn to_lines(&self) -> String {
        self.0.iter().map(|hash| BASE64.encode(hash) + "\n").collect()
    }

    /// Reads lines, newlines not included.
    pub(super) fn from_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, ProofError> {
        let hashes: Option<_> = lines.take(PROOF_MAX + 1).map(super::text::hash).collect();
        hashes.ok_or(ProofError::Malformed).and_then(Self::new)
    }
}
