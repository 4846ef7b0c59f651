//! The connections of one process to the server, and the threads that serve them.
//!
//! They have threads of their own, so that leases are renewed in time however busy the node is, and so that a
//! partition can be opened, read and dropped from anywhere. One connection more than the options say renews the
//! leases and is never lent to anything else.

use std::cell::Cell;
use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, PoolConfig, RecyclingMethod,
    Runtime as PoolRuntime, Timeouts,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::Config;

use super::failure::Failure;
use super::options::PostgresOptions;
use super::statements::Statements;
use super::transaction::Session;
use crate::error::StoreError;
use crate::partition::BoxFuture;
use crate::turns::Turns;

/// Reads of rows at a time; the next is told that it is busy (R40). Each waits for a connection as long as the options
/// say.
const MOST_READS: usize = 4096;
/// Threads that serve all connections.
const THREADS: usize = 2;

thread_local! {
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread serves connections, and must not wait for them.
pub(super) fn serves_connections() -> bool {
    SERVES.get()
}

/// The server, as this process reaches it.
pub(crate) struct Database {
    runtime: OwnThreads,
    pool: Pool,
    lease_pool: Pool,
    /// Reads of rows that are under way or wait for a connection.
    pub(super) reads: Turns,
    pub(super) statements: Statements,
    /// The schema that holds the tables.
    pub(crate) schema: String,
    /// How long a round trip to the server may take from here, waiting for a connection not counted.
    pub(crate) patience: Duration,
    /// How long what may pass is tried again.
    pub(crate) try_within: Duration,
}

/// A runtime that may be dropped anywhere.
struct OwnThreads(Option<Runtime>);

impl Drop for OwnThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Database {
    /// Prepares pools; connects to nothing yet.
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, StoreError> {
        let hosts = options.hosts()?;
        let timeouts = timeouts(options, hosts.patience());
        let pool = |connections| {
            let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
            let manager = Manager::from_connect(Config::new(), hosts.clone(), settings);
            Pool::builder(manager)
                .config(PoolConfig { max_size: connections, timeouts, ..PoolConfig::default() })
                .post_create(session_settings(options))
                .runtime(PoolRuntime::Tokio1)
                .build()
                .map_err(|error| StoreError::Io(std::io::Error::other(error)))
        };
        let (lease_pool, pool) = (pool(1)?, pool(options.connections)?);
        let threads = Builder::new_multi_thread()
            .on_thread_start(|| SERVES.set(true))
            .worker_threads(THREADS)
            .thread_name("store-postgres")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: OwnThreads(Some(threads)),
            pool,
            lease_pool,
            reads: Turns::new(MOST_READS, 0),
            statements: Statements::new(&options.schema),
            schema: options.schema.clone(),
            patience: options.statement_timeout + Duration::from_secs(1),
            try_within: options.try_within,
        })
    }

    /// A connection for reading or writing rows.
    pub(crate) async fn session(&self) -> Result<Session, Failure> {
        self.session_of(&self.pool).await
    }

    /// A connection on which nothing was prepared: there may be no tables yet.
    pub(super) async fn bare_client(&self) -> Result<Client, Failure> {
        Ok(self.pool.get().await?)
    }

    /// The connection that renews leases.
    pub(super) async fn lease_session(&self) -> Result<Session, Failure> {
        self.session_of(&self.lease_pool).await
    }

    async fn session_of(&self, pool: &Pool) -> Result<Session, Failure> {
        let client: Client = pool.get().await?;
        Session::new(client, &self.statements, self.patience).await
    }

    /// Runs `work` on this process's own threads; to its end, even if nobody waits for it any more.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let Some(handle) = self.handle() else { return Box::pin(async { Err(StoreError::Stopped) }) };
        let task = handle.spawn(work);
        Box::pin(async move { task.await.unwrap_or(Err(StoreError::Stopped)) })
    }

    /// As [`Database::run`], waited for here: blocks this thread.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let handle = self.handle().ok_or(Failure::Gone)?;
        let (done, answer) = mpsc::sync_channel(1);
        handle.spawn(async move {
            // Who asked waits for it.
            let _ = done.send(work.await);
        });
        answer.recv().unwrap_or(Err(Failure::Gone))
    }

    /// The threads, for tasks that live as long as a partition.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.runtime.0.as_ref().map(Runtime::handle)
    }
}

fn timeouts(options: &PostgresOptions, connecting: Duration) -> Timeouts {
    Timeouts {
        wait: Some(options.statement_timeout),
        // A session is set up in a few round trips.
        create: Some(connecting + options.statement_timeout),
        recycle: Some(options.statement_timeout),
    }
}

/// Every statement goes by the key. A plan that was made while the tables were small would otherwise be kept while
/// they grow. Servers of another make may not know the settings, and do not have the plans.
const BY_THE_KEY: &str = "SELECT set_config(name, 'off', false) FROM pg_catalog.pg_settings
    WHERE name IN ('enable_seqscan', 'enable_bitmapscan')";

/// What every session keeps to: bounded statements, no transaction left open by a process that vanished, and no
/// acknowledgement before the commit is on the server's disk and on its synchronous replicas'.
fn session_settings(options: &PostgresOptions) -> Hook {
    let statement = options.statement_timeout.as_millis();
    let idle = options.statement_timeout.as_millis().min(options.lease.as_millis() / 2);
    let limits =
        format!("SET statement_timeout = {statement}; SET idle_in_transaction_session_timeout = {idle}");
    Hook::async_fn(move |client, _| {
        let limits = limits.clone();
        Box::pin(async move {
            let backend = HookError::Backend;
            client.batch_execute(&limits).await.map_err(backend)?;
            client.execute(BY_THE_KEY, &[]).await.map_err(backend)?;
            let row = client
                .query_one("SELECT current_setting('synchronous_commit', true)", &[])
                .await
                .map_err(backend)?;
            let level: Option<String> = row.try_get(0).map_err(backend)?;
            if matches!(level.as_deref(), Some("off" | "local" | "remote_write")) {
                client.batch_execute("SET synchronous_commit = on").await.map_err(backend)?;
            }
            Ok(())
        })
    })
}
