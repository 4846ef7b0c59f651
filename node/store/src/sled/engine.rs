//! The directories of all bodies of one data folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use super::directory::Directory;
use super::{SledOptions, SledPartition};
use crate::engine::{Engine, EngineKind};
use crate::error::StoreError;
use crate::folder::check_name;
use crate::hold::hold;
use crate::image::check_engine;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Partition};

/// One name's place in the table: its own mutex, so that a slow opening holds up nobody else.
type Slot = Arc<Mutex<Weak<SledPartition>>>;

/// sled directories in one folder.
pub(crate) struct SledEngine(Arc<Inner>);

struct Inner {
    bodies: PathBuf,
    lock: Arc<LockFile>,
    options: SledOptions,
    open: Mutex<HashMap<String, Slot>>,
}

impl SledEngine {
    /// The engine for the folder `bodies`, which is held by `lock`.
    pub(crate) fn new(bodies: PathBuf, lock: Arc<LockFile>, options: SledOptions) -> Self {
        Self(Arc::new(Inner { bodies, lock, options, open: Mutex::default() }))
    }
}

impl Engine for SledEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Sled
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (inner, name) = (Arc::clone(&self.0), name.to_owned());
        elsewhere(move || inner.open(&name))
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        let (inner, name) = (Arc::clone(&self.0), name.to_owned());
        elsewhere(move || inner.remove(&name))
    }
}

fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> BoxFuture<Result<T, StoreError>> {
    Box::pin(async { tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Stopped)) })
}

impl Inner {
    fn slot(&self, name: &str) -> Result<Slot, StoreError> {
        check_name(name)?;
        Ok(Arc::clone(hold(&self.open).entry(name.to_owned()).or_default()))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Partition>, StoreError> {
        let slot = self.slot(name)?;
        let mut open = hold(&slot);
        if let Some(partition) = open.upgrade() {
            return Ok(partition);
        }
        check_engine(&self.bodies, name, EngineKind::Sled, "sqlite")?;
        let directory = Directory::new(&self.bodies, name);
        let partition = Arc::new(SledPartition::open(directory, &self.options, Arc::clone(&self.lock))?);
        *open = Arc::downgrade(&partition);
        Ok(partition)
    }

    fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let slot = self.slot(name)?;
        let open = hold(&slot);
        if open.strong_count() > 0 {
            return Err(StoreError::Owned);
        }
        Directory::new(&self.bodies, name).remove()
    }
}
