//! Proofs over a body's tree, out of the tiles that are held and those that are stored.
//!
//! What must hold: a proof is made for one size of the tree, whatever grows meanwhile; few rows are read for one.

use std::collections::BTreeMap;

use chukei_crypto::tlog::{MakeError, Proof, TileError, Tiles, TreeHead, prove_consistency};

use crate::checkpoints::rows::{self, Held, NotAtHand, Place};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Rows read for one proof, at most: a path and an edge, eight levels each.
const ROWS: usize = 16;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProofError {
    /// There is no such smaller tree.
    #[error("not within the tree")]
    OutOfRange,
    /// A tile of the tree is gone, or is not a tile.
    #[error("a tile of the tree is missing")]
    Tile,
    /// Rows could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

/// A tree at one moment, from which proofs are made.
pub(super) struct Snapshot {
    head: TreeHead,
    epoch: u64,
    tiles: BTreeMap<Place, Vec<u8>>,
}

impl Snapshot {
    /// The tree as it stands now.
    pub(super) fn of(body: &HostedBody) -> Self {
        let (head, epoch, tiles) = body.audit().tree().held();
        Self { head, epoch, tiles }
    }

    /// The epoch of its log.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Its size and root.
    pub(super) fn head(&self) -> TreeHead {
        self.head
    }

    /// That the tree of `old` leaves is the beginning of this one.
    pub(super) async fn consistency(&mut self, body: &HostedBody, old: u64) -> Result<Proof, ProofError> {
        let size = self.head.size;
        for _ in 0..=ROWS {
            let missing = match prove_consistency(&mut Tiles::new(Held(&self.tiles), size), old, size) {
                Ok(proof) => return Ok(proof),
                Err(MakeError::Source(TileError::Source(tile, NotAtHand))) => tile,
                Err(MakeError::OutOfRange) => return Err(ProofError::OutOfRange),
                Err(MakeError::Source(_)) => return Err(ProofError::Tile),
            };
            let place = (missing.level(), missing.index());
            let read = rows::tile(body, place).await?.filter(|bytes| bytes.len() >= missing.bytes());
            self.tiles.insert(place, read.ok_or(ProofError::Tile)?);
        }
        Err(ProofError::Tile)
    }
}
