//! An engine with a place for its rows, as the suites are given it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chukei_store::{
    Batch, DataFolder, Engine, EngineKind, Partition, PostgresEngine, PostgresOptions, RowKey, SledOptions,
    Space, SqliteOptions, StoreError,
};
use tempfile::TempDir;

use crate::fixture;

/// The body whose rows the cases use.
pub(crate) const BODY: &str = "982016";
/// How long PostgreSQL keeps a body for an owner that was killed: as short as a loaded machine's pauses allow.
const LEASE: Duration = Duration::from_secs(3);
/// How long where nobody is killed, who would not give it back: longer than any pause.
const UNHURRIED: Duration = Duration::from_secs(30);
/// How often it is looked whether a body is free.
const LOOK: Duration = Duration::from_millis(20);

/// Where an engine keeps rows, as one process can tell another.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) kind: EngineKind,
    /// The data folder, or the schema and the server's address.
    at: String,
}

impl Place {
    /// One line.
    pub(crate) fn to_line(&self) -> String {
        format!("{} {}", self.kind, self.at)
    }

    pub(crate) fn from_line(line: &str) -> Self {
        let (kind, at) = line.split_once(' ').unwrap();
        Self { kind: kind.parse().unwrap(), at: at.to_owned() }
    }

    /// The engine as a process that was started anew sees it, and that may be killed.
    pub(crate) async fn engine(&self) -> Arc<dyn Engine> {
        self.engine_for(LEASE).await
    }

    async fn engine_for(&self, lease: Duration) -> Arc<dyn Engine> {
        let folder = || DataFolder::open(Path::new(&self.at)).unwrap();
        match self.kind {
            EngineKind::Sqlite => folder().sqlite(SqliteOptions::default()),
            EngineKind::Sled => folder().sled(SledOptions::default()),
            EngineKind::Postgres => {
                let (schema, url) = self.at.split_once(' ').unwrap();
                let options = PostgresOptions::new(url, "node-a");
                let options = PostgresOptions { schema: schema.to_owned(), connections: 4, lease, ..options };
                PostgresEngine::connect(options).await.unwrap()
            }
        }
    }
}

/// An engine that has no rows yet.
pub(crate) struct Stage {
    pub(crate) place: Place,
    _dir: Option<TempDir>,
}

impl Stage {
    /// A new data folder for an embedded engine.
    pub(crate) fn embedded(kind: EngineKind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap().to_owned();
        Self { place: Place { kind, at }, _dir: Some(dir) }
    }

    /// A new data folder, or new tables on a server of this process; `None` where there can be no server.
    pub(crate) async fn new(kind: EngineKind) -> Option<Self> {
        if kind != EngineKind::Postgres {
            return Some(Self::embedded(kind));
        }
        let options = fixture::fresh("the suites of all engines").await?.options;
        let at = format!("{} {}", options.schema, options.url);
        Some(Self { place: Place { kind, at }, _dir: None })
    }

    pub(crate) fn kind(&self) -> EngineKind {
        self.place.kind
    }

    /// Where an embedded engine's files lie.
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.place.at)
    }

    /// What an embedded engine keeps of a body.
    pub(crate) fn body(&self, name: &str) -> PathBuf {
        self.path().join("bodies").join(format!("{name}.{}", self.kind()))
    }

    /// The engine as a process that was started anew sees it. Whoever had an embedded one before in this process has
    /// dropped all handles.
    pub(crate) async fn engine(&self) -> Arc<dyn Engine> {
        self.place.engine_for(UNHURRIED).await
    }

    /// The body as a process that was started anew sees it.
    pub(crate) async fn open(&self) -> Arc<dyn Partition> {
        open(&*self.engine().await, BODY).await
    }
}

/// Opens a body, once nobody else owns it any more.
pub(crate) async fn open(engine: &dyn Engine, body: &str) -> Arc<dyn Partition> {
    loop {
        match engine.open(body).await {
            Ok(partition) => return partition,
            Err(StoreError::Owned) => tokio::time::sleep(LOOK).await,
            Err(error) => panic!("{error}"),
        }
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
