//! A body's tree as rows of its own partition: its tiles, and where each person's records in it end. Fenced with the body,
//! backed up with it, moved with it.
//!
//! What must hold: a tree is stored as one batch, or what was stored before stands; one that does not have the root that
//! was stored with it is not believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_crypto::tlog::{Edge, Hash, TILE_LEVELS, TILE_WIDTH, TileName, TileSource, TreeHead};
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};

use crate::audit::{CHAIN_PAGE, Chain, ChainEnd, FIRST_EPOCH, Unstored, UnstoredChain};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::{RowError, SealedFor};

/// How rows beside a log are sealed.
pub(crate) const SEALED: SealedFor = SealedFor { purpose: Purpose::Audit, day: 0, person: None };

/// Level and index of a tile.
pub(super) type Place = (u8, u64);

/// Form of the rows. A tree of another one is made anew.
const FORM: u8 = 2;

/// A tile's bytes.
pub(super) type Tile = Arc<[u8]>;

/// How far the stored tree goes.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "f")]
    form: u8,
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
pub(super) struct Held<'a>(pub(super) &'a BTreeMap<Place, Tile>);

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

/// One person's records: the last one, and the leaves behind the last full page.
#[derive(Serialize, Deserialize)]
struct StoredChain {
    #[serde(rename = "n")]
    number: u64,
    #[serde(rename = "i")]
    index: u64,
    #[serde(rename = "h", with = "serde_bytes")]
    leaf: Hash,
    /// Absent from rows of the first form, which belong to a tree that is made anew and are not believed.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    page: Option<Vec<u64>>,
}

impl StoredChain {
    fn of(chain: &Chain) -> Self {
        let Chain { end: ChainEnd { number, index, leaf }, page } = chain;
        Self { number: *number, index: *index, leaf: *leaf, page: Some(page.clone()) }
    }

    fn chain(self) -> Option<Chain> {
        let Self { number, index, leaf, page } = self;
        let page = page.filter(|page| page.len() as u64 == number % CHAIN_PAGE)?;
        Some(Chain { end: ChainEnd { number, index, leaf }, page })
    }
}

fn chain_row(body: &HostedBody, person: &PersonId) -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[2]).name(&body.keys().naming().name(Space::LogTree.code(), &[person]))
}

/// A full page of a person's records.
fn page_row(body: &HostedBody, person: &PersonId, page: u64) -> RowKey {
    let name = body.keys().naming().name(Space::LogTree.code(), &[person]);
    RowKey::new(Space::LogTree).bytes(&[3]).name(&name).bytes(&page.to_be_bytes())
}

/// Stores what has grown, in one batch: whoever lets a tree grow stores it before it has grown by more than one holds.
pub(super) async fn store(body: &HostedBody, unstored: &Unstored) -> Result<(), RowError> {
    let mut batch = Batch::new();
    for (place, bytes) in &unstored.tiles {
        let row = tile_row(*place);
        let sealed = body.seal_bytes(Space::LogTree, &row, SEALED, bytes).await?;
        batch = batch.put(row, sealed);
    }
    for UnstoredChain { person, chain, full } in &unstored.chains {
        for (page, indexes) in full {
            let row = page_row(body, person, *page);
            batch = body.put(batch, Space::LogTree, row, SEALED, indexes).await?;
        }
        let row = chain_row(body, person);
        batch = body.put(batch, Space::LogTree, row, SEALED, &StoredChain::of(chain)).await?;
    }
    let TreeHead { size, root } = unstored.head;
    let stored = Stored { form: FORM, size, root, epoch: unstored.epoch };
    body.apply(body.put(batch, Space::LogTree, head_row(), SEALED, &stored).await?).await
}

/// Where the records of these persons end.
pub(super) async fn chains(
    body: &HostedBody,
    persons: &[PersonId],
) -> Result<Vec<(PersonId, Option<Chain>)>, RowError> {
    let rows: Vec<_> = persons.iter().map(|person| chain_row(body, person)).collect();
    let stored = body.get_rows(&rows).await?;
    let mut chains = Vec::with_capacity(persons.len());
    for ((person, row), stored) in persons.iter().zip(&rows).zip(stored) {
        let chain: Option<StoredChain> = body.open_row(Space::LogTree, row, &stored).await?;
        chains.push((*person, chain.and_then(StoredChain::chain)));
    }
    Ok(chains)
}

/// Full pages of a person's records, those that are stored, in the order that they are asked for in.
pub(super) async fn pages(
    body: &HostedBody,
    person: &PersonId,
    pages: &[u64],
) -> Result<Vec<(u64, Vec<u64>)>, RowError> {
    let rows: Vec<_> = pages.iter().map(|page| page_row(body, person, *page)).collect();
    let stored = body.get_rows(&rows).await?;
    let mut found = Vec::with_capacity(pages.len());
    for ((page, row), stored) in pages.iter().zip(&rows).zip(stored) {
        let indexes: Option<Vec<u64>> = body.open_row(Space::LogTree, row, &stored).await?;
        found.extend(indexes.map(|indexes| (*page, indexes)));
    }
    Ok(found)
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
    let Some(Stored { form, size, root, epoch }) = stored else { return Ok((Edge::new(), FIRST_EPOCH)) };
    if form != FORM {
        return Err(RowError::Malformed);
    }
    let mut held = BTreeMap::new();
    for level in 0..TILE_LEVELS {
        let index = size.checked_shr(8 * u32::from(level)).unwrap_or(0) / u64::from(TILE_WIDTH);
        if TileName::in_tree(level, index, size).is_some()
            && let Some(bytes) = tile(body, (level, index)).await?
        {
            held.insert((level, index), bytes.into());
        }
    }
    let edge = Edge::open(&mut Held(&held), size).map_err(|_| RowError::Malformed)?;
    if edge.head() == (TreeHead { size, root }) { Ok((edge, epoch)) } else { Err(RowError::Malformed) }
}
