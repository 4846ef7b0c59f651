//! Transactions that see only the bodies they name, and go on only while these belong to this process.
//!
//! What must hold: a connection on which anything went wrong is closed, never lent again; an outcome that nobody
//! knows is said to be unknown.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Client;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use super::failure::{Failure, of_commit, was_answered};
use super::statements::Statements;

/// A body and the epoch in which this process owns it.
pub(crate) type Owned<'a> = (&'a str, u64);

/// A connection in use, for one transaction at a time. Dropped while one is open, or after a failure, it is closed:
/// the server undoes what was not committed.
pub(crate) struct Session {
    client: Option<Client>,
    name_bodies: Statement,
    fence: Statement,
    patience: Duration,
    /// Whether the next user would find it as this one did.
    clean: AtomicBool,
}

impl Session {
    pub(super) async fn new(
        client: Client,
        statements: &Statements,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let prepared = async {
            let name_bodies = client.prepare_cached(&statements.name_bodies).await?;
            Ok((name_bodies, client.prepare_cached(&statements.fence).await?))
        };
        match timeout(patience, prepared).await.unwrap_or(Err(Failure::Gone)) {
            Ok((name_bodies, fence)) => {
                let clean = AtomicBool::new(true);
                Ok(Self { client: Some(client), name_bodies, fence, patience, clean })
            }
            Err(failure) => {
                close(client);
                Err(failure)
            }
        }
    }

    /// Prepares a statement, or finds it prepared. Before the transaction begins: what is prepared already costs no
    /// round trip inside it.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, Failure> {
        let prepared = self.bounded(async { Ok(self.client()?.prepare_cached(sql).await?) }).await;
        if prepared.is_err() {
            self.clean.store(false, Ordering::Relaxed);
        }
        prepared
    }

    /// Begins a transaction for bodies that this process owns, and locks their epochs until it ends, so that nobody
    /// takes them over before. [`Failure::Fenced`] if somebody has.
    ///
    /// Its requests leave when it is first polled: what is polled after it arrives inside the transaction, and costs
    /// no round trip of its own.
    pub(crate) async fn begin(&self, bodies: &[Owned<'_>]) -> Result<(), Failure> {
        self.clean.store(false, Ordering::Relaxed);
        let client = self.client()?;
        let names: Vec<&str> = bodies.iter().map(|(body, _)| *body).collect();
        let list = names.join(",");
        let (begun, named, epochs) = tokio::join!(
            biased;
            client.batch_execute("BEGIN"),
            async { client.execute(&self.name_bodies, &[&list]).await },
            async { client.query(&self.fence, &[&names]).await },
        );
        begun?;
        named?;
        let epochs = epochs?;
        let epochs: HashMap<&str, i64> =
            epochs.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
        let holds = |(body, epoch): &Owned<'_>| {
            epochs.get(body).is_some_and(|found| u64::try_from(*found) == Ok(*epoch))
        };
        if bodies.iter().all(holds) { Ok(()) } else { Err(Failure::Fenced) }
    }

    /// Begins a transaction that names bodies, with commas in between, whoever owns them; `how` is `BEGIN` with its
    /// options. As [`Session::begin`] otherwise.
    pub(crate) async fn begin_unfenced(&self, how: &str, bodies: &str) -> Result<(), Failure> {
        self.clean.store(false, Ordering::Relaxed);
        let client = self.client()?;
        let (begun, named) = tokio::join!(
            biased;
            client.batch_execute(how),
            async { client.execute(&self.name_bodies, &[&bodies]).await },
        );
        begun?;
        named?;
        Ok(())
    }

    /// Runs a prepared statement; gives how many rows it changed.
    pub(crate) async fn execute(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Failure> {
        Ok(self.client()?.execute(statement, values).await?)
    }

    /// Runs a prepared statement; gives its rows.
    pub(crate) async fn query(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        Ok(self.client()?.query(statement, values).await?)
    }

    /// Waits for `work` no longer than the server may take for it.
    pub(crate) async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.within(self.patience, work).await
    }

    /// As [`Session::bounded`], with a time of its own.
    pub(super) async fn within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout(patience, work).await.unwrap_or_else(|_| {
            self.suspect();
            Err(Failure::Gone)
        })
    }

    /// The server fell silent: the connections that wait for use go to the same one and would each be waited for.
    fn suspect(&self) {
        if let Some(pool) = self.client.as_ref().and_then(Client::pool) {
            pool.retain(|_, _| false);
        }
    }

    /// Sends the last statements of a transaction and its COMMIT behind them, all at once, and waits until it is
    /// durable. `last` sends all it has to send when it is first polled.
    pub(crate) async fn commit_after<T>(
        &self,
        last: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        self.commit_within(self.patience, last).await
    }

    /// As [`Session::commit_after`], with a time of its own.
    pub(super) async fn commit_within<T>(
        &self,
        patience: Duration,
        last: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        let client = self.client()?;
        let both = async { tokio::join!(biased; last, client.batch_execute("COMMIT")) };
        match timeout(patience, both).await.map_err(|_| self.suspect()) {
            Ok((Ok(last), Ok(()))) => {
                self.clean.store(true, Ordering::Relaxed);
                Ok(last)
            }
            // A statement that failed has undone the transaction, whatever became of its COMMIT.
            Ok((Err(error), _)) if was_answered(&error) => Err(error.into()),
            Ok((Ok(_), Err(error))) => Err(of_commit(&error)),
            Ok((Err(_), _)) | Err(()) => Err(Failure::Unknown),
        }
    }

    /// Commits, and waits until it is durable.
    pub(crate) async fn commit(&self) -> Result<(), Failure> {
        self.commit_after(async { Ok(()) }).await
    }

    /// Ends the transaction without writing anything. After a failure that another host may not have, the connection
    /// is closed instead.
    pub(crate) async fn roll_back(&self, after: Option<&Failure>) {
        let Ok(client) = self.client() else { return };
        if matches!(after, Some(Failure::Gone | Failure::ReadOnly | Failure::Unknown)) {
            return;
        }
        if matches!(timeout(self.patience, client.batch_execute("ROLLBACK")).await, Ok(Ok(()))) {
            self.clean.store(true, Ordering::Relaxed);
        }
    }

    /// The connection itself, for the statements that [`Session::commit_after`] sends.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        self.client.as_ref().ok_or(Failure::Gone)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && !self.clean.load(Ordering::Relaxed)
        {
            close(client);
        }
    }
}

fn close(client: Client) {
    drop(Client::take(client));
}
