//! That a tree is the beginning of a larger one: made as RFC 9162, 2.1.4.1 defines it, checked by the steps of 2.1.4.2.
//!
//! The standard leaves out two cases that a witness meets: the empty tree is the beginning of every tree, and a tree is
//! its own; both with the empty proof.

use super::hashing::node_hash;
use super::proof::{Proof, ProofError};
use super::source::{HashSource, MakeError, range_hashes};
use super::subtree::split;
use super::{Hash, SIZE_MAX, TreeHead};

/// The proof that the tree of the first `old` leaves is the beginning of the one of the first `new`: at most 64 hashes,
/// none where `old` is 0 or `new`.
pub fn prove_consistency<S: HashSource>(
    source: &mut S,
    old: u64,
    new: u64,
) -> Result<Proof, MakeError<S::Error>> {
    if old > new || new > SIZE_MAX {
        return Err(MakeError::OutOfRange);
    }
    if old == 0 {
        return Ok(Proof::default());
    }
    let mut ranges = Vec::new();
    let (mut begin, mut end) = (0, new);
    while end != old {
        let middle = begin + split(end - begin);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((begin, middle));
            begin = middle;
        }
    }
    // What is left is a subtree of both trees; the verifier has its hash already where it is the whole old tree.
    if begin > 0 {
        ranges.push((begin, end));
    }
    let hashes = range_hashes(source, ranges.into_iter().rev())?;
    Proof::new(hashes).map_err(|_| MakeError::OutOfRange)
}

/// Checks that the tree `old` is the beginning of the tree `new`. As with inclusion, both sizes are as good as the
/// signatures they come with.
pub fn verify_consistency(proof: &Proof, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
    if old.size > new.size || new.size > SIZE_MAX {
        return Err(ProofError::OutOfRange);
    }
    let known = if old.size == 0 {
        old.root == TreeHead::EMPTY.root
    } else if old.size == new.size {
        old.root == new.root
    } else {
        return verify_growth(proof, old, new);
    };
    match (proof.hashes().is_empty(), known) {
        (false, _) => Err(ProofError::Length),
        (true, true) => Ok(()),
        (true, false) => Err(ProofError::Root),
    }
}

/// The steps for a tree that has leaves and grew. The old root stands for the first hash where it is a subtree of the
/// new tree.
fn verify_growth(proof: &Proof, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
    let whole = old.size.is_power_of_two().then_some(&old.root);
    let mut path = whole.into_iter().chain(proof.hashes());
    let first = path.next().ok_or(ProofError::Length)?;
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    let shared = node.trailing_ones();
    (node, last) = (node >> shared, last >> shared);
    let (mut from, mut to): (Hash, Hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            (from, to) = (node_hash(sibling, &from), node_hash(sibling, &to));
            let alone = node.trailing_zeros();
            (node, last) = (node >> alone, last >> alone);
        } else {
            to = node_hash(&to, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, from == old.root && to == new.root) {
        (1.., _) => Err(ProofError::Length),
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
    }
}
