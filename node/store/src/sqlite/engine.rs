//! The files of all bodies of one data folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::SqlitePartition;
use crate::engine::{Engine, EngineKind};
use crate::error::StoreError;
use crate::folder::check_name;
use crate::lock_file::LockFile;
use crate::partition::{BoxFuture, Partition};

/// One name's place in the table: its own mutex, so that a slow opening holds up nobody else.
type Slot = Arc<Mutex<Weak<SqlitePartition>>>;

/// SQLite files in one folder.
pub(crate) struct SqliteEngine {
    bodies: PathBuf,
    lock: Arc<LockFile>,
    open: Mutex<HashMap<String, Slot>>,
}
