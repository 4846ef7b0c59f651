//! Which tiles a growing log writes.

use super::tile::{TILE_LEVELS, TILE_WIDTH, TileName, hashes_at};

/// A tile that growth made, widened or completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The tile as it is after the growth.
    pub tile: TileName,
    /// How many of its hashes were there before: 0 where it is new.
    pub held: u16,
}

/// The tiles that a log's growth from `old` to `new` leaves changes, level by level, left to right. A full tile among
/// them replaces the partial ones of its place; a partial one is due where a checkpoint of `new` leaves is given out.
pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Grown> {
    let width = u64::from(TILE_WIDTH);
    (0..TILE_LEVELS).flat_map(move |level| {
        let (had, has) = (hashes_at(level, old), hashes_at(level, new));
        let end = if has > had { has.div_ceil(width) } else { 0 };
        (had / width..end).filter_map(move |index| {
            let held = had.saturating_sub(index * width);
            Some(Grown { tile: TileName::in_tree(level, index, new)?, held: u16::try_from(held).ok()? })
        })
    })
}
