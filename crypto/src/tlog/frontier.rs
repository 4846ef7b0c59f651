//! A tree as its right edge: the roots of the complete subtrees that cover it, enough to append and to tell the root.
//!
//! What must hold: as many roots as the size has bits set, largest subtree first; never more than 63.

use super::hashing::node_hash;
use super::source::{HashSource, MakeError, join};
use super::subtree::{Subtree, cover};
use super::{EMPTY_ROOT, Hash, SIZE_MAX, TreeHead};

/// Why a frontier did not take what it was given. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The tree has [`SIZE_MAX`] leaves.
    #[error("the log is full")]
    Full,
    /// Not as many roots as a tree of this size has complete subtrees.
    #[error("not the frontier of a tree of this size")]
    Roots,
}

/// The complete subtrees of a tree, largest first: 32 bytes each, one for each bit set in its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

impl Frontier {
    /// The frontier of the empty tree.
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// The frontier of a tree of `size` leaves from what [`roots`](Self::roots) once gave. Whether they are the
    /// right ones, only the root tells.
    pub fn from_roots(size: u64, roots: Vec<Hash>) -> Result<Self, FrontierError> {
        let fits = size <= SIZE_MAX && roots.len() == size.count_ones() as usize;
        if fits { Ok(Self { size, roots }) } else { Err(FrontierError::Roots) }
    }

    /// The frontier of a tree of `size` leaves out of its stored hashes: at most 63 are read.
    pub fn read<S: HashSource>(source: &mut S, size: u64) -> Result<Self, MakeError<S::Error>> {
        if size > SIZE_MAX {
            return Err(MakeError::OutOfRange);
        }
        let roots: Result<_, _> =
            cover(0, size).map(|at| source.hash(at).map_err(MakeError::Source)).collect();
        Ok(Self { size, roots: roots? })
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends the leaf with this hash.
    pub fn append(&mut self, leaf: Hash) -> Result<(), FrontierError> {
        self.append_with(leaf, |_, _| ())
    }

    /// Appends a leaf and shows every subtree that it completes: itself, then each above it. Two on average, at most
    /// 63.
    pub fn append_with(
        &mut self,
        leaf: Hash,
        mut completed: impl FnMut(Subtree, &Hash),
    ) -> Result<(), FrontierError> {
        if self.size >= SIZE_MAX {
            return Err(FrontierError::Full);
        }
        let (mut at, mut hash) = (Subtree::leaf(self.size), leaf);
        completed(at, &hash);
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            (at, hash) = (at.parent(), node_hash(&left, &hash));
            completed(at, &hash);
        }
        self.roots.push(hash);
        self.size += 1;
        Ok(())
    }

    /// Appends leaves in their order; all of them or, where they are too many, none.
    pub fn extend(&mut self, leaves: &[Hash]) -> Result<(), FrontierError> {
        if leaves.len() as u64 > SIZE_MAX - self.size {
            return Err(FrontierError::Full);
        }
        leaves.iter().try_for_each(|leaf| self.append(*leaf))
    }

    /// The root over all leaves: as many hashes as there are subtrees, less one.
    pub fn root(&self) -> Hash {
        join(self.roots.iter().rev().copied()).unwrap_or(EMPTY_ROOT)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}
