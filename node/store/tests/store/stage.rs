//! An engine with a place for its rows, as the suites are given it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_store::{
    Batch, DataFolder, Engine, EngineKind, Partition, RowKey, SledOptions, Space, SqliteOptions,
};
use tempfile::TempDir;

/// The body whose rows the cases use.
pub(crate) const BODY: &str = "982016";

/// An engine that has no rows yet.
pub(crate) struct Stage {
    pub(crate) kind: EngineKind,
    dir: TempDir,
}

impl Stage {
    /// A new data folder for an embedded engine.
    pub(crate) fn embedded(kind: EngineKind) -> Self {
        Self { kind, dir: tempfile::tempdir().unwrap() }
    }

    /// Where an embedded engine's files lie.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What an embedded engine keeps of a body.
    pub(crate) fn body(&self, name: &str) -> PathBuf {
        self.path().join("bodies").join(format!("{name}.{}", self.kind))
    }

    /// The engine as a process that was started anew sees it. Whoever had it before has dropped all handles.
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        engine(self.kind, self.path())
    }

    /// The body as a process that was started anew sees it.
    pub(crate) async fn open(&self) -> Arc<dyn Partition> {
        self.engine().open(BODY).await.unwrap()
    }
}

/// An embedded engine on the folder `dir`.
pub(crate) fn engine(kind: EngineKind, dir: &Path) -> Arc<dyn Engine> {
    let folder = DataFolder::open(dir).unwrap();
    match kind {
        EngineKind::Sqlite => folder.sqlite(SqliteOptions::default()),
        EngineKind::Sled => folder.sled(SledOptions::default()),
        EngineKind::Postgres => panic!("keeps nothing in a folder"),
    }
}

/// The row of this name.
pub(crate) fn key(name: &[u8]) -> RowKey {
    RowKey::new(Space::Document).bytes(name)
}

/// The prefix of all rows that [`key`] names.
pub(crate) fn all() -> RowKey {
    RowKey::new(Space::Document)
}

/// A batch of one row.
pub(crate) fn put(name: &[u8], value: &[u8]) -> Batch {
    Batch::new().put(key(name), value.to_vec())
}

/// A row's value, if there is one.
pub(crate) async fn value(partition: &dyn Partition, name: &[u8]) -> Option<Vec<u8>> {
    partition.get_many(&[key(name)]).await.unwrap().pop().unwrap().map(|found| found.value)
}

/// The version of a row that is there.
pub(crate) async fn version(partition: &dyn Partition, name: &[u8]) -> u64 {
    partition.get_many(&[key(name)]).await.unwrap()[0].as_ref().unwrap().version
}
