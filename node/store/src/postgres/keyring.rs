//! A sealed keyring as a row. The epochs that it opens under stay with the provider: the row alone opens nothing.
//!
//! What must hold: only the owner of the body writes it, in the epoch of its lease. Writing it again changes nothing, so
//! a commit of unknown outcome is repeated.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::PostgresEngine;
use super::backoff::Backoff;
use super::database::Database;
use super::failure::Failure;
use super::lease::Leases;
use crate::error::StoreError;
use crate::folder::check_name;
use crate::keyring_place::{Glimpse, KeyringPlace};

/// The row of one body's keyring.
#[derive(Clone)]
pub struct KeyringRow {
    database: Arc<Database>,
    leases: Arc<Leases>,
    body: Arc<str>,
}

impl PostgresEngine {
    /// Where the keyring of this body lies. It is read by anybody, and written while this process has the body open.
    pub fn keyring(&self, body: &str) -> Result<KeyringRow, StoreError> {
        check_name(body)?;
        let (database, leases) = self.parts();
        Ok(KeyringRow { database, leases, body: Arc::from(body) })
    }
}

impl KeyringRow {
    /// The first `limit` bytes, and how many there are.
    async fn read_row(self, limit: i32) -> Result<Option<(Vec<u8>, u64)>, Failure> {
        let sql = format!(
            "SELECT substr(sealed, 1, $2), octet_length(sealed)::bigint FROM {}.keyrings WHERE body = $1",
            self.database.schema
        );
        let mut backoff = Backoff::default();
        let until = Instant::now() + self.database.try_within;
        loop {
            match self.read_once(&sql, limit).await {
                Err(failure) if failure.may_pass() && Instant::now() < until => backoff.wait().await,
                read => return read,
            }
        }
    }

    async fn read_once(&self, sql: &str, limit: i32) -> Result<Option<(Vec<u8>, u64)>, Failure> {
        let session = self.database.session().await?;
        let read = session.prepare(sql).await?;
        let rows = session.bounded(async {
            session.begin_unfenced("BEGIN READ ONLY", &self.body).await?;
            session.query(&read, &[&&*self.body, &limit]).await
        });
        let rows = rows.await?;
        session.commit().await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let size: i64 = row.try_get(1)?;
        Ok(Some((row.try_get(0)?, u64::try_from(size).unwrap_or(0))))
    }

    async fn write(self, sealed: Vec<u8>) -> Result<(), Failure> {
        let sql = format!(
            "INSERT INTO {}.keyrings (body, sealed) VALUES ($1, $2)
             ON CONFLICT (body) DO UPDATE SET sealed = excluded.sealed",
            self.database.schema
        );
        let mut backoff = Backoff::default();
        let until = Instant::now() + self.database.try_within;
        loop {
            match self.write_once(&sql, &sealed).await {
                Err(failure)
                    if (failure.may_pass() || matches!(failure, Failure::Unknown))
                        && Instant::now() < until =>
                {
                    backoff.wait().await;
                }
                written => return written,
            }
        }
    }

    async fn write_once(&self, sql: &str, sealed: &[u8]) -> Result<(), Failure> {
        let lease = self.leases.held(&self.body).ok_or(Failure::Fenced)?;
        let session = self.database.session().await?;
        let write = session.prepare(sql).await?;
        let body = &*self.body;
        let written = session.bounded(async {
            session.begin(&[(body, lease.epoch())]).await?;
            session.execute(&write, &[&body, &sealed]).await
        });
        written.await?;
        session.commit().await
    }

    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> io::Result<T> {
        self.database.wait(work).map_err(|failure| match failure.into_store_error() {
            StoreError::Io(error) => error,
            StoreError::DiskFull => io::ErrorKind::StorageFull.into(),
            StoreError::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
            other => io::Error::other(other),
        })
    }
}

impl KeyringPlace for KeyringRow {
    fn read(&self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let most = i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX);
        Ok(self.wait(self.clone().read_row(most))?.map(|(sealed, _)| sealed))
    }

    fn glimpse(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        let most = i32::try_from(bytes).unwrap_or(i32::MAX);
        Ok(self.wait(self.clone().read_row(most))?.map(|(start, size)| Glimpse { start, size }))
    }

    fn replace(&self, sealed: &[u8]) -> io::Result<()> {
        self.wait(self.clone().write(sealed.to_vec()))
    }
}
