//! A log that is being written: its frontier and the partial tile of every level.
//!
//! What must hold: the frontier is what the partial tiles say, so that a log is opened from them alone. At most eight
//! tiles of 8 KiB are held, one where the log has few leaves; appending allocates nothing else.

use super::frontier::{Frontier, FrontierError};
use super::source::MakeError;
use super::tile::{TILE_LEVELS, TILE_WIDTH, TileName, hashes_at};
use super::tiles::{TileError, TileSource, read_tile};
use super::{Hash, SIZE_MAX, TreeHead};

/// Bytes of a full tile.
const FULL: usize = TILE_WIDTH as usize * size_of::<Hash>();

/// The right edge of a log.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edge {
    frontier: Frontier,
    /// The bytes of each level's partial tile, empty where there is none.
    partial: [Vec<u8>; TILE_LEVELS as usize],
}

impl Edge {
    /// A log without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log of `size` leaves from its partial tiles: at most eight are read. Whether they are the right ones, only
    /// [`head`](Self::head) tells: the caller compares it with the log's last checkpoint.
    pub fn open<S: TileSource>(source: &mut S, size: u64) -> Result<Self, MakeError<TileError<S::Error>>> {
        if size > SIZE_MAX {
            return Err(MakeError::OutOfRange);
        }
        let mut edge = Self::new();
        let mut roots = Vec::new();
        for (level, partial) in (0..TILE_LEVELS).zip(&mut edge.partial).rev() {
            let width = u64::from(TILE_WIDTH);
            let index = hashes_at(level, size) / width;
            let Some(tile) = TileName::in_tree(level, index, size) else { continue };
            read_tile(source, tile, partial).map_err(MakeError::Source)?;
            roots.extend(complete(partial));
        }
        edge.frontier = Frontier::from_roots(size, roots).map_err(|_| MakeError::OutOfRange)?;
        Ok(edge)
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Size and root: at most 62 hashes.
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// The frontier.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends the leaf with this hash. Tiles that it completes are shown, lowest level first, one of every 256 leaves:
    /// they are not kept here.
    pub fn append(&mut self, leaf: Hash, mut full: impl FnMut(TileName, &[u8])) -> Result<(), FrontierError> {
        let partial = &mut self.partial;
        self.frontier.append_with(leaf, |at, hash| {
            let Some((name, _, 1)) = TileName::of(at) else { return };
            let Some(bytes) = partial.get_mut(usize::from(name.level())) else { return };
            bytes.extend_from_slice(hash);
            if bytes.len() >= FULL {
                full(name, bytes);
                bytes.clear();
            }
        })
    }

    /// The partial tiles as they are now, lowest level first: at most eight.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (TileName, &[u8])> {
        (0..TILE_LEVELS).zip(&self.partial).filter_map(|(level, bytes)| {
            let index = hashes_at(level, self.size()) / u64::from(TILE_WIDTH);
            Some((TileName::in_tree(level, index, self.size())?, bytes.as_slice()))
        })
    }
}

/// The roots of the complete subtrees over a partial tile's hashes, largest first.
fn complete(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, _) = bytes.as_chunks::<{ size_of::<Hash>() }>();
    let mut small = Frontier::new();
    // Fewer than 256 leaves: never full.
    let _ = small.extend(hashes);
    small.roots().to_vec()
}
