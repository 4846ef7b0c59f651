//! The tree that is stated of a body's log, as somebody reads it who holds the log against it.
//!
//! What must hold: it is the tree of one moment; its tiles are read one by one, away from the runtime's own threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{KeyKind, Pins, SignedCheckpoint, TileName, TileSource, TreeHead, VerifierKey};
use chukei_relay_client::log_key::LogOrigin;
use tokio::runtime::Handle;

use crate::audit::{Stands, StoredLog, TileFault};
use crate::checkpoints::gap;
use crate::checkpoints::places::Places;
use crate::checkpoints::proofs::Snapshot;
use crate::checkpoints::rows::{self, Place, Tile};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::RowError;

/// Why a checkpoint that was handed in says nothing about the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadMark {
    /// Not a checkpoint of this body's log.
    Malformed,
    /// Not signed with the log's key.
    Signature,
    /// Of an epoch before the log was restored.
    Before,
}

/// Head and tiles of the tree.
pub(crate) struct StoredTree {
    body: Arc<HostedBody>,
    runtime: Handle,
    head: TreeHead,
    epoch: u64,
    held: BTreeMap<Place, Tile>,
}

impl StoredTree {
    /// The tree as it is now; `None` where what is stored has no root that anybody could believe.
    pub(crate) async fn of(body: &Arc<HostedBody>) -> Result<Option<Self>, RowError> {
        let (body, runtime) = (body.clone(), Handle::current());
        if body.audit().tree().is_open() {
            let (head, epoch, held) = Snapshot::of(&body).into_parts();
            return Ok(Some(Self { body, runtime, head, epoch, held }));
        }
        match rows::edge(&body).await {
            Ok((edge, epoch)) => {
                Ok(Some(Self { body, runtime, head: edge.head(), epoch, held: BTreeMap::new() }))
            }
            Err(RowError::Malformed | RowError::Seal(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A tree of an earlier moment, as proofs are made from it.
    pub(crate) fn at(body: &Arc<HostedBody>, tree: &Snapshot) -> Self {
        let (head, epoch, held) = tree.clone().into_parts();
        Self { body: body.clone(), runtime: Handle::current(), head, epoch, held }
    }

    /// Size and root.
    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }

    /// The head of the last checkpoint that is known here to be cosigned, of the log's present epoch.
    pub(crate) async fn witnessed(&self) -> Result<Option<TreeHead>, RowError> {
        let kept = gap::witnessed(&self.body).await?;
        Ok(kept.and_then(|kept| self.mark(kept.note.as_bytes()).ok()))
    }

    /// The head that a checkpoint says the log had, where the log has signed it in its present epoch.
    pub(crate) fn mark(&self, checkpoint: &[u8]) -> Result<TreeHead, BadMark> {
        let checkpoint = SignedCheckpoint::parse(checkpoint).map_err(|_| BadMark::Malformed)?;
        let origin: LogOrigin = checkpoint.unverified().origin().parse().map_err(|_| BadMark::Malformed)?;
        if origin.body != self.body.code() {
            return Err(BadMark::Malformed);
        }
        let public = SigningKey::of_log(self.body.keys().log_key()).map_err(|_| BadMark::Signature)?.public();
        let key = VerifierKey::new(&origin.to_string(), KeyKind::Log, public);
        let pins = key.ok().and_then(|key| Pins::new(&origin.to_string(), vec![key]).ok());
        let verified = checkpoint.verify(&pins.ok_or(BadMark::Signature)?).map_err(|_| BadMark::Signature)?;
        if origin.epoch < self.epoch {
            return Err(BadMark::Before);
        }
        Ok(*verified.0.head())
    }
}

impl TileSource for StoredTree {
    type Error = TileFault;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), TileFault> {
        let place = (tile.level(), tile.index());
        if let Some(held) = self.held.get(&place).filter(|bytes| bytes.len() >= tile.bytes()) {
            out.extend_from_slice(held);
            return Ok(());
        }
        match self.runtime.block_on(rows::tile(&self.body, place)) {
            Ok(Some(bytes)) => {
                out.extend_from_slice(&bytes);
                Ok(())
            }
            Ok(None) | Err(RowError::Malformed | RowError::Seal(_)) => Err(TileFault::Gone),
            Err(_) => Err(TileFault::NotNow),
        }
    }
}

impl StoredLog for StoredTree {
    fn stands(&mut self, person: &PersonId, index: u64) -> Result<Option<Stands>, TileFault> {
        match self.runtime.block_on(stands(&self.body, person, index)) {
            Ok(stands) => Ok(stands),
            Err(RowError::Malformed | RowError::Seal(_)) => Ok(None),
            Err(_) => Err(TileFault::NotNow),
        }
    }
}

/// Halves the person's records until the one at this leaf is found, or where it would be.
async fn stands(body: &HostedBody, person: &PersonId, index: u64) -> Result<Option<Stands>, RowError> {
    let mut places = Places::of(body, *person).await?;
    let (mut behind, mut end) = (0, places.count());
    while behind < end {
        let middle = behind + (end - behind).div_ceil(2);
        places.read(body, middle..=middle).await?;
        match places.index(middle) {
            Some(at) if at < index => behind = middle,
            Some(_) => end = middle - 1,
            None => return Ok(None),
        }
    }
    let is_known = places.index(behind + 1) == Some(index);
    Ok(Some(Stands { number: behind + 1, before: places.index(behind), is_known }))
}
