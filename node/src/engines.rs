//! The engines of one node: the one that its configuration names, and others where bodies' rows were moved to.
//!
//! What must hold: each is opened once. Which one has a body's rows is the business of [`crate::home`].

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use chukei_store::image::ImageError;
use chukei_store::{BoxFuture, DataFolder, Engine, EngineKind, PostgresEngine, StoreError};
use tokio::sync::{Mutex, OnceCell};

/// Opens an engine; `None` where the configuration does not say how.
pub type OpenEngine =
    Box<dyn Fn(EngineKind) -> Option<BoxFuture<Result<Arc<dyn Engine>, StoreError>>> + Send + Sync>;

/// A node's engines.
pub struct Engines {
    folder: DataFolder,
    configured: EngineKind,
    open: OpenEngine,
    opened: Mutex<HashMap<EngineKind, Arc<dyn Engine>>>,
    server: Server,
    /// Bodies whose rows are being moved or looked for.
    moving: std::sync::Mutex<HashSet<String>>,
}

/// The server, once it is connected.
pub(crate) type Server = Arc<OnceCell<Arc<PostgresEngine>>>;

impl Engines {
    /// Engines over a data folder, each opened by `open` when it is first needed.
    pub fn new(folder: DataFolder, configured: EngineKind, open: OpenEngine) -> Self {
        let (opened, server, moving) = (Mutex::default(), Server::default(), std::sync::Mutex::default());
        Self { folder, configured, open, opened, server, moving }
    }

    /// One engine and no other.
    pub fn only(folder: DataFolder, engine: Arc<dyn Engine>) -> Self {
        let configured = engine.kind();
        let open: OpenEngine = Box::new(|_| None);
        let opened = Mutex::new(HashMap::from([(configured, engine)]));
        let (server, moving) = (Server::default(), std::sync::Mutex::default());
        Self { folder, configured, open, opened, server, moving }
    }

    /// The same, with the server that `open` connects.
    pub(crate) fn sharing(self, server: Server) -> Self {
        Self { server, ..self }
    }

    /// The server, once an engine that lies there was asked for. Logs and keyrings of the bodies there lie there too, so
    /// that any node can go on with them.
    pub fn server(&self) -> Option<&Arc<PostgresEngine>> {
        self.server.get()
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

    /// Keeps others from moving or looking for this body's rows: [`ImageError::InProgress`] while somebody does.
    pub(crate) fn moving(&self, name: &str) -> Result<MovingBody<'_>, ImageError> {
        if hold(&self.moving).insert(name.to_owned()) {
            return Ok(MovingBody { engines: self, name: name.to_owned() });
        }
        Err(ImageError::InProgress)
    }
}

/// Nobody else moves this body while it lives.
pub(crate) struct MovingBody<'a> {
    engines: &'a Engines,
    name: String,
}

impl Drop for MovingBody<'_> {
    fn drop(&mut self) {
        hold(&self.engines.moving).remove(&self.name);
    }
}

fn hold<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
