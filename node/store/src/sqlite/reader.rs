//! Reads: each call sees one moment of the partition, whatever is written meanwhile (R31).

use rusqlite::{Connection, OptionalExtension, Row};

use crate::partition::{MAX_SCAN_BYTES, Rows, Versioned};
use crate::row::RowKey;

const GET: &str = "SELECT version, value FROM rows WHERE key = ?1";
const SCAN: &str = "SELECT version, value, key FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key";
const COUNT: &str = "SELECT count(*) FROM rows WHERE key >= ?1 AND key < ?2";

pub(super) fn get_many(connection: &Connection, keys: &[RowKey]) -> rusqlite::Result<Vec<Option<Versioned>>> {
    if let [key] = keys {
        return Ok(vec![get(connection, key)?]);
    }
    connection.prepare_cached("BEGIN")?.execute([])?;
    let found = keys.iter().map(|key| get(connection, key)).collect();
    connection.prepare_cached("COMMIT")?.execute([])?;
    found
}

fn get(connection: &Connection, key: &RowKey) -> rusqlite::Result<Option<Versioned>> {
    connection.prepare_cached(GET)?.query_row([key.as_bytes()], versioned).optional()
}

pub(super) fn scan(
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

pub(super) fn count(connection: &Connection, prefix: &RowKey) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(COUNT)?;
    statement.query_row((prefix.as_bytes(), end(prefix)), |row| unsigned(row, 0))
}

/// All pages, those that hold nothing, and the bytes of one.
pub(super) fn pages(connection: &Connection) -> rusqlite::Result<(u64, u64, u64)> {
    let ask = |pragma| connection.pragma_query_value(None, pragma, |row| unsigned(row, 0));
    Ok((ask("page_count")?, ask("freelist_count")?, ask("page_size")?))
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

/// The least key behind all that begin with `prefix`. A key's first byte is a space's number: none begins with 0xff.
fn end(prefix: &RowKey) -> Vec<u8> {
    prefix.after_prefix().unwrap_or_else(|| vec![0xff])
}

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    Ok(Versioned { version: unsigned(row, 0)?, value: row.get(1)? })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
