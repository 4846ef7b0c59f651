//! Opening a partition's file: its settings, its format version and whose it is.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, ffi};

use super::disk::{io_error, remove_file};
use super::store_error;
use crate::durable_file::sync_dir;
use crate::error::StoreError;

/// Marks the file as one of ours, for `file(1)` and for us: "CHKI".
const APPLICATION_ID: i32 = 0x4348_4b49;
/// The layout below. A higher number is refused; 1 had no epoch, and its rows lay in the tree of their keys.
const FORMAT: i32 = 2;
/// Holds the file against every other process, and keeps the log's index in memory: no third file, which a full or
/// read-only disk could take from under a reader.
const VFS: &str = "unix-excl";
/// A lock can only be met if somebody inspects the file by hand: wait a little, then say so.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Bytes of a log that are written once more at a time.
const LOG_CHUNK: usize = 1 << 20;

const META: &str = "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('versions', 0);";

/// Rows lie in the order of their writing and are found by an index of their keys: seven of a kilobyte fill a page, an
/// inner page leads to hundreds of others, and what is written together is read, expired and given back together.
const ROWS: &str = "CREATE TABLE rows (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, value BLOB NOT NULL
    ) STRICT;
    INSERT INTO meta VALUES ('epoch', 0), ('removed', 0);";

/// The first two count only before the first write. /// No journal: a file that was not finished is thrown away.
const NEW_FILE: &str =
    "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY;";

const CONNECTION: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 33554432;
    PRAGMA wal_autocheckpoint = 0;";

/// Opens the file for writing, creating it whole and durably if it is not there, and raises its fencing epoch, which is given
/// too. Before anything is acknowledged, [`confirm_log`] and [`empty_log`] must have succeeded.
pub(super) fn open(path: &Path, name: &str) -> Result<(Connection, u64), StoreError> {
    let dir = path.parent().ok_or(StoreError::BadName)?;
    if !path.try_exists().map_err(io_error)? {
        create(path, dir, name)?;
    }
    let mut connection = connect(path)?;
    let mut found = layout(&connection).map_err(store_error)?;
    if matches!(found, Layout::Empty) {
        // Begun by software that did not yet make it under another name.
        drop(connection);
        create(path, dir, name)?;
        connection = connect(path)?;
        found = layout(&connection).map_err(store_error)?;
    }
    match found {
        Layout::Ours | Layout::Older => check_owner(&connection, name)?,
        Layout::Newer => return Err(StoreError::NewerFormat),
        Layout::Empty | Layout::Foreign => return Err(StoreError::Corrupt),
    }
    // Before the form is changed: a log's name is made durable below, before anything in it goes into the file.
    write_ahead(&connection)?;
    if matches!(found, Layout::Older) {
        migrate(&mut connection).map_err(store_error)?;
    }
    let epoch = raise_epoch(&mut connection)?;
    // At every opening, when the log is there too: whoever created them may have been stopped before this step.
    sync_dir(dir).map_err(io_error)?;
    Ok((connection, epoch))
}

/// Opens a file for writing again that [`open`] has opened in this process and nobody else since.
pub(super) fn reopen(path: &Path, name: &str, epoch: u64) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    match layout(&connection).map_err(store_error)? {
        Layout::Ours => {}
        Layout::Newer => return Err(StoreError::Fenced),
        Layout::Empty | Layout::Older | Layout::Foreign => return Err(StoreError::Corrupt),
    }
    check_owner(&connection, name)?;
    if stored_epoch(&connection).map_err(store_error)? != i64::try_from(epoch).ok() {
        return Err(StoreError::Fenced);
    }
    Ok(connection)
}

/// One more connection to a file that [`open`] has checked, which cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(store_error)?;
    Ok(connection)
}

/// The epoch that stands in the file.
pub(super) fn stored_epoch(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'epoch'")?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Writes the log once more as the kernel has it, and syncs it. If a sync failed before, the kernel may hold pages of
/// the log for written that never were; moved into the file from such a log, a transaction could be cut in half.
pub(super) fn confirm_log(path: &Path) -> io::Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = match OpenOptions::new().read(true).write(true).open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = log.metadata()?.len();
    let mut chunk = vec![0; usize::try_from(length).unwrap_or(LOG_CHUNK).min(LOG_CHUNK)];
    let mut offset = 0;
    while offset < length {
        let read = log.read_at(&mut chunk, offset)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        log.write_all_at(bytes, offset)?;
        offset += read as u64;
    }
    if length > 0 { log.sync_data() } else { Ok(()) }
}

