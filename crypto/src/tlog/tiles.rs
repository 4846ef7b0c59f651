//! The hashes of a tree out of its tiles.
//!
//! A proof asks for hashes of one tile one after the other: the last tile of every level is kept, so that a proof reads
//! a tile of the leaf's path and one of the right edge at each level, eight for a log of 4 billion leaves.

use super::source::HashSource;
use super::tile::{TILE_LEVELS, TILE_WIDTH, TileName};
use super::{Frontier, Hash, Subtree};

/// Gives the bytes of tiles, from wherever they are kept.
pub trait TileSource {
    /// Why a tile cannot be given.
    type Error;

    /// Appends the tile's bytes to `out`, which is empty: its hashes, 32 bytes each. Where a partial tile is gone
    /// because a wider one took its place, the wider one serves as well.
    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// Why a hash was not read out of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// The tile could not be read.
    #[error("{0}: {1}")]
    Source(TileName, #[source] E),
    /// The tile is shorter than its name says, or not a number of hashes up to [`TILE_WIDTH`].
    #[error("{0} has another length")]
    Length(TileName),
    /// The subtree is not within the tree.
    #[error("not within the tree")]
    OutOfRange,
}

/// The tiles of a log at one size, as a [`HashSource`]: at most 64 KiB of them are held.
#[derive(Debug)]
pub struct Tiles<S> {
    source: S,
    size: u64,
    held: [Option<(TileName, Vec<u8>)>; TILE_LEVELS as usize],
}

impl<S: TileSource> Tiles<S> {
    /// Reads the tiles of a log with `size` leaves.
    pub fn new(source: S, size: u64) -> Self {
        Self { source, size, held: [const { None }; TILE_LEVELS as usize] }
    }

    /// The source.
    pub fn into_source(self) -> S {
        self.source
    }

    /// The source, for what else it knows.
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// The bytes of the tile at this place, read if they are not held.
    fn tile(&mut self, tile: TileName) -> Result<&[u8], TileError<S::Error>> {
        let held = self.held.get_mut(usize::from(tile.level())).ok_or(TileError::OutOfRange)?;
        let mut bytes = match held.take() {
            Some((name, bytes)) if name == tile => return Ok(&held.insert((name, bytes)).1),
            Some((_, bytes)) => bytes,
            None => Vec::new(),
        };
        read_tile(&mut self.source, tile, &mut bytes)?;
        Ok(&held.insert((tile, bytes)).1)
    }
}

/// Reads exactly this tile's hashes into `bytes`, which loses what it held.
pub(super) fn read_tile<S: TileSource>(
    source: &mut S,
    tile: TileName,
    bytes: &mut Vec<u8>,
) -> Result<(), TileError<S::Error>> {
    bytes.clear();
    source.read(tile, bytes).map_err(|error| TileError::Source(tile, error))?;
    let whole = bytes.len().is_multiple_of(size_of::<Hash>());
    if !whole || bytes.len() < tile.bytes() || bytes.len() > tile.full().bytes() {
        return Err(TileError::Length(tile));
    }
    bytes.truncate(tile.bytes());
    Ok(())
}

impl<S: TileSource> HashSource for Tiles<S> {
    type Error = TileError<S::Error>;

    fn hash(&mut self, at: Subtree) -> Result<Hash, Self::Error> {
        let (narrow, slot, count) = TileName::of(at).ok_or(TileError::OutOfRange)?;
        let tile = TileName::in_tree(narrow.level(), narrow.index(), self.size)
            .filter(|tile| tile.width() >= narrow.width())
            .ok_or(TileError::OutOfRange)?;
        let (hashes, _) = self.tile(tile)?.as_chunks::<{ size_of::<Hash>() }>();
        let range = usize::from(slot)..usize::from(slot + count);
        let hashes = hashes.get(range).ok_or(TileError::Length(tile))?;
        Ok(subtree_root(hashes))
    }
}

/// The root over the hashes of a subtree, at most [`TILE_WIDTH`]; they are the leaves of a small tree.
fn subtree_root(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len() <= usize::from(TILE_WIDTH));
    let mut small = Frontier::new();
    for hash in hashes {
        // A tree of 256 leaves is never full.
        let _ = small.append(*hash);
    }
    small.root()
}
