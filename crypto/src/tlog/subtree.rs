//! Where complete subtrees lie in a tree, and which of them cover a range of leaves.

use super::SIZE_MAX;

/// A complete subtree: the `index`-th (from 0) of those with 2^`level` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    level: u8,
    index: u64,
}

impl Subtree {
    /// The subtree at this place; `None` where it would reach past [`SIZE_MAX`] leaves.
    pub fn new(level: u8, index: u64) -> Option<Self> {
        let end = index.checked_add(1)?;
        let fits = u32::from(level) < u64::BITS && end <= SIZE_MAX >> level;
        fits.then_some(Self { level, index })
    }

    /// The subtree of one leaf. The caller knows that `index` is below [`SIZE_MAX`].
    pub fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// The subtree that this one is a half of. The caller knows that it is complete.
    pub(super) fn parent(self) -> Self {
        Self { level: self.level + 1, index: self.index >> 1 }
    }

    /// The logarithm to base 2 of its leaves, 0 to 62.
    pub fn level(self) -> u8 {
        self.level
    }

    /// How many subtrees of its level are left of it.
    pub fn index(self) -> u64 {
        self.index
    }
}

/// The fewest complete subtrees over the leaves from `begin` up to but not including `end`, left to right: at most 63
/// where `begin` is 0 or as aligned as a subtree of a proof. Both are at most [`SIZE_MAX`].
pub(super) fn cover(mut begin: u64, end: u64) -> impl Iterator<Item = Subtree> {
    std::iter::from_fn(move || {
        let left = end.checked_sub(begin).filter(|left| *left > 0)?;
        let level = left.ilog2().min(begin.trailing_zeros());
        let subtree = Subtree { level: u8::try_from(level).ok()?, index: begin >> level };
        begin += 1 << level;
        Some(subtree)
    })
}

/// The leaves of the left subtree of a tree with `leaves` of them, two at least: the largest power of two below.
pub(super) fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}
