//! An engine: what keeps the partitions of all bodies of a node, and opens each by its name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::StoreError;
use crate::partition::{BoxFuture, Partition};

/// The engines there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// One SQLite file per body.
    #[default]
    Sqlite,
    /// One sled directory per body.
    Sled,
    /// Tables of a PostgreSQL server, which several nodes may share.
    Postgres,
}

impl EngineKind {
    /// The name in configurations and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Sled => "sled",
            Self::Postgres => "postgres",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an engine: sqlite, sled or postgres")]
pub struct UnknownEngine;

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        [Self::Sqlite, Self::Sled, Self::Postgres]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownEngine)
    }
}

/// What keeps partitions. Within a tokio runtime its time must be enabled: no wait is without an end.
pub trait Engine: Send + Sync {
    /// Which one it is.
    fn kind(&self) -> EngineKind;

    /// The partition of this name (1–64 of `a-z 0-9 -`, e.g. a local body code), opened or created if it is not open
    /// here, and owned by this process from then on. It stays open until the last handle is dropped, which may block
    /// until queued batches are written.
    ///
    /// [`StoreError::Owned`] while another process holds its lease; [`StoreError::OtherEngine`] where the body's rows
    /// lie with another engine of the same data folder.
    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>>;

    /// Removes a partition that is not open, with all its rows, durably; tells whether there was one.
    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>>;
}
