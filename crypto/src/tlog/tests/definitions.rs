//! The definitions of RFC 9162, 2.1, as they stand there, recursive and slow: what everything else is compared with.

use std::convert::Infallible;

use super::*;

/// The largest power of two below `n`.
fn k(n: usize) -> usize {
    (0..).map(|power| 1 << power).take_while(|power| *power < n).last().unwrap()
}

/// MTH(D_n) of 2.1.1, over the leaves' hashes.
pub(super) fn root(d: &[Hash]) -> Hash {
    match d {
        [] => crate::hash::sha256(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = d.split_at(k(d.len()));
            crate::hash::sha256(&[&[1], &root(left)[..], &root(right)].concat())
        }
    }
}

/// PATH(m, D_n) of 2.1.3.1.
pub(super) fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let (left, right) = d.split_at(k(d.len()));
    let (mut path, sibling) =
        if m < left.len() { (path(m, left), right) } else { (path(m - left.len(), right), left) };
    path.push(root(sibling));
    path
}

/// PROOF(m, D_n) of 2.1.4.1, for m from 1.
pub(super) fn proof(m: usize, d: &[Hash]) -> Vec<Hash> {
    subproof(m, d, true)
}

fn subproof(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![root(d)] };
    }
    let (left, right) = d.split_at(k(d.len()));
    let (mut proof, sibling) = if m <= left.len() {
        (subproof(m, left, whole), right)
    } else {
        (subproof(m - left.len(), right, false), left)
    };
    proof.push(root(sibling));
    proof
}

/// A log that holds its leaves' hashes and computes every other.
pub(super) struct Memory<'a>(pub(super) &'a [Hash]);

impl HashSource for Memory<'_> {
    type Error = Infallible;

    fn hash(&mut self, at: Subtree) -> Result<Hash, Infallible> {
        let begin = usize::try_from(at.index() << at.level()).unwrap();
        Ok(root(&self.0[begin..begin + (1 << at.level())]))
    }
}

/// The head of the tree of the first `size` leaves.
pub(super) fn head(d: &[Hash], size: usize) -> TreeHead {
    TreeHead { size: size as u64, root: root(&d[..size]) }
}
