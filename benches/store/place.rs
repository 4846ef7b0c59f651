//! Where an engine keeps the rows of the run, and how it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chukei_benches::Failure;
use chukei_postgres_server::{Connection, PostgresServer};
use chukei_store::{
    DataFolder, Engine, EngineKind, Partition, PostgresEngine, PostgresOptions, SledOptions, SqliteOptions,
    StoreError,
};
use tokio::time::Instant;

/// The body whose rows are measured.
pub(crate) const BODY: &str = "982016";
const DATABASE: &str = "chukei";
const OWNER: &str = "chukei_owner";
const NODE: &str = "chukei_node";
/// After a kill the lease of the one who died runs out within this.
const FREE_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(5);

/// An engine's data folder, or its tables.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) kind: EngineKind,
    pub(crate) folder: PathBuf,
    /// Of the server, where there is one.
    url: String,
    /// The server, where there is one and this process began it.
    server: Option<Arc<PostgresServer>>,
}

/// An open place. What is open ends with it.
pub(crate) struct Open {
    pub(crate) partition: Arc<dyn Partition>,
    _engine: Arc<dyn Engine>,
    _folder: Option<DataFolder>,
}

/// A server in a folder of its own in this one, with roles, a database and tables.
pub(crate) async fn server(base: &Path) -> Result<PostgresServer, Failure> {
    let server = PostgresServer::start_in(base)?;
    for role in [OWNER, NODE] {
        server.sql("postgres", &format!("CREATE ROLE {role} LOGIN"))?;
    }
    server.sql("postgres", &format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"))?;
    let url = server.url(OWNER, DATABASE, Connection::Socket);
    PostgresEngine::migrate(&PostgresOptions::new(url, "benchmark"), NODE).await?;
    Ok(server)
}

impl Place {
    /// Below `base`, under the engine's name, or on the server.
    pub(crate) fn new(kind: EngineKind, base: &Path, server: Option<&Arc<PostgresServer>>) -> Self {
        let server = server.filter(|_| kind == EngineKind::Postgres).map(Arc::clone);
        let url = server.as_ref().map(|server| server.url(NODE, DATABASE, Connection::Socket));
        Self { kind, folder: base.join(kind.as_str()), url: url.unwrap_or_default(), server }
    }

    /// As [`Place::told`] said it.
    pub(crate) fn heard(told: &str) -> Result<Self, Failure> {
        let mut words = told.splitn(3, '|');
        let mut word = || words.next().ok_or("told too little");
        let (kind, url) = (word()?.parse()?, word()?.to_owned());
        Ok(Self { kind, url, folder: word()?.into(), server: None })
    }

    /// For another process, on one line.
    pub(crate) fn told(&self) -> String {
        format!("{}|{}|{}", self.kind, self.url, self.folder.display())
    }

    /// Another folder with the same engine.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self { folder: self.folder.with_extension(name), ..self.clone() }
    }

    /// The engine with its default options, and the body's partition as soon as nobody else owns it.
    pub(crate) async fn open(&self) -> Result<Open, Failure> {
        let (_folder, engine) = self.engine().await?;
        let partition = open_when_free(&*engine, BODY).await?;
        Ok(Open { partition, _engine: engine, _folder })
    }

    /// Removes the body's rows, and what the server keeps of them.
    pub(crate) async fn empty(&self) -> Result<(), Failure> {
        let (_folder, engine) = self.engine().await?;
        engine.remove(BODY).await?;
        drop(engine);
        self.sql("VACUUM FULL").await?;
        Ok(())
    }

    /// The engine alone.
    pub(crate) async fn engine(&self) -> Result<(Option<DataFolder>, Arc<dyn Engine>), Failure> {
        if self.kind == EngineKind::Postgres {
            return Ok((None, self.on_server().await?));
        }
        let folder = DataFolder::open(&self.folder)?;
        let engine = match self.kind {
            EngineKind::Sled => folder.sled(SledOptions::default()),
            _ => folder.sqlite(SqliteOptions::default()),
        };
        Ok((Some(folder), engine))
    }

    /// The engine of a server.
    pub(crate) async fn on_server(&self) -> Result<Arc<PostgresEngine>, Failure> {
        Ok(PostgresEngine::connect(PostgresOptions::new(self.url.clone(), "benchmark")).await?)
    }

    /// Whether the rows lie in files of this process, which the system can be made to forget.
    pub(crate) fn has_files(&self) -> bool {
        self.kind != EngineKind::Postgres
    }

    /// Bytes on the disk: of a server all its tables with their indexes and what is free in them, without its log.
    pub(crate) async fn bytes(&self, partition: &dyn Partition) -> Result<f64, Failure> {
        let tables = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables";
        Ok(match self.sql(tables).await? {
            Some(bytes) => bytes.parse()?,
            None => partition.usage().await?.bytes as f64,
        })
    }

    /// Has free space given back as far as it will be: step by step, or by what a server's autovacuum does in its time.
    pub(crate) async fn give_back(&self, partition: &dyn Partition) -> Result<(), Failure> {
        self.sql("VACUUM").await?;
        while partition.compact().await?.more {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Processes of the server.
    pub(crate) fn server_processes(&self) -> Result<Vec<u32>, Failure> {
        self.server.as_ref().map_or_else(|| Ok(Vec::new()), |server| Ok(server.processes()?))
    }

    /// What the server's superuser is told; `None` where there is no server.
    async fn sql(&self, sql: &'static str) -> Result<Option<String>, Failure> {
        let Some(server) = self.server.clone() else { return Ok(None) };
        Ok(Some(tokio::task::spawn_blocking(move || server.sql(DATABASE, sql)).await??))
    }
}

/// A partition as soon as nobody else owns it.
pub(crate) async fn open_when_free(engine: &dyn Engine, name: &str) -> Result<Arc<dyn Partition>, Failure> {
    let until = Instant::now() + FREE_WITHIN;
    loop {
        match engine.open(name).await {
            Err(StoreError::Owned) if Instant::now() < until => tokio::time::sleep(LOOK).await,
            opened => return Ok(opened?),
        }
    }
}

/// The name of one of many bodies.
pub(crate) fn body(number: usize) -> String {
    format!("{:06}", 10_006 + number * 10)
}
