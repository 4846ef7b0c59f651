//! A sealed keyring as a row. The epochs that it opens under stay with the provider: the row alone opens nothing.
//!
//! What must hold: only the owner of the body writes it, in the epoch of its lease. Writing it again changes nothing, so
//! a commit of unknown outcome is repeated.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::PostgresEngine;
use super::backoff::Backoff;
use super::database::Database;
use super::failure::Failure;
use super::glances::Glances;
use super::lease::Leases;
use crate::error::StoreError;
use crate::folder::check_name;
use crate::keyring_place::{Glimpse, KeyringPlace};

/// The row of one body's keyring.
#[derive(Clone)]
pub struct KeyringRow {
    database: Arc<Database>,
    leases: Arc<Leases>,
    glances: Arc<Glances>,
    body: Arc<str>,
}

/// The beginning of a keyring and its size, by body.
type Found = HashMap<Arc<str>, Glimpse>;

impl PostgresEngine {
    /// Where the keyring of this body lies. It is read by anybody, and written while this process has the body open.
    pub fn keyring(&self, body: &str) -> Result<KeyringRow, StoreError> {
        check_name(body)?;
        let (database, leases) = self.parts();
        Ok(KeyringRow { database, leases, glances: self.glances(), body: Arc::from(body) })
    }
}

impl KeyringRow {
    /// The first `limit` bytes of the keyrings of these bodies, and how many there are.
    async fn read_rows(self, bodies: Vec<Arc<str>>, limit: i32) -> Result<Found, Failure> {
        let sql = format!(
            "SELECT body, substr(sealed, 1, $2), octet_length(sealed)::bigint FROM {}.keyrings
             WHERE body = ANY($1)",
            self.database.schema
        );
        let names: Vec<&str> = bodies.iter().map(|body| &**body).collect();
        let mut backoff = Backoff::default();
        let until = Instant::now() + self.database.try_within;
        loop {
            match self.read_once(&sql, &names, limit).await {
                Err(failure) if failure.may_pass() && Instant::now() < until => backoff.wait().await,
                read => return read,
            }
        }
    }

    async fn read_once(&self, sql: &str, bodies: &[&str], limit: i32) -> Result<Found, Failure> {
        let session = self.database.session().await?;
        let read = session.prepare(sql).await?;
        let rows = session.bounded(async {
            session.begin_unfenced("BEGIN READ ONLY", &bodies.join(",")).await?;
            session.query(&read, &[&bodies, &limit]).await
        });
        let rows = rows.await?;
        session.commit().await?;
        let found = rows.iter().map(|row| {
            let (body, size): (&str, i64) = (row.try_get(0)?, row.try_get(2)?);
            let glimpse = Glimpse { start: row.try_get(1)?, size: u64::try_from(size).unwrap_or(0) };
            Ok((Arc::from(body), glimpse))
        });
        found.collect()
    }

    fn wait_for(&self, bodies: &[Arc<str>], bytes: u64) -> io::Result<Found> {
        let most = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.wait(self.clone().read_rows(bodies.to_vec(), most))
    }

    async fn write(self, sealed: Vec<u8>) -> Result<(), Failure> {
        let sql = format!(
            "INSERT INTO {}.keyrings (body, sealed) VALUES ($1, $2)
             ON CONFLICT (body) DO UPDATE SET sealed = excluded.sealed",
            self.database.schema
        );
        self.change(&sql, Some(&sealed)).await
    }

    async fn delete(self) -> Result<(), Failure> {
        let sql = format!("DELETE FROM {}.keyrings WHERE body = $1", self.database.schema);
        self.change(&sql, None).await
    }

    /// Runs a statement that may be repeated, of the body and what it is to have.
    async fn change(&self, sql: &str, sealed: Option<&Vec<u8>>) -> Result<(), Failure> {
        let mut backoff = Backoff::default();
        let until = Instant::now() + self.database.try_within;
        loop {
            match self.change_once(sql, sealed).await {
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

    async fn change_once(&self, sql: &str, sealed: Option<&Vec<u8>>) -> Result<(), Failure> {
        let lease = self.leases.held(&self.body).ok_or(Failure::Fenced)?;
        let session = self.database.session().await?;
        let write = session.prepare(sql).await?;
        let body = &*self.body;
        let written = session.bounded(async {
            session.begin(&[(body, lease.epoch())]).await?;
            match sealed {
                Some(sealed) => session.execute(&write, &[&body, sealed]).await,
                None => session.execute(&write, &[&body]).await,
            }
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
        Ok(self.glimpse(limit.saturating_add(1))?.map(|found| found.start))
    }

    fn glimpse(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        Ok(self.wait_for(std::slice::from_ref(&self.body), bytes)?.remove(&self.body))
    }

    fn glance(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        let known = self.glances.look(&self.body, Instant::now, |bodies| self.wait_for(bodies, bytes));
        known.unwrap_or_else(|| self.glimpse(bytes))
    }

    fn replace(&self, sealed: &[u8]) -> io::Result<()> {
        self.wait(self.clone().write(sealed.to_vec()))
    }

    fn remove(&self) -> io::Result<()> {
        self.wait(self.clone().delete())
    }
}
