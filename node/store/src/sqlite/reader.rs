//! Reads: each call sees one moment of the partition, whatever is written meanwhile (R31).

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};

use super::store_error;
use crate::error::StoreError;
use crate::partition::{MAX_GET_KEYS, MAX_SCAN_ROWS, Versioned};
use crate::row::RowKey;

const GET: &str = "SELECT version, value FROM rows WHERE key = ?1";
const SCAN: &str = "SELECT version, value, key FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";

pub(super) struct Reader {
    connection: Mutex<Connection>,
}

impl Reader {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection: Mutex::new(connection) }
    }

    pub(super) fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(StoreError::TooLarge);
        }
        let connection = self.lock();
        if let [key] = keys {
            return Ok(vec![get(&connection, key).map_err(store_error)?]);
        }
        get_together(&connection, keys).map_err(store_error)
    }

    pub(super) fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<(RowKey, Versioned)>, StoreError> {
        if limit > MAX_SCAN_ROWS {
            return Err(StoreError::TooLarge);
        }
        let start = start(prefix, after);
        // A key's first byte is a space's number: no key begins with 0xff.
        let end = prefix.after_prefix().unwrap_or_else(|| vec![0xff]);
        let limit = i64::try_from(limit).map_err(|_| StoreError::TooLarge)?;
        let connection = self.lock();
        let mut statement = connection.prepare_cached(SCAN).map_err(store_error)?;
        let rows = statement
            .query_map((start, end, limit), |row| Ok((RowKey::from_stored(row.get(2)?), versioned(row)?)))
            .map_err(store_error)?;
        rows.collect::<rusqlite::Result<_>>().map_err(store_error)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    let version: i64 = row.get(0)?;
    let version = u64::try_from(version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, version))?;
    Ok(Versioned { version, value: row.get(1)? })
}
