//! One server per test process, and in it one fresh set of tables per test.

#![allow(dead_code, reason = "each test target uses what it needs")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chukei_postgres_server::{Connection, PostgresServer, available};
use chukei_store::{Batch, Engine, Partition, PostgresEngine, PostgresOptions, RowKey, Space, StoreError};

pub(crate) const DATABASE: &str = "chukei";
/// Owns the tables.
pub(crate) const OWNER: &str = "chukei_owner";
/// Uses them.
pub(crate) const NODE: &str = "chukei_node";
pub(crate) const PASSWORD: &str = "correct horse";

const CONNECT_WITHIN: Duration = Duration::from_secs(60);

static SERVER: OnceLock<PostgresServer> = OnceLock::new();
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// Fresh tables, and how a node reaches them.
#[derive(Clone)]
pub(crate) struct Fresh {
    pub(crate) options: PostgresOptions,
}

/// Fresh tables on the server that all tests of this process share; `None` where there can be no server.
pub(crate) async fn fresh(test: &str) -> Option<Fresh> {
    if !available(test) {
        return None;
    }
    let server = SERVER.get_or_init(|| started().expect("a server starts"));
    Some(fresh_on(server).await)
}

/// The server that all tests of this process share, once a test had fresh tables on it.
pub(crate) fn server() -> &'static PostgresServer {
    SERVER.get().expect("started")
}

/// A server of one test's own, with roles and a database.
pub(crate) fn started() -> std::io::Result<PostgresServer> {
    let server = PostgresServer::start()?;
    with_roles(&server)?;
    Ok(server)
}

/// Makes roles and a database on a new server.
pub(crate) fn with_roles(server: &PostgresServer) -> std::io::Result<()> {
    server.sql("postgres", &format!("CREATE ROLE {OWNER} LOGIN"))?;
    server.sql("postgres", &format!("CREATE ROLE {NODE} LOGIN PASSWORD '{PASSWORD}'"))?;
    server.sql("postgres", &format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"))?;
    Ok(())
}

/// Fresh tables on this server.
pub(crate) async fn fresh_on(server: &PostgresServer) -> Fresh {
    let schema = format!("t{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let as_role = |role| {
        let url = server.url(role, DATABASE, Connection::Socket);
        PostgresOptions { schema: schema.clone(), connections: 4, ..PostgresOptions::new(url, "node-a") }
    };
    let (until, owner) = (Instant::now() + CONNECT_WITHIN, as_role(OWNER));
    loop {
        match PostgresEngine::migrate(&owner, NODE).await {
            Ok(_) => return Fresh { options: as_role(NODE) },
            // As below: what is there of it is found and kept.
            Err(StoreError::Unreachable) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

impl Fresh {
    /// A process's engine on these tables; each call is another process to the leases.
    pub(crate) async fn engine(&self) -> Arc<dyn Engine> {
        let until = Instant::now() + CONNECT_WITHIN;
        loop {
            match PostgresEngine::connect(self.options.clone()).await {
                Ok(engine) => return engine,
                // A busy machine is slower than the short limits of some tests.
                Err(StoreError::Unreachable) if Instant::now() < until => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// With leases of this length.
    pub(crate) fn lease(mut self, lease: Duration) -> Self {
        self.options.lease = lease;
        self
    }

    /// A table's name with its schema.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{name}", self.options.schema)
    }
}

pub(crate) fn key(name: &[u8]) -> RowKey {
    RowKey::new(Space::Document).bytes(name)
}

pub(crate) fn put(name: &[u8], value: &[u8]) -> Batch {
    Batch::new().put(key(name), value.to_vec())
}

pub(crate) async fn value(partition: &dyn Partition, name: &[u8]) -> Option<Vec<u8>> {
    partition.get_many(&[key(name)]).await.unwrap().pop().unwrap().map(|found| found.value)
}

/// Opens a body as soon as nobody owns it any more.
pub(crate) async fn open_when_free(engine: &dyn Engine, body: &str) -> Arc<dyn Partition> {
    loop {
        match engine.open(body).await {
            Ok(partition) => return partition,
            Err(StoreError::Owned | StoreError::Unreachable | StoreError::ReadOnly) => {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
