//! A body's tree as rows of its own partition: its tiles, and where each person's records in it end. Fenced with the body,
//! backed up with it, moved with it.
//!
//! What must hold: a tree is stored as one batch, or what was stored before stands; one that does not have the root that
//! was stored with it is not believed.

use std::collections::BTreeMap;

use chukei_crypto::seal::Purpose;
use chukei_crypto::tlog::{Edge, Hash, TILE_LEVELS, TILE_WIDTH, TileName, TileSource, TreeHead};
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};

use crate::audit::{ChainEnd, FIRST_EPOCH, Unstored};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::{RowError, SealedFor};

pub(super) const SEALED: SealedFor = SealedFor { purpose: Purpose::Audit, day: 0, person: None };

/// Level and index of a tile.
pub(super) type Place = (u8, u64);

/// How far the stored tree goes.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "n")]
    size: u64,
    #[serde(rename = "r", with = "serde_bytes")]
    root: Hash,
    #[serde(rename = "e")]
    epoch: u64,
}

fn tile_row((level, index): Place) -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[0, level]).bytes(&index.to_be_bytes())
}

fn head_row() -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[1])
}

/// Tiles at hand.
pub(super) struct Held<'a>(pub(super) &'a BTreeMap<Place, Vec<u8>>);

/// The tile is not at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not at hand")]
pub(super) struct NotAtHand;

impl TileSource for Held<'_> {
    type Error = NotAtHand;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), NotAtHand> {
        let held = self.0.get(&(tile.level(), tile.index()));
        out.extend_from_slice(held.filter(|bytes| bytes.len() >= tile.bytes()).ok_or(NotAtHand)?);
        Ok(())
    }
}

/// The end of one person's records.
#[derive(Serialize, Deserialize)]
struct StoredEnd {
    #[serde(rename = "n")]
    number: u64,
    #[serde(rename = "i")]
    index: u64,
    #[serde(rename = "h", with = "serde_bytes")]
    leaf: Hash,
}

fn chain_row(body: &HostedBody, person: &PersonId) -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[2]).name(&body.keys().naming().name(Space::LogTree.code(), &[person]))
}

/// Stores what has grown, in one batch: whoever lets a tree grow stores it before it has grown by more than one holds.
pub(super) async fn store(body: &HostedBody, unstored: &Unstored) -> Result<(), RowError> {
    let mut batch = Batch::new();
    for (place, bytes) in &unstored.tiles {
        let row = tile_row(*place);
        let sealed = body.seal_bytes(Space::LogTree, &row, SEALED, bytes).await?;
        batch = batch.put(row, sealed);
    }
    for (person, end) in &unstored.chains {
        let ChainEnd { number, index, leaf } = *end;
        let row = chain_row(body, person);
        batch = body.put(batch, Space::LogTree, row, SEALED, &StoredEnd { number, index, leaf }).await?;
    }
    let TreeHead { size, root } = unstored.head;
    let stored = Stored { size, root, epoch: unstored.epoch };
    body.apply(body.put(batch, Space::LogTree, head_row(), SEALED, &stored).await?).await
}

/// Where the records of these persons end.
pub(super) async fn chains(
    body: &HostedBody,
    persons: &[PersonId],
) -> Result<Vec<(PersonId, Option<ChainEnd>)>, RowError> {
    let rows: Vec<_> = persons.iter().map(|person| chain_row(body, person)).collect();
    let stored = body.get_rows(&rows).await?;
    let mut ends = Vec::with_capacity(persons.len());
    for ((person, row), stored) in persons.iter().zip(&rows).zip(stored) {
        let end: Option<StoredEnd> = body.open_row(Space::LogTree, row, &stored).await?;
        let end = end.map(|StoredEnd { number, index, leaf }| ChainEnd { number, index, leaf });
        ends.push((*person, end));
    }
    Ok(ends)
}

/// One stored tile.
pub(super) async fn tile(body: &HostedBody, place: Place) -> Result<Option<Vec<u8>>, RowError> {
    let row = tile_row(place);
    let Some(stored) = body.get_row(&row).await? else { return Ok(None) };
    Ok(Some(body.open_bytes(Space::LogTree, &row, stored.value).await?.into_inner()))
}

/// The edge of the tree that is stored, and the log's epoch; the empty one where there is none. [`RowError::Malformed`]
/// where its tiles do not have its root.
pub(super) async fn edge(body: &HostedBody) -> Result<(Edge, u64), RowError> {
    let row = head_row();
    let stored: Option<Stored> = body.open_row(Space::LogTree, &row, &body.get_row(&row).await?).await?;
    let Some(Stored { size, root, epoch }) = stored else { return Ok((Edge::new(), FIRST_EPOCH)) };
    let mut held = BTreeMap::new();
    for level in 0..TILE_LEVELS {
        let index = size.checked_shr(8 * u32::from(level)).unwrap_or(0) / u64::from(TILE_WIDTH);
        if TileName::in_tree(level, index, size).is_some()
            && let Some(bytes) = tile(body, (level, index)).await?
        {
            held.insert((level, index), bytes);
        }
    }
    let edge = Edge::open(&mut Held(&held), size).map_err(|_| RowError::Malformed)?;
    if edge.head() == (TreeHead { size, root }) { Ok((edge, epoch)) } else { Err(RowError::Malformed) }
}
