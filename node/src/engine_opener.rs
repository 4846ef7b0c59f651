//! Opens the engines that a node's configuration describes, each when it is asked for.
//!
//! What must hold: no body is opened empty because its rows lie with another engine. The embedded engines see each
//! other's files; for those that lie on a server, a mark in the data folder says so.

use std::path::PathBuf;
use std::sync::Arc;

use chukei_store::image::{ImageError, Place};
use chukei_store::journal::{Journal, JournalOptions, Recovered};
use chukei_store::{
    BoxFuture, DataFolder, Engine, EngineKind, Partition, PostgresEngine, PostgresOptions, SledOptions,
    SqliteOptions, StoreError,
};

use crate::config::serve::NodeConfig;
use crate::config::store::PostgresSettings;
use crate::engines::{Engines, Server};
use crate::home::LOCAL;
use crate::start::StartError;

/// What the files of a body with an embedded engine end with.
const EMBEDDED: [&str; 2] = ["sqlite", "sled"];

/// Options of every engine, checked and with their secrets read.
pub struct EngineOpener {
    folder: DataFolder,
    configured: EngineKind,
    sqlite: SqliteOptions,
    sled: SledOptions,
    postgres: Option<PostgresOptions>,
    server: Server,
}

impl EngineOpener {
    /// The engines of this node. Reads the secrets that the configuration names, and connects to the server where that
    /// is the configured engine.
    pub async fn new(config: &NodeConfig, folder: DataFolder) -> Result<Self, StartError> {
        let store = &config.store;
        let options =
            |settings: &PostgresSettings| settings.options(&config.name, config.development, &config.base);
        let postgres = store.postgres.as_ref().map(options).transpose();
        let postgres = postgres.map_err(|error| StartError::new("CONFIG", &error))?;
        let of_server = postgres.clone().filter(|_| store.engine == EngineKind::Postgres);
        let server = Server::default();
        if let Some(options) = of_server {
            server.get_or_try_init(|| PostgresEngine::connect(options)).await.map_err(not_connected)?;
        }
        let (sqlite, sled) = (store.sqlite(), store.sled());
        Ok(Self { folder, configured: store.engine, sqlite, sled, postgres, server })
    }

    /// The folder's journal. Logs of bodies that lie on a server can be kept there.
    pub fn journal(&self, options: JournalOptions) -> Result<(Journal, Recovered), StartError> {
        let opened = self.folder.journal(options).and_then(|(journal, recovered)| {
            if let Some(server) = self.server.get() {
                journal.on_server(server, LOCAL)?;
            }
            Ok((journal, recovered))
        });
        opened.map_err(|error| StartError::journal(&error))
    }

    /// The engines, each opened when it is first needed.
    pub fn engines(self) -> Engines {
        let (folder, configured, server) = (self.folder.clone(), self.configured, self.server.clone());
        Engines::new(folder, configured, Box::new(move |kind| self.open(kind))).sharing(server)
    }

    /// Opens an engine. `None` where the configuration does not say how it is reached.
    fn open(&self, kind: EngineKind) -> Option<BoxFuture<Result<Arc<dyn Engine>, StoreError>>> {
        let embedded = match kind {
            EngineKind::Sqlite => self.folder.sqlite(self.sqlite),
            EngineKind::Sled => self.folder.sled(self.sled),
            EngineKind::Postgres => return self.marked(),
        };
        Some(Box::pin(std::future::ready(Ok(embedded))))
    }

    fn marked(&self) -> Option<BoxFuture<Result<Arc<dyn Engine>, StoreError>>> {
        let (options, server) = (self.postgres.clone()?, self.server.clone());
        let folder = self.folder.clone();
        Some(Box::pin(async move {
            let server = server.get_or_try_init(|| PostgresEngine::connect(options)).await?.clone();
            Ok(Arc::new(Marked { server, folder }) as Arc<dyn Engine>)
        }))
    }
}

/// A server that cannot be reached is tried again by who starts the node.
fn not_connected(error: StoreError) -> StartError {
    StartError::new(error.code(), &format!("store.postgres: {error}"))
}

/// A server whose bodies are marked in the data folder of the node that opens them.
struct Marked<E> {
    server: Arc<E>,
    folder: DataFolder,
}

impl<E: Engine + 'static> Engine for Marked<E> {
    fn kind(&self) -> EngineKind {
        self.server.kind()
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (server, folder, name) = (self.server.clone(), self.folder.clone(), name.to_owned());
        Box::pin(async move {
            let (kind, of) = (server.kind(), name.clone());
            let marked = tokio::task::spawn_blocking(move || mark(&folder, kind, &of)).await;
            marked.unwrap_or(Err(StoreError::Stopped))?;
            server.open(&name).await
        })
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        self.server.remove(name)
    }
}

/// Notes that the body's rows lie with `engine`, or refuses where they lie with another.
fn mark(folder: &DataFolder, engine: EngineKind, name: &str) -> Result<(), StoreError> {
    let bodies = folder.bodies_path();
    match folder.place(name).map_err(of_place)? {
        // What a move has left behind is emptied there.
        Some(Place::Moving { from, to } | Place::Moved { from, to }) if engine == from || engine == to => {
            return Ok(());
        }
        Some(Place::In(there)) if there == engine => return Ok(()),
        Some(_) => return Err(StoreError::OtherEngine),
        None => {}
    }
    let file = |ending: &str| -> PathBuf { bodies.join(format!("{name}.{ending}")) };
    for ending in EMBEDDED {
        if file(ending).try_exists()? {
            return Err(StoreError::OtherEngine);
        }
    }
    Place::In(engine).write(&bodies, name).map_err(of_place)
}

fn of_place(error: ImageError) -> StoreError {
    match error {
        ImageError::Store(error) => error,
        ImageError::Io { source, .. } => source.into(),
        _ => StoreError::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server as far as this module is concerned: the mark is made before it is asked.
    struct Played(Arc<dyn Engine>);

    impl Engine for Played {
        fn kind(&self) -> EngineKind {
            EngineKind::Postgres
        }

        fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
            self.0.open(name)
        }

        fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
            self.0.remove(name)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_body_is_opened_empty_beside_its_rows() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = DataFolder::open(dir.path()).unwrap();
        let rows = DataFolder::open(elsewhere.path()).unwrap().sqlite(SqliteOptions::default());
        let server = Marked { server: Arc::new(Played(rows)), folder: folder.clone() };
        let sqlite = folder.sqlite(SqliteOptions::default());
        drop(sqlite.open("982016").await.unwrap());
        let refused =
            |opened: Result<Arc<dyn Partition>, StoreError>| matches!(opened, Err(StoreError::OtherEngine));
        assert!(refused(server.open("982016").await), "its file is here");
        drop(server.open("982024").await.unwrap());
        assert!(refused(sqlite.open("982024").await), "its rows are on the server");
        drop(server.open("982024").await.unwrap());
        let moving = Place::Moving { from: EngineKind::Sqlite, to: EngineKind::Postgres };
        moving.write(&folder.bodies_path(), "982016").unwrap();
        drop(server.open("982016").await.unwrap());
        Place::In(EngineKind::Sled).write(&folder.bodies_path(), "982024").unwrap();
        assert!(refused(server.open("982024").await), "moved away");
    }
}
