//! Images of SQLite partitions: taken under writes, put back, chained, altered, moved.

mod altered;
mod chains;
mod frozen;
mod held;
mod histories;
mod moves;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_crypto::sign::IdentityKey;

use super::*;
use crate::batch::Batch;
use crate::engine::{Engine, EngineKind};
use crate::folder::DataFolder;
use crate::journal::JournalEntry;
use crate::partition::{MAX_SCAN_ROWS, Partition};
use crate::row::{RowKey, Space};
use crate::sqlite::SqliteOptions;

pub(super) const BODY: &str = "982016";

pub(super) type Content = BTreeMap<RowKey, Vec<u8>>;

/// A data folder with its engine.
pub(super) struct Stage {
    _dir: tempfile::TempDir,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) backups: PathBuf,
    pub(super) identity: IdentityKey,
}

impl Stage {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("data")).unwrap();
        let engine = folder.sqlite(SqliteOptions::default());
        let backups = dir.path().join("backups");
        std::fs::create_dir(&backups).unwrap();
        let identity = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        Self { _dir: dir, engine, backups, identity }
    }

    pub(super) async fn partition(&self, name: &str) -> Arc<dyn Partition> {
        self.engine.open(name).await.unwrap()
    }

    pub(super) async fn observed(&self) -> Arc<Observed> {
        Observed::over(self.partition(BODY).await, EngineKind::Sqlite).await.unwrap()
    }

    pub(super) fn identities(&self) -> Vec<Vec<u8>> {
        vec![self.identity.public_spki()]
    }

    /// Takes a backup as a node and a terminal do together; also what stood there when writes were held.
    pub(super) async fn backup(
        &self,
        observed: &Arc<Observed>,
        name: &str,
        base: Option<&BackupSet>,
    ) -> BackupSet {
        let folder = self.backups.join(name);
        let mut writer = ImageWriter::create(&folder).unwrap();
        let since = base.map(|base| (base.manifest().lineage, base.manifest().newest));
        let mut rows = Outgoing::begin(observed, since, || ()).await.unwrap();
        while let Some(chunk) = rows.next().await.unwrap() {
            assert_eq!(writer.chunk(ImageFile::Rows, &chunk.payload).unwrap(), chunk.sum);
        }
        let taken = rows.taken().unwrap();
        let first = base.map_or(1, |base| base.manifest().journal_span.last + 1);
        let mut builder = ChunkBuilder::default();
        for seq in first..first + 3 {
            assert_eq!(builder.entry(&entry(seq)), None);
        }
        let journal = builder.finish().unwrap();
        writer.chunk(ImageFile::Journal, &journal.payload).unwrap();
        let manifest = Manifest {
            format: 1,
            body: BODY.to_owned(),
            engine: "sqlite".to_owned(),
            created_ms: 1_795_000_000_000,
            base: base.map(BackupSet::as_base),
            lineage: taken.lineage,
            newest: taken.newest,
            owner_epoch: observed.epoch(),
            rows: taken.rows,
            spaces: taken.spaces,
            journal: FileSums { chunks: vec![journal.sum] },
            journal_span: JournalSpan { first, last: first + 2 },
            keyring: KeyringNeed { generation: 1, root: 1, epoch: 20_000 },
            pause_us: u64::try_from(taken.pause.as_micros()).unwrap(),
        };
        let folder = writer.finish(&self.signed(&manifest)).unwrap();
        BackupSet::open(&folder, &self.identities()).unwrap()
    }

    pub(super) fn signed(&self, manifest: &Manifest) -> Vec<u8> {
        let manifest = manifest.to_bytes().unwrap();
        let signature = self.identity.sign(&SignedManifest::message(&manifest)).unwrap();
        SignedManifest::new(manifest, signature).to_bytes().unwrap()
    }
}

pub(super) fn entry(seq: u64) -> JournalEntry {
    let replay = seq.is_multiple_of(2).then_some([7; 16]);
    JournalEntry { seq, at_ms: 1_795_000_000_000 + seq, kind: 3, replay, sealed: vec![seq as u8; 40] }
}

pub(super) fn key(number: u64) -> RowKey {
    let space = [Space::Person, Space::Document, Space::Meta][usize::try_from(number % 3).unwrap()];
    RowKey::new(space).bucket(number)
}

/// Checks the chain that ends in `last` and puts it into `target`.
pub(super) async fn restore(
    last: &BackupSet,
    identities: &[Vec<u8>],
    target: Arc<dyn Partition>,
) -> Result<(), ImageError> {
    let chain = last.clone().chain(identities)?;
    check_chain(&chain, &mut |_| {})?;
    let mut importer = Importer::begin(target).await?;
    for backup in &chain {
        for chunk in backup.rows()? {
            let (section, records) = chunk?;
            importer.take(section, records).await?;
        }
        importer.end_image(Some(backup.id())).await?;
    }
    let restored = Restored { backup: last.id(), last_number: last.manifest().journal_span.last };
    importer.finish(Some(restored), last.manifest().owner_epoch).await
}

pub(super) async fn content(partition: &dyn Partition) -> Content {
    let mut content = Content::new();
    for space in Space::ALL {
        let mut after = None;
        loop {
            let page = partition.scan(&RowKey::new(*space), after.as_ref(), MAX_SCAN_ROWS).await.unwrap();
            after = page.next();
            content.extend(page.rows.into_iter().map(|(key, row)| (key, row.value)));
            if after.is_none() {
                break;
            }
        }
    }
    content
}

pub(super) async fn fill(partition: &dyn Partition, numbers: std::ops::Range<u64>, value: u8) {
    let batch = numbers.fold(Batch::new(), |batch, number| batch.put(key(number), vec![value; 100]));
    partition.apply(batch).await.unwrap();
}

pub(super) fn bytes_of(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap()
}
