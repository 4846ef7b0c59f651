//! The stored tree, as the one that is made anew is compared with it.
//!
//! What must hold: at most a tile of each level is held.

use chukei_crypto::tlog::{
    Edge, Hash, HashSource, MakeError, Subtree, TileError, TileName, TileSource, Tiles, TreeHead,
    prove_inclusion, verify_inclusion,
};

use super::TileFault;

/// A tree whose head was stated.
pub(super) struct Against<S> {
    tiles: Tiles<S>,
    head: TreeHead,
}

fn fault(error: TileError<TileFault>) -> TileFault {
    match error {
        TileError::Source(_, fault) => fault,
        TileError::Length(_) | TileError::OutOfRange => TileFault::Gone,
    }
}

impl<S: TileSource<Error = TileFault>> Against<S> {
    pub(super) fn new(source: S, head: TreeHead) -> Self {
        Self { tiles: Tiles::new(source, head.size), head }
    }

    /// The leaf at this index; `None` behind the tree.
    pub(super) fn leaf(&mut self, index: u64) -> Result<Option<Hash>, TileFault> {
        match Subtree::new(0, index).filter(|_| index < self.head.size) {
            Some(at) => self.tiles.hash(at).map(Some).map_err(fault),
            None => Ok(None),
        }
    }

    /// Whether the stored leaf is proven to be of the tree that was stated.
    pub(super) fn is_of_the_tree(&mut self, index: u64, leaf: &Hash) -> Result<bool, TileFault> {
        match prove_inclusion(&mut self.tiles, index, self.head.size) {
            Ok(proof) => Ok(verify_inclusion(&proof, index, leaf, &self.head).is_ok()),
            Err(MakeError::OutOfRange) => Ok(false),
            Err(MakeError::Source(error)) => Err(fault(error)),
        }
    }

    /// Compares tiles that are full now and, where the tree made anew is as large as the stored one, its edge and root. The
    /// first record under what differs.
    pub(super) fn same(
        &mut self,
        number: u64,
        edge: &Edge,
        full: &[(TileName, Vec<u8>)],
    ) -> Result<Option<u64>, TileFault> {
        if number > self.head.size {
            return Ok(None);
        }
        for (tile, bytes) in full {
            if let Some(first) = self.differs(*tile, bytes)? {
                return Ok(Some(first));
            }
        }
        if number < self.head.size {
            return Ok(None);
        }
        for (tile, bytes) in edge.partial_tiles() {
            if let Some(first) = self.differs(tile, bytes)? {
                return Ok(Some(first));
            }
        }
        Ok((edge.head() != self.head).then_some(number))
    }

    /// The first record under a hash of this tile that is stored otherwise.
    fn differs(&mut self, tile: TileName, bytes: &[u8]) -> Result<Option<u64>, TileFault> {
        let level = tile.level() * 8;
        let (hashes, _) = bytes.as_chunks::<{ size_of::<Hash>() }>();
        for (slot, hash) in (0..).zip(hashes) {
            let index = tile.index() * 256 + slot;
            let at = Subtree::new(level, index).ok_or(TileFault::Gone)?;
            if self.tiles.hash(at).map_err(fault)? != *hash {
                return Ok(Some((index << level) + 1));
            }
        }
        Ok(None)
    }
}
