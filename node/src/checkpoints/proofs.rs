//! Proofs over a body's tree, out of the tiles that are held and those that are stored.
//!
//! What must hold: a proof is made for one size of the tree, whatever grows meanwhile; few rows are read for one.

use std::collections::BTreeMap;

use chukei_crypto::tlog::{
    Hash, HashSource, MakeError, Proof, Subtree, TileError, Tiles, TreeHead, prove_consistency,
    prove_inclusion,
};

use crate::checkpoints::rows::{self, Held, NotAtHand, Place, Tile};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Rows read for one proof, at most: a path and an edge, eight levels each.
const ROWS: usize = 16;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// There is no such leaf, or no such smaller tree.
    #[error("not within the tree")]
    OutOfRange,
    /// A tile of the tree is gone, or is not a tile.
    #[error("a tile of the tree is missing")]
    Tile,
    /// Rows could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

/// A tree at one moment, from which proofs are made. A copy shares the tiles that are held.
#[derive(Clone)]
pub(crate) struct Snapshot {
    head: TreeHead,
    epoch: u64,
    tiles: BTreeMap<Place, Tile>,
}

impl Snapshot {
    /// The tree as it stands now.
    pub(super) fn of(body: &HostedBody) -> Self {
        let (head, epoch, tiles) = body.audit().tree().held();
        Self { head, epoch, tiles: tiles.into_iter().map(|(place, bytes)| (place, bytes.into())).collect() }
    }

    /// Size and root, the epoch of its log, and the tiles that are held.
    pub(super) fn into_parts(self) -> (TreeHead, u64, BTreeMap<Place, Tile>) {
        (self.head, self.epoch, self.tiles)
    }

    /// The epoch of its log.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Its size and root.
    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }

    /// That the tree of `old` leaves is the beginning of this one.
    pub(crate) async fn consistency(&mut self, body: &HostedBody, old: u64) -> Result<Proof, ProofError> {
        let size = self.head.size;
        self.made(body, |tiles| prove_consistency(tiles, old, size)).await
    }

    /// That the leaf at `index`, from 0, is in this tree. What was read for it is held for the next one.
    pub(crate) async fn inclusion(&mut self, body: &HostedBody, index: u64) -> Result<Proof, ProofError> {
        let size = self.head.size;
        self.made(body, |tiles| prove_inclusion(tiles, index, size)).await
    }

    /// The hash of the leaf at `index`, from 0, as the tree has it.
    pub(crate) async fn leaf(&mut self, body: &HostedBody, index: u64) -> Result<Hash, ProofError> {
        if index >= self.head.size {
            return Err(ProofError::OutOfRange);
        }
        self.made(body, |tiles| tiles.hash(Subtree::leaf(index)).map_err(MakeError::Source)).await
    }

    /// What `make` makes out of the tiles: tried again with each tile that it turns out to need.
    async fn made<T>(
        &mut self,
        body: &HostedBody,
        make: impl Fn(&mut Tiles<Held<'_>>) -> Result<T, MakeError<TileError<NotAtHand>>>,
    ) -> Result<T, ProofError> {
        for _ in 0..=ROWS {
            let missing = match make(&mut Tiles::new(Held(&self.tiles), self.head.size)) {
                Ok(made) => return Ok(made),
                Err(MakeError::Source(TileError::Source(tile, NotAtHand))) => tile,
                Err(MakeError::OutOfRange) => return Err(ProofError::OutOfRange),
                Err(MakeError::Source(_)) => return Err(ProofError::Tile),
            };
            let place = (missing.level(), missing.index());
            let read = rows::tile(body, place).await?.filter(|bytes| bytes.len() >= missing.bytes());
            self.tiles.insert(place, read.ok_or(ProofError::Tile)?.into());
        }
        Err(ProofError::Tile)
    }
}
