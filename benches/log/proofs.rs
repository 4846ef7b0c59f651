//! Proofs that a leaf is in a long log, from sealed tiles in an SQLite partition as a node reads them: the edge of the tree
//! is at hand, every other tile is read for each proof.
//!
//! The log is made up: its leaves are hashes of numbers, its tiles those that a log with these leaves would have.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use chukei_benches::progress::Progress;
use chukei_benches::stats::{Spread, quantile};
use chukei_benches::table::Table;
use chukei_benches::{Failure, stats};
use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{KeyIds, Place, Purpose, open_owned, seal};
use chukei_crypto::tlog::{
    Edge, Hash, MakeError, Proof, TileError, TileName, TileSource, Tiles, TreeHead, leaf_hash,
    prove_inclusion, verify_inclusion,
};
use chukei_store::{Batch, DataFolder, Partition, RowKey, Space, SqliteOptions};
use rand::Rng;

use crate::Bench;

const BODY: &str = "982016";
/// Tiles of one batch, 8 KiB each.
const BATCH: usize = 512;
/// Leaves between two steps of the progress bar.
const STEP: u64 = 1_000_000;
/// Rows that one proof reads at most.
const ROWS: usize = 16;
const IDS: KeyIds = KeyIds { purpose: Purpose::Audit, day: 0, person: None };

/// A log that is long.
struct Long {
    partition: Arc<dyn Partition>,
    keys: Keyring,
    head: TreeHead,
    /// The tiles of its right edge.
    edge: BTreeMap<(u8, u64), Vec<u8>>,
    _folder: DataFolder,
}

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    progress.steps(bench.args.leaves / STEP);
    let began = Instant::now();
    let long = bench.runtime.block_on(Long::make(bench, progress))?;
    let made = began.elapsed().as_secs_f64();
    let mut random = rand::rng();
    let (mut proving, mut verifying, mut longest) = (Vec::new(), Vec::new(), 0);
    for _ in 0..bench.args.proofs {
        let index = random.random_range(0..long.head.size);
        let began = Instant::now();
        let proof = bench.runtime.block_on(long.prove(index))?;
        proving.push(began.elapsed().as_secs_f64() * 1e6);
        let began = Instant::now();
        verify_inclusion(black_box(&proof), index, &leaf(index), &long.head)?;
        verifying.push(began.elapsed().as_secs_f64() * 1e6);
        longest = longest.max(proof.to_bytes().len());
    }
    proving.sort_by(f64::total_cmp);
    let spread = Spread::of(proving.iter().copied()).ok_or("no proof was made")?;
    let header = [
        "leaves",
        "seconds to make up",
        "proofs",
        "made, µs",
        "p99, µs",
        "verified, µs",
        "longest proof, bytes",
    ];
    let mut table = Table::new("Proofs that a leaf is in a long log", &header);
    table.row([
        long.head.size.to_string(),
        format!("{made:.0}"),
        bench.args.proofs.to_string(),
        spread.show(1),
        format!("{:.1}", quantile(&proving, 0.99).unwrap_or_default()),
        stats::show(verifying, 1),
        longest.to_string(),
    ]);
    Ok(table)
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

fn row(level: u8, index: u64) -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[0, level]).bytes(&index.to_be_bytes())
}

fn place(row: &RowKey) -> Place<'_> {
    Place { body: BODY.as_bytes(), space: Space::LogTree.code(), row: row.as_bytes() }
}

impl Long {
    async fn make(bench: &Bench, progress: &Progress) -> Result<Self, Failure> {
        let folder = DataFolder::open(&bench.folder.join("long"))?;
        let partition = folder.sqlite(SqliteOptions::default()).open(BODY).await?;
        let keys = Keyring::create(BODY.as_bytes())?;
        let (mut edge, mut full) = (Edge::new(), Vec::new());
        for index in 0..bench.args.leaves {
            edge.append(leaf(index), |tile, bytes| {
                full.push(((tile.level(), tile.index()), bytes.to_vec()));
            })?;
            if full.len() >= BATCH {
                store(&*partition, &keys, &mut full).await?;
            }
            if index % STEP == 0 {
                progress.done(1);
            }
        }
        store(&*partition, &keys, &mut full).await?;
        let tiles = edge.partial_tiles();
        let held = tiles.map(|(tile, bytes)| ((tile.level(), tile.index()), bytes.to_vec())).collect();
        Ok(Self { partition, keys, head: edge.head(), edge: held, _folder: folder })
    }

    async fn prove(&self, index: u64) -> Result<Proof, Failure> {
        let (size, mut read) = (self.head.size, BTreeMap::new());
        for _ in 0..ROWS {
            let source = Held { edge: &self.edge, read: &read };
            match prove_inclusion(&mut Tiles::new(source, size), index, size) {
                Ok(proof) => return Ok(proof),
                Err(MakeError::Source(TileError::Source(tile, NotAtHand))) => {
                    read.insert((tile.level(), tile.index()), self.tile(tile).await?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err("a proof wants more tiles than a path has".into())
    }

    async fn tile(&self, tile: TileName) -> Result<Vec<u8>, Failure> {
        let row = row(tile.level(), tile.index());
        let found = self.partition.get_many(std::slice::from_ref(&row)).await?;
        let sealed = found.into_iter().next().flatten().ok_or("a tile is missing")?.value;
        Ok(open_owned(&self.keys, place(&row), sealed)?.into_inner())
    }
}

async fn store(
    partition: &dyn Partition,
    keys: &Keyring,
    tiles: &mut Vec<((u8, u64), Vec<u8>)>,
) -> Result<(), Failure> {
    let mut batch = Batch::new();
    for ((level, index), bytes) in tiles.drain(..) {
        let row = row(level, index);
        let sealed = seal(keys, IDS, place(&row), &bytes)?;
        batch = batch.put(row, sealed);
    }
    Ok(partition.apply(batch).await?)
}

/// The tiles at hand.
struct Held<'a> {
    edge: &'a BTreeMap<(u8, u64), Vec<u8>>,
    read: &'a BTreeMap<(u8, u64), Vec<u8>>,
}

/// The tile is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotAtHand;

impl std::fmt::Display for NotAtHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not at hand")
    }
}

impl std::error::Error for NotAtHand {}

impl TileSource for Held<'_> {
    type Error = NotAtHand;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), NotAtHand> {
        let place = (tile.level(), tile.index());
        let bytes = self.edge.get(&place).or_else(|| self.read.get(&place)).ok_or(NotAtHand)?;
        out.extend_from_slice(bytes);
        Ok(())
    }
}
