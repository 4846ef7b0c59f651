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
}

/// An open place. What is open ends with it.
pub(crate) struct Open {
    pub(crate) partition: Arc<dyn Partition>,
    _engine: Arc<dyn Engine>,
    _folder: Option<DataFolder>,
}

/// A server with roles, a database and tables.
pub(crate) async fn server() -> Result<PostgresServer, Failure> {
    let server = PostgresServer::start()?;
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
    pub(crate) fn new(kind: EngineKind, base: &Path, server: Option<&PostgresServer>) -> Self {
        let url = server.map(|server| server.url(NODE, DATABASE, Connection::Socket)).unwrap_or_default();
        Self { kind, folder: base.join(kind.as_str()), url }
    }

    /// As [`Place::told`] said it.
    pub(crate) fn heard(told: &str) -> Result<Self, Failure> {
        let mut words = told.splitn(3, '|');
        let mut word = || words.next().ok_or("told too little");
        let (kind, url) = (word()?.parse()?, word()?.to_owned());
        Ok(Self { kind, url, folder: word()?.into() })
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
        let until = Instant::now() + FREE_WITHIN;
        let partition = loop {
            match engine.open(BODY).await {
                Err(StoreError::Owned) if Instant::now() < until => tokio::time::sleep(LOOK).await,
                opened => break opened?,
            }
        };
        Ok(Open { partition, _engine: engine, _folder })
    }

    /// Removes the body's rows.
    pub(crate) async fn empty(&self) -> Result<(), Failure> {
        let (_folder, engine) = self.engine().await?;
        engine.remove(BODY).await?;
        Ok(())
    }

    /// The engine alone.
    pub(crate) async fn engine(&self) -> Result<(Option<DataFolder>, Arc<dyn Engine>), Failure> {
        if self.kind == EngineKind::Postgres {
            let options = PostgresOptions::new(self.url.clone(), "benchmark");
            return Ok((None, PostgresEngine::connect(options).await?));
        }
        let folder = DataFolder::open(&self.folder)?;
        let engine = match self.kind {
            EngineKind::Sled => folder.sled(SledOptions::default()),
            _ => folder.sqlite(SqliteOptions::default()),
        };
        Ok((Some(folder), engine))
    }

    /// Whether the rows lie in files of this process, which the system can be made to forget.
    pub(crate) fn has_files(&self) -> bool {
        self.kind != EngineKind::Postgres
    }
}
