//! Where the hashes of a tree come from when a proof is made, and how the hash of a range is put together.

use super::Hash;
use super::hashing::node_hash;
use super::subtree::{Subtree, cover};

/// Gives the hashes of complete subtrees, as a log has stored them. [`Tiles`](super::Tiles) does so out of C2SP tiles.
pub trait HashSource {
    /// Why a hash cannot be given.
    type Error;

    /// The hash over the leaves of this subtree.
    fn hash(&mut self, at: Subtree) -> Result<Hash, Self::Error>;
}

/// Why a proof was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MakeError<E> {
    /// There is no such leaf, or no such smaller tree, in a tree of this size.
    #[error("not within the tree")]
    OutOfRange,
    /// The stored hashes could not be read.
    #[error("the stored hashes could not be read: {0}")]
    Source(#[source] E),
}

/// The hash over complete subtrees, given from the right: each is the left neighbour of all that went before.
pub(super) fn join(from_the_right: impl Iterator<Item = Hash>) -> Option<Hash> {
    from_the_right.reduce(|right, left| node_hash(&left, &right))
}

/// The hashes over ranges of leaves, in the order of `ranges`, for ranges as the definitions of RFC 9162 split them.
pub(super) fn range_hashes<S: HashSource>(
    source: &mut S,
    ranges: impl Iterator<Item = (u64, u64)>,
) -> Result<Vec<Hash>, MakeError<S::Error>> {
    ranges
        .map(|(begin, end)| {
            let subtrees: Vec<Subtree> = cover(begin, end).collect();
            let mut hashes = Vec::with_capacity(subtrees.len());
            for at in subtrees.into_iter().rev() {
                hashes.push(source.hash(at).map_err(MakeError::Source)?);
            }
            join(hashes.into_iter()).ok_or(MakeError::OutOfRange)
        })
        .collect()
}
