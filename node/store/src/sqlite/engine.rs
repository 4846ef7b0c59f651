//! The files of all bodies of one data folder.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::body::Body;
use super::disk::{explain, io_error, remove_file};
use super::home::Machinery;
use super::options::SqliteOptions;
use super::partition::SqlitePartition;
use crate::durable_file::sync_dir;
use crate::engine::{Engine, EngineKind};
use crate::error::StoreError;
use crate::folder::check_name;
use crate::hold::hold;
use crate::image::check_engine;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Partition};

/// How long an opening waits for a partition of the same name that is being closed.
const CLOSING: Duration = Duration::from_secs(30);

/// SQLite files in one folder.
pub(crate) struct SqliteEngine {
    shared: Arc<Shared>,
}

struct Shared {
    bodies: PathBuf,
    lock: Arc<LockFile>,
    machinery: Arc<Machinery>,
    opened: AtomicU64,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One name's place in the table: its own mutex, so that a slow opening holds up nobody else.
#[derive(Default)]
pub(super) struct Slot {
    /// Whose it is, until its files are closed.
    holder: Mutex<Option<Weak<SqlitePartition>>>,
    freed: Condvar,
}

enum Place<'a> {
    Held(Arc<SqlitePartition>),
    Free(MutexGuard<'a, Option<Weak<SqlitePartition>>>),
}

impl Slot {
    /// Who holds it, or the right to put a partition there: one that is being closed is waited for.
    fn take(&self) -> Result<Place<'_>, StoreError> {
        let mut holder = hold(&self.holder);
        while let Some(partition) = &*holder {
            if let Some(partition) = partition.upgrade() {
                return Ok(Place::Held(partition));
            }
            let (woken, waited) =
                self.freed.wait_timeout(holder, CLOSING).unwrap_or_else(PoisonError::into_inner);
            holder = woken;
            if waited.timed_out() && holder.is_some() {
                return Err(StoreError::Busy);
            }
        }
        Ok(Place::Free(holder))
    }

    /// Its partition has closed its files.
    pub(super) fn free(&self) {
        *hold(&self.holder) = None;
        self.freed.notify_all();
    }
}

impl SqliteEngine {
    /// Files in the folder `bodies`, which is ours as long as `lock` is held.
    pub(crate) fn new(bodies: PathBuf, lock: Arc<LockFile>, options: SqliteOptions) -> Self {
        let machinery = Arc::new(Machinery::new(options));
        let shared = Shared { bodies, lock, machinery, opened: AtomicU64::new(0), slots: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }
}

impl Engine for SqliteEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Sqlite
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        Box::pin(blocking(move || shared.open(&name)))
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        Box::pin(blocking(move || shared.remove(&name)))
    }
}

impl Shared {
    fn open(&self, name: &str) -> Result<Arc<dyn Partition>, StoreError> {
        let slot = self.slot(name)?;
        let mut holder = match slot.take()? {
            Place::Held(partition) => return Ok(partition),
            Place::Free(holder) => holder,
        };
        check_engine(&self.bodies, name, EngineKind::Sqlite, "sled")?;
        let path = self.path(name);
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let body = Body::open(&path, name, number, &self.machinery, Arc::clone(&self.lock))
            .map_err(|error| explain(error, &path))?;
        let partition = SqlitePartition::new(body, Arc::clone(&slot), Arc::clone(&self.lock));
        let partition = Arc::new(partition);
        *holder = Some(Arc::downgrade(&partition));
        Ok(partition)
    }

    fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let slot = self.slot(name)?;
        let Place::Free(_free) = slot.take()? else { return Err(StoreError::Owned) };
        // The file first, and durably: without its log it would be an earlier state of the body, whereas a log beside
        // no file is removed before another file is made.
        let file = self.path(name);
        let removed = remove_file(&file).map_err(io_error)?;
        sync_dir(&self.bodies).map_err(io_error)?;
        let mut log = file.into_os_string();
        log.push("-wal");
        if remove_file(Path::new(&log)).map_err(io_error)? {
            sync_dir(&self.bodies).map_err(io_error)?;
        }
        Ok(removed)
    }

    fn slot(&self, name: &str) -> Result<Arc<Slot>, StoreError> {
        check_name(name)?;
        Ok(Arc::clone(hold(&self.slots).entry(name.to_owned()).or_default()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bodies.join(format!("{name}.sqlite"))
    }
}

/// Work that waits for the disk, on a thread that may; on this one where there is no runtime that could be stalled.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
    let done = runtime.spawn_blocking(work).await;
    done.unwrap_or_else(|ended| Err(io::Error::other(ended).into()))
}
