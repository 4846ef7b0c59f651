//! Opening a partition's file: its settings, its format version and whose it is.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::store_error;
use crate::durable_file::sync_dir;
use crate::error::StoreError;

/// Marks the file as one of ours, for `file(1)` and for us: "CHKI".
const APPLICATION_ID: i32 = 0x4348_4b49;
/// The layout below. A higher number is refused.
const FORMAT: i32 = 1;
/// A lock can only be met if somebody inspects the file by hand: wait a little, then say so.
const LOCK_WAIT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE rows (key BLOB PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL)
        STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('versions', 0);";

/// Pages of 8 KiB hold rows of up to 2 KB inside the tree; both pragmas count only before the first write.
const NEW_FILE: &str = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;";

const CONNECTION: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -2048;
    PRAGMA journal_size_limit = 33554432;";

/// Opens the file for writing, creating it durably if it is not there.
pub(super) fn open(path: &Path, name: &str) -> Result<Connection, StoreError> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mut connection = connect(path)?;
    match layout(&connection).map_err(store_error)? {
        Layout::Empty => create(&mut connection, name).map_err(store_error)?,
        Layout::Ours => {}
        Layout::Newer => return Err(StoreError::NewerFormat),
        Layout::Foreign => return Err(StoreError::Corrupt),
    }
    write_ahead(&connection)?;
    check_owner(&connection, name)?;
    empty_log(&connection).map_err(store_error)?;
    if let Some(dir) = path.parent() {
        // At every opening: whoever created the file may have been stopped before this step.
        sync_dir(dir)?;
    }
    Ok(connection)
}

/// A second connection to a file that [`open`] has checked, which cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(store_error)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(store_error)?;
    connection.busy_timeout(LOCK_WAIT).map_err(store_error)?;
    connection.execute_batch(CONNECTION).map_err(store_error)?;
    Ok(connection)
}

enum Layout {
    Empty,
    Ours,
    Newer,
    Foreign,
}

fn layout(connection: &Connection) -> rusqlite::Result<Layout> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, format) {
        (0, 0) if tables == 0 => Layout::Empty,
        (APPLICATION_ID, FORMAT) => Layout::Ours,
        (APPLICATION_ID, newer) if newer > FORMAT => Layout::Newer,
        _ => Layout::Foreign,
    })
}

/// One transaction: a file is either still empty or complete, whenever the process ends.
fn create(connection: &mut Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute_batch(NEW_FILE)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO meta VALUES ('partition', ?1)", [name])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(store_error)?;
    if mode == "wal" { Ok(()) } else { Err(io::Error::from(io::ErrorKind::Unsupported).into()) }
}

/// Moves what the log holds into the file. If a sync failed before, the kernel may hold pages of the log for
/// written that never were: nothing may be appended behind them.
fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn check_owner(connection: &Connection, name: &str) -> Result<(), StoreError> {
    let owner: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'partition'", [], |row| row.get(0))
        .optional()
        .map_err(store_error)?;
    match owner {
        Some(owner) if owner == name => Ok(()),
        Some(_) => Err(StoreError::WrongPartition),
        None => Err(StoreError::Corrupt),
    }
}
