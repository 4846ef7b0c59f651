//! The stored tree, as the one that is made anew is compared with it.
//!
//! What must hold: at most a tile of each level is held.

use chukei_crypto::tlog::{
    Edge, Hash, HashSource, MakeError, Subtree, TileError, TileName, Tiles, TreeHead, prove_inclusion,
    verify_inclusion,
};

use super::{Stands, StoredLog, TileFault};
use crate::hosted::persons::PersonId;
use chukei_domain::event::{Place, Previous};

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

impl<S: StoredLog> Against<S> {
    pub(super) fn new(source: S, head: TreeHead) -> Self {
        Self { tiles: Tiles::new(source, head.size), head }
    }

    /// Whether the tree has a leaf of this index.
    pub(super) fn has(&self, index: u64) -> bool {
        index < self.head.size
    }

    /// The leaf at this index; `None` behind the tree.
    pub(super) fn leaf(&mut self, index: u64) -> Result<Option<Hash>, TileFault> {
        match Subtree::new(0, index).filter(|_| self.has(index)) {
            Some(at) => self.tiles.hash(at).map(Some).map_err(fault),
            None => Ok(None),
        }
    }

    /// Where the record of this person at this leaf stands among theirs, as the store says; `None` where what it has does
    /// not fit.
    pub(super) fn place(&mut self, person: &PersonId, index: u64) -> Result<Option<Place>, TileFault> {
        let within = self.has(index);
        let Some(Stands { number, before, is_known }) = self.tiles.source_mut().stands(person, index)? else {
            return Ok(None);
        };
        if within && !is_known {
            return Ok(None);
        }
        let previous = match before {
            Some(index) => match self.leaf(index)? {
                Some(leaf) => Some(Previous { index, leaf }),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(Some(Place { number, previous }))
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