/// Moves what the log holds into the file: after a failed sync nothing may be appended to it. Where readers keep it from
/// being emptied for too long, that is a failure: [`rusqlite::ErrorCode::DatabaseBusy`].
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    // It says so in its first column, and nowhere else.
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if !busy {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
}

/// Moves what it can of the log into the file, and waits for readers where the log has more than `at_most` pages, so
/// that it begins anew.
pub(super) fn write_log(connection: &Connection, at_most: i64) -> rusqlite::Result<()> {
    let pages: i64 = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    if pages > at_most { empty_log(connection) } else { Ok(()) }
}

/// Reads all of the file, but for what values say; whether each page is what it must be.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(path, flags, VFS).map_err(store_error)?;
    connection.busy_timeout(LOCK_WAIT).map_err(store_error)?;
    // The log is emptied where failures are told, and stays there: a disk that has become read-only can be read still.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(store_error)?;
    connection.execute_batch(CONNECTION).map_err(store_error)?;
    Ok(connection)
}

/// Says how many bytes of pages the connection keeps at most.
pub(super) fn set_cache(connection: &Connection, bytes: usize) -> rusqlite::Result<()> {
    let kibibytes = i64::try_from(bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)
}

enum Layout {
    Empty,
    Ours,
    Older,
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
        (APPLICATION_ID, 1) => Layout::Older,
        (APPLICATION_ID, newer) if newer > FORMAT => Layout::Newer,
        _ => Layout::Foreign,
    })
}

/// Makes the file under another name, whole and durable, before it gets its own. SQLite does not tell whether the name of
/// a journal became durable, without which a file that is changed in its place may be left by halves.
fn create(path: &Path, dir: &Path, name: &str) -> Result<(), StoreError> {
    let made = path.with_extension("new");
    let files = |path: &Path| {
        ["", "-wal", "-journal"].map(|rest| {
            let mut file = path.as_os_str().to_owned();
            file.push(rest);
            PathBuf::from(file)
        })
    };
    for file in files(&made).iter().chain(&files(path)[1..]) {
        // A log of an earlier file of this name would be read as this one's.
        remove_file(file).map_err(io_error)?;
    }
    sync_dir(dir).map_err(io_error)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made).map_err(io_error)?;
    let mut connection = connect(&made)?;
    fill(&mut connection, name).map_err(store_error)?;
    write_ahead(&connection)?;
    drop(connection);
    file.sync_all().map_err(io_error)?;
    std::fs::rename(&made, path).map_err(io_error)?;
    for file in &files(&made)[1..] {
        remove_file(file).map_err(io_error)?;
    }
    sync_dir(dir).map_err(io_error)
}

fn fill(connection: &mut Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute_batch(NEW_FILE)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(META)?;
    transaction.execute_batch(ROWS)?;
    transaction.execute("INSERT INTO meta VALUES ('partition', ?1)", [name])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// From format 1, in one transaction too.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch("ALTER TABLE rows RENAME TO rows_1")?;
    transaction.execute_batch(ROWS)?;
    transaction.execute_batch(
        "INSERT INTO rows (key, version, value) SELECT key, version, value FROM rows_1 ORDER BY key;
         DROP TABLE rows_1;",
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    // To its end: the mode is told before the change of it is committed, and whoever stops there is not told that the
    // commit failed.
    let mut change = connection.prepare("PRAGMA journal_mode = WAL").map_err(store_error)?;
    let modes =
        change.query_map([], |row| row.get(0)).and_then(Iterator::collect::<rusqlite::Result<Vec<String>>>);
    let writes_ahead = modes.map_err(store_error)?.iter().all(|mode| mode == "wal");
    writes_ahead.then_some(()).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported).into())
}

fn raise_epoch(connection: &mut Connection) -> Result<u64, StoreError> {
    // Not in one statement that gives the value back: nobody would be told that its commit failed.
    let mut raise = || -> rusqlite::Result<Option<i64>> {
        let transaction = connection.transaction()?;
        transaction.execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'", [])?;
        let raised = stored_epoch(&transaction)?;
        transaction.commit()?;
        Ok(raised)
    };
    let raised = raise().map_err(store_error)?;
    raised.and_then(|raised| u64::try_from(raised).ok()).ok_or(StoreError::Corrupt)
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
