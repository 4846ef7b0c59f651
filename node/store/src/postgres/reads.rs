//! Reads: each one statement, and so one moment, in a read-only transaction that names its body; all of it is one
//! round trip. A read that met a lost connection is made again on another, within a bound.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::backoff::Backoff;
use super::database::Database;
use super::failure::Failure;
use super::lease::Lease;
use crate::error::StoreError;
use crate::partition::{MAX_GET_KEYS, MAX_SCAN_BYTES, MAX_SCAN_ROWS, Rows, Usage, Versioned};
use crate::row::{MAX_KEY_BYTES, RowKey};

/// How long a read may take that walks all rows of a body.
const WALK: Duration = Duration::from_secs(60);

const BEGIN: &str = "BEGIN READ ONLY";
/// The server's own limit is a minute for this transaction: [`WALK`].
const BEGIN_WALK: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = 60000";

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The body that is read, and the right to.
pub(super) struct Source<'a> {
    pub(super) database: &'a Database,
    pub(super) body: &'a str,
    pub(super) lease: &'a Lease,
}

impl Source<'_> {
    pub(super) async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(StoreError::TooLarge);
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<&[u8]> = keys.iter().map(RowKey::as_bytes).collect();
        let rows = self.read(&self.database.statements.get, &[&self.body, &wanted]).await?;
        let found: Result<HashMap<&[u8], &Row>, Error> =
            rows.iter().map(|row| Ok((row.try_get::<_, &[u8]>(0)?, row))).collect();
        let found = found.map_err(unreadable)?;
        keys.iter().map(|key| found.get(key.as_bytes()).map(|row| versioned(row)).transpose()).collect()
    }

    pub(super) async fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Rows, StoreError> {
        if limit > MAX_SCAN_ROWS {
            return Err(StoreError::TooLarge);
        }
        let sql = &self.database.statements;
        let (statement, from) = match after {
            Some(after) if after >= prefix => (&sql.scan_after, after.as_bytes()),
            _ => (&sql.scan_from, prefix.as_bytes()),
        };
        // One row more than wanted tells whether there are more.
        let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let bytes = i64::try_from(MAX_SCAN_BYTES).unwrap_or(i64::MAX);
        let end = end_of(prefix);
        let page = self.read(statement, &[&self.body, &from, &end, &rows, &bytes]).await?;
        let found = page.first().map_or(Ok(0), |row| row.try_get::<_, i64>(3)).map_err(unreadable)?;
        let sent = page.iter().take(limit).map(|row| {
            let key: Vec<u8> = row.try_get(0).map_err(unreadable)?;
            Ok((RowKey::from_stored(key), versioned(row)?))
        });
        let rows = sent.collect::<Result<Vec<_>, StoreError>>()?;
        let more = usize::try_from(found).is_ok_and(|found| found > rows.len());
        Ok(Rows { rows, more })
    }

    pub(super) async fn count(&self, prefix: &RowKey) -> Result<u64, StoreError> {
        let end = end_of(prefix);
        let rows = self
            .read_as(BEGIN_WALK, &self.database.statements.count, &[&self.body, &prefix.as_bytes(), &end])
            .await?;
        number(&rows)
    }

    /// Key twice, for the row and the index, value, and what a row costs besides; what updates left behind until the
    /// server's vacuum is not counted, because the tables are shared.
    pub(super) async fn usage(&self) -> Result<Usage, StoreError> {
        let rows = self.read_as(BEGIN_WALK, &self.database.statements.usage, &[&self.body]).await?;
        Ok(Usage { bytes: number(&rows)?, reclaimable: 0 })
    }

    async fn read(&self, statement: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
        self.read_as(BEGIN, statement, values).await
    }

    async fn read_as(
        &self,
        begin: &str,
        statement: &str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let until = Instant::now() + self.database.try_within;
        let mut backoff = Backoff::default();
        loop {
            let failure = match self.read_owned(begin, statement, values).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            if !failure.may_pass() || Instant::now() >= until {
                return Err(failure.into_store_error());
            }
            backoff.wait().await;
        }
    }

    /// What was read while the lease held was nobody else's to change.
    async fn read_owned(
        &self,
        begin: &str,
        statement: &str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Failure> {
        self.lease.holds()?;
        let rows = self.read_once(begin, statement, values).await?;
        self.lease.holds().map(|()| rows)
    }

    async fn read_once(&self, begin: &str, statement: &str, values: Values<'_>) -> Result<Vec<Row>, Failure> {
        let session = self.database.session().await?;
        let statement = session.prepare(statement).await?;
        let client = session.client()?;
        let patience = if begin == BEGIN { self.database.patience } else { WALK };
        let read = session.within(patience, async {
            let (begun, rows) = tokio::join!(
                biased;
                session.begin_unfenced(begin, self.body),
                session.commit_within(patience, client.query(&statement, values)),
            );
            begun?;
            rows
        });
        // Nothing was written: an outcome that is not known is none.
        read.await
            .map_err(|failure| if matches!(failure, Failure::Unknown) { Failure::Gone } else { failure })
    }
}

/// The first key behind all that begin with `prefix`.
fn end_of(prefix: &RowKey) -> Vec<u8> {
    prefix.after_prefix().unwrap_or_else(|| vec![0xff; MAX_KEY_BYTES + 1])
}

fn versioned(row: &Row) -> Result<Versioned, StoreError> {
    let version: i64 = row.try_get(1).map_err(unreadable)?;
    let value: Vec<u8> = row.try_get(2).map_err(unreadable)?;
    Ok(Versioned { version: u64::try_from(version).map_err(|_| StoreError::Corrupt)?, value })
}

fn number(rows: &[Row]) -> Result<u64, StoreError> {
    let number: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(unreadable)?;
    u64::try_from(number).map_err(|_| StoreError::Corrupt)
}

/// Columns of another type than this software's are not its rows.
fn unreadable(_: Error) -> StoreError {
    StoreError::Corrupt
}
