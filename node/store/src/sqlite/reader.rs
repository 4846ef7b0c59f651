//! Reads: each call sees one moment of the partition, whatever is written meanwhile (R31).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};

use super::file::open_reader;
use super::store_error;
use crate::error::StoreError;
use crate::partition::{MAX_GET_KEYS, MAX_SCAN_BYTES, MAX_SCAN_ROWS, Rows, Usage, Versioned};
use crate::row::RowKey;

const GET: &str = "SELECT version, value FROM rows WHERE key = ?1";
const SCAN: &str = "SELECT version, value, key FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key";
const COUNT: &str = "SELECT count(*) FROM rows WHERE key >= ?1 AND key < ?2";

pub(super) struct Reader {
    path: PathBuf,
    cache_bytes: usize,
    connection: Mutex<Option<Connection>>,
}

impl Reader {
    pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let reader = Self { path: path.to_owned(), cache_bytes, connection: Mutex::default() };
        reader.open_again()?;
        Ok(reader)
    }

    /// Closes the connection; reads fail until [`Reader::open_again`].
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    pub(super) fn open_again(&self) -> Result<(), StoreError> {
        *self.lock() = Some(open_reader(&self.path, self.cache_bytes)?);
        Ok(())
    }

    pub(super) fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(StoreError::TooLarge);
        }
        self.read(|connection| match keys {
            [key] => Ok(vec![get(connection, key)?]),
            _ => get_together(connection, keys),
        })
    }

    pub(super) fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Rows, StoreError> {
        if limit > MAX_SCAN_ROWS {
            return Err(StoreError::TooLarge);
        }
        self.read(|connection| scan(connection, prefix, after, limit))
    }

    pub(super) fn count(&self, prefix: &RowKey) -> Result<u64, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(COUNT)?;
            statement.query_row((prefix.as_bytes(), end(prefix)), |row| unsigned(row, 0))
        })
    }

    pub(super) fn usage(&self) -> Result<Usage, StoreError> {
        let (free, page): (u64, u64) = self.read(|connection| {
            let free = connection.pragma_query_value(None, "freelist_count", |row| unsigned(row, 0))?;
            let page = connection.pragma_query_value(None, "page_size", |row| unsigned(row, 0))?;
            Ok((free, page))
        })?;
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let bytes = std::fs::metadata(&self.path)?.len() + std::fs::metadata(log).map_or(0, |log| log.len());
        Ok(Usage { bytes, reclaimable: free.saturating_mul(page) })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        match &*self.lock() {
            Some(connection) => read(connection).map_err(store_error),
            None => Err(StoreError::Stopped),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn scan(
    connection: &Connection,
    prefix: &RowKey,
    after: Option<&RowKey>,
    limit: usize,
) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare_cached(SCAN)?;
    let mut found = statement.query((start(prefix, after), end(prefix)))?;
    let mut page = Rows::default();
    let mut bytes = 0usize;
    while let Some(row) = found.next()? {
        if page.rows.len() >= limit || bytes >= MAX_SCAN_BYTES {
            page.more = true;
            break;
        }
        let value = versioned(row)?;
        bytes += value.value.len();
        page.rows.push((RowKey::from_stored(row.get(2)?), value));
    }
    Ok(page)
}

/// The least key behind all that begin with `prefix`. A key's first byte is a space's number: none begins with 0xff.
fn end(prefix: &RowKey) -> Vec<u8> {
    prefix.after_prefix().unwrap_or_else(|| vec![0xff])
}

/// The least key that may be returned: one bound, because SQLite walks the tree by only one.
fn start(prefix: &RowKey, after: Option<&RowKey>) -> Vec<u8> {
    match after {
        Some(after) if after >= prefix => {
            let mut next = after.as_bytes().to_vec();
            next.push(0);
            next
        }
        _ => prefix.as_bytes().to_vec(),
    }
}

fn get_together(connection: &Connection, keys: &[RowKey]) -> rusqlite::Result<Vec<Option<Versioned>>> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let found = keys.iter().map(|key| get(connection, key)).collect();
    connection.prepare_cached("COMMIT")?.execute([])?;
    found
}

fn get(connection: &Connection, key: &RowKey) -> rusqlite::Result<Option<Versioned>> {
    connection.prepare_cached(GET)?.query_row([key.as_bytes()], versioned).optional()
}

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    Ok(Versioned { version: unsigned(row, 0)?, value: row.get(1)? })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
