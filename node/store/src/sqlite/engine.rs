//! The files of all bodies of one data folder.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::SqlitePartition;
use super::options::SqliteOptions;
use crate::durable_file::sync_dir;
use crate::engine::{Engine, EngineKind};
use crate::error::StoreError;
use crate::folder::check_name;
use crate::image::check_engine;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Partition};

/// One name's place in the table: its own mutex, so that a slow opening holds up nobody else.
type Slot = Arc<Mutex<Weak<SqlitePartition>>>;

/// SQLite files in one folder.
pub(crate) struct SqliteEngine {
    shared: Arc<Shared>,
}

struct Shared {
    bodies: PathBuf,
    lock: Arc<LockFile>,
    options: SqliteOptions,
    open: Mutex<HashMap<String, Slot>>,
}

impl SqliteEngine {
    /// Files in the folder `bodies`, which is ours as long as `lock` is held.
    pub(crate) fn new(bodies: PathBuf, lock: Arc<LockFile>, options: SqliteOptions) -> Self {
        Self { shared: Arc::new(Shared { bodies, lock, options, open: Mutex::default() }) }
    }
}

impl Engine for SqliteEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Sqlite
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        blocking(move || shared.open(&name))
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        blocking(move || shared.remove(&name))
    }
}

impl Shared {
    fn open(&self, name: &str) -> Result<Arc<dyn Partition>, StoreError> {
        let slot = self.slot(name)?;
        let mut open = hold(&slot);
        if let Some(partition) = open.upgrade() {
            return Ok(partition);
        }
        check_engine(&self.bodies, name, EngineKind::Sqlite, "sled")?;
        let partition =
            Arc::new(SqlitePartition::open(&self.path(name), name, &self.options, Arc::clone(&self.lock))?);
        *open = Arc::downgrade(&partition);
        Ok(partition)
    }

    fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let slot = self.slot(name)?;
        let open = hold(&slot);
        if open.strong_count() > 0 {
            return Err(StoreError::Owned);
        }
        // The log first: what it holds must not be found beside a new file of this name.
        let file = self.path(name);
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        remove_file(Path::new(&log))?;
        let removed = remove_file(&file)?;
        sync_dir(&self.bodies)?;
        Ok(removed)
    }

    fn slot(&self, name: &str) -> Result<Slot, StoreError> {
        check_name(name)?;
        Ok(Arc::clone(hold(&self.open).entry(name.to_owned()).or_default()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bodies.join(format!("{name}.sqlite"))
    }
}

fn remove_file(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Work that waits for the disk, on a thread that may.
pub(super) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> BoxFuture<Result<T, StoreError>> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|panicked| Err(io::Error::other(panicked).into()))
    })
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
