//! The engines of one node: the one that its configuration names, and others where bodies' rows were moved to.
//!
//! What must hold: each is opened once; a body's rows are looked for where a move has put them, and a move that a stop
//! broke off is brought to one of its ends before the body is opened.

use std::collections::HashMap;
use std::sync::Arc;

use chukei_store::image::{ImageError, Place, empty_old_place};
use chukei_store::{BoxFuture, DataFolder, Engine, EngineKind, PostgresEngine, StoreError};
use tokio::sync::Mutex;

/// Opens an engine; `None` where the configuration does not say how.
pub type OpenEngine =
    Box<dyn Fn(EngineKind) -> Option<BoxFuture<Result<Arc<dyn Engine>, StoreError>>> + Send + Sync>;

/// A node's engines.
pub struct Engines {
    folder: DataFolder,
    configured: EngineKind,
    open: OpenEngine,
    opened: Mutex<HashMap<EngineKind, Arc<dyn Engine>>>,
    server: Option<Arc<PostgresEngine>>,
}

impl Engines {
    /// Engines over a data folder, each opened by `open` when it is first needed.
    pub fn new(folder: DataFolder, configured: EngineKind, open: OpenEngine) -> Self {
        Self { folder, configured, open, opened: Mutex::default(), server: None }
    }

    /// One engine and no other.
    pub fn only(folder: DataFolder, engine: Arc<dyn Engine>) -> Self {
        let configured = engine.kind();
        let open: OpenEngine = Box::new(|_| None);
        let opened = Mutex::new(HashMap::from([(configured, engine)]));
        Self { folder, configured, open, opened, server: None }
    }

    /// The same, of a node that shares this server with others.
    pub fn sharing(self, server: Option<Arc<PostgresEngine>>) -> Self {
        Self { server, ..self }
    }

    /// The server that the node shares with others, where that is the configured engine: logs and keyrings lie there
    /// too, so that any of them can go on with a body.
    pub fn server(&self) -> Option<&Arc<PostgresEngine>> {
        self.server.as_ref()
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// The engine that bodies lie with that were never moved.
    pub fn configured(&self) -> EngineKind {
        self.configured
    }

    /// An engine. [`StoreError::OtherEngine`] where the configuration does not say how to open it.
    pub async fn of(&self, kind: EngineKind) -> Result<Arc<dyn Engine>, StoreError> {
        let mut opened = self.opened.lock().await;
        if let Some(engine) = opened.get(&kind) {
            return Ok(engine.clone());
        }
        let engine = (self.open)(kind).ok_or(StoreError::OtherEngine)?.await?;
        opened.insert(kind, engine.clone());
        Ok(engine)
    }

    /// The engine that has the rows of a body that is not open.
    pub async fn of_body(&self, name: &str) -> Result<Arc<dyn Engine>, ImageError> {
        let place = self.folder.place(name)?;
        match place {
            Some(Place::Moving { from, to }) => {
                tracing::warn!(body = name, %from, %to, "a move broke off: the rows stay where they were");
                self.of(to).await?.remove(name).await?;
                self.settle(name, from)?;
            }
            Some(Place::Moved { from, to }) => {
                self.clear(name, from).await?;
                self.settle(name, to)?;
            }
            Some(Place::In(_)) | None => {}
        }
        Ok(self.of(place.map_or(self.configured, Place::engine)).await?)
    }

    /// Removes what a move left with `from`. A server that other nodes use keeps the mark that the rows were moved.
    pub async fn clear(&self, name: &str, from: EngineKind) -> Result<(), ImageError> {
        let engine = self.of(from).await?;
        if from == EngineKind::Postgres {
            return empty_old_place(&*engine.open(name).await?).await;
        }
        engine.remove(name).await?;
        Ok(())
    }

    /// Notes that the rows are with `engine`, and nothing of them anywhere else.
    pub fn settle(&self, name: &str, engine: EngineKind) -> Result<(), ImageError> {
        Place::In(engine).write(&self.folder.bodies_path(), name)
    }
}
