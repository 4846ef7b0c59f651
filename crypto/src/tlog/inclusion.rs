//! That a leaf is in a tree: made as RFC 9162, 2.1.3.1 defines it, checked by the steps of 2.1.3.2.

use super::hashing::node_hash;
use super::proof::{Proof, ProofError};
use super::source::{HashSource, MakeError, range_hashes};
use super::subtree::split;
use super::{Hash, SIZE_MAX, TreeHead};

/// The proof that the leaf at `index`, from 0, is in the tree of the first `size` leaves: at most 63 hashes. It proves
/// what the stored hashes say: whoever hands it out verifies it first.
pub fn prove_inclusion<S: HashSource>(
    source: &mut S,
    index: u64,
    size: u64,
) -> Result<Proof, MakeError<S::Error>> {
    if index >= size || size > SIZE_MAX {
        return Err(MakeError::OutOfRange);
    }
    let mut siblings = Vec::new();
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((begin, middle));
            begin = middle;
        }
    }
    let hashes = range_hashes(source, siblings.into_iter().rev())?;
    Proof::new(hashes).map_err(|_| MakeError::OutOfRange)
}

/// Checks that the leaf with the hash `leaf` is the one at `index`, from 0, of the tree `head`. The head's size is as
/// good as the signature that it comes with: sizes in which the leaf's path has one shape are not told apart.
pub fn verify_inclusion(proof: &Proof, index: u64, leaf: &Hash, head: &TreeHead) -> Result<(), ProofError> {
    if index >= head.size || head.size > SIZE_MAX {
        return Err(ProofError::OutOfRange);
    }
    let (mut node, mut last) = (index, head.size - 1);
    let mut hash = *leaf;
    for sibling in proof.hashes() {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // Levels where the node has no sibling: its hash goes up as it is.
            let alone = node.trailing_zeros();
            (node, last) = (node >> alone, last >> alone);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, hash == head.root) {
        (1.., _) => Err(ProofError::Length),
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
    }
}
