//! Where the bodies of one process lie: rows with an engine each, and logs and keyrings where the rows are.
//!
//! What must hold: a body on a server has its log and its keyring there too, so that any node can go on with it, and one
//! in files has them in files; a move that a stop broke off is brought to one of its ends before the body is opened; and
//! nothing is removed in one place before it is known to be whole in the other.

use std::sync::Arc;

use chukei_relay_client::permit::EVIDENCE_PARTITION;
use chukei_store::image::{ImageError, Place, arrived, empty_old_place, give_away, given_away};
use chukei_store::journal::LogPlace;
use chukei_store::keyring_place::{KeyringPath, KeyringPlace};
use chukei_store::{Engine, EngineKind, Journal, StoreError};
use chukei_wire::id::RequestId;

use crate::audit::Keep;
use crate::engines::Engines;

/// Logs that belong to the node alone, wherever bodies lie.
pub(crate) const LOCAL: &[&str] = &[EVIDENCE_PARTITION];

/// What the bodies of one process share: where their rows, keyrings and events are kept.
#[derive(Clone)]
pub struct Home {
    /// Lock, rows and keyrings.
    pub engines: Arc<Engines>,
    /// Events.
    pub journal: Arc<Journal>,
    /// How long they are kept.
    pub keep: Keep,
}

/// Where the log and the keyring of a body lie whose rows this engine has.
pub(crate) fn beside(engine: EngineKind) -> LogPlace {
    match engine {
        EngineKind::Postgres => LogPlace::Server,
        EngineKind::Sqlite | EngineKind::Sled => LogPlace::Files,
    }
}

impl Home {
    /// The engine that has the rows of a body that is not open.
    pub async fn of_body(&self, name: &str) -> Result<Arc<dyn Engine>, ImageError> {
        let _alone = self.engines.moving(name)?;
        let place = match self.tidy(name).await? {
            Some(place) => place.engine(),
            None => self.engines.configured(),
        };
        Ok(self.engines.of(place).await?)
    }

    /// Brings a move that broke off to its end; the caller is the only one who moves this body.
    pub(crate) async fn tidy(&self, name: &str) -> Result<Option<Place>, ImageError> {
        let mut place = self.engines.folder().place(name)?;
        if let Some(Place::Moving { from, to }) = place {
            if self.is_given_away(name, from).await? {
                place = Some(Place::Moved { from, to });
                self.set_place(name, Place::Moved { from, to })?;
            } else {
                tracing::warn!(body = name, %from, %to, "a move broke off: the rows stay where they were");
                self.clear(name, to, from).await?;
                place = Some(self.settle(name, from)?);
            }
        }
        if let Some(Place::Moved { from, to }) = place {
            arrived(&*self.engines.of(to).await?.open(name).await?).await?;
            match self.clear(name, from, to).await {
                Ok(()) => place = Some(self.settle(name, to)?),
                // A server that is away does not keep the body from being served where it is.
                Err(error) => {
                    tracing::warn!(body = name, code = error.code(), %from, "what a move left remains")
                }
            }
        }
        Ok(place)
    }

    /// Whether the rows were given away by a mark in a place where other nodes look as well.
    async fn is_given_away(&self, name: &str, from: EngineKind) -> Result<bool, ImageError> {
        if from != EngineKind::Postgres {
            return Ok(false);
        }
        given_away(&*self.engines.of(from).await?.open(name).await?).await
    }

    /// Removes what there is of a body with the engine `gone`, which is not where the body is: that is `stays`. A server
    /// that other nodes use keeps the mark that the rows are elsewhere.
    pub(crate) async fn clear(
        &self,
        name: &str,
        gone: EngineKind,
        stays: EngineKind,
    ) -> Result<(), ImageError> {
        let engine = self.engines.of(gone).await?;
        let on_server = beside(gone) == LogPlace::Server;
        let rows = if on_server { Some(engine.open(name).await?) } else { None };
        if let Some(rows) = &rows
            && !given_away(&**rows).await?
        {
            give_away(&**rows).await?;
        }
        if beside(gone) != beside(stays) {
            self.clear_beside(name, gone, stays).await?;
        }
        match rows {
            Some(rows) => empty_old_place(&*rows).await,
            None => Ok(engine.remove(name).await.map(drop)?),
        }
    }

    /// The log and the keyring.
    async fn clear_beside(&self, name: &str, gone: EngineKind, stays: EngineKind) -> Result<(), ImageError> {
        self.reach(stays).await?;
        self.reach(gone).await?;
        let (keyring, kept) = (self.keyring_place(name, gone)?, self.keyring_place(name, stays)?);
        let (journal, of) = (self.journal.clone(), name.to_owned());
        blocking(move || {
            journal.retire(&of, beside(gone))?;
            // One that is the only one stays, whatever is said elsewhere.
            if kept.glimpse(0).map_err(ImageError::Keyring)?.is_some() {
                keyring.remove().map_err(ImageError::Keyring)?;
            }
            Ok(())
        })
        .await
    }

    /// The server is connected where that is what has the rows, and logs can be kept there.
    pub(crate) async fn reach(&self, engine: EngineKind) -> Result<(), ImageError> {
        self.engines.of(engine).await?;
        match self.engines.server() {
            Some(server) if engine == EngineKind::Postgres => Ok(self.journal.on_server(server, LOCAL)?),
            _ => Ok(()),
        }
    }

    /// Goes on with the log of a body whose rows are open with this engine.
    pub(crate) async fn adopt(&self, name: &str, engine: EngineKind) -> Result<(), ImageError> {
        self.reach(engine).await?;
        Ok(self.journal.adopt(name, beside(engine)).await?)
    }

    /// Request ids of a body that was just opened, noted since then (R22): at least those of its own log.
    pub(crate) async fn used_ids(&self, name: &str, since_ms: u64) -> Result<Vec<RequestId>, ImageError> {
        let (journal, of) = (self.journal.clone(), name.to_owned());
        let noted = blocking(move || Ok(journal.replay_ids_of(&of, since_ms)?)).await?;
        Ok(noted.into_iter().map(|(id, _)| RequestId(id)).collect())
    }

    /// Where the keyring of a body lies whose rows this engine has.
    pub(crate) fn keyring_place(
        &self,
        name: &str,
        engine: EngineKind,
    ) -> Result<Arc<dyn KeyringPlace>, StoreError> {
        Ok(match (beside(engine), self.engines.server()) {
            (LogPlace::Files, _) => Arc::new(KeyringPath::new(&self.engines.folder().keyring_path(name)?)),
            (LogPlace::Server, Some(server)) => Arc::new(server.keyring(name)?),
            (LogPlace::Server, None) => return Err(StoreError::OtherEngine),
        })
    }

    /// A keyring that was brought back into the data folder of a node whose body lies on a server goes there, where it
    /// is missing.
    pub(crate) async fn take_up_keyring(&self, name: &str, engine: EngineKind) -> Result<(), ImageError> {
        if beside(engine) == LogPlace::Files {
            return Ok(());
        }
        let there = self.keyring_place(name, engine)?;
        let file = KeyringPath::new(&self.engines.folder().keyring_path(name)?);
        blocking(move || {
            if there.glimpse(0).map_err(ImageError::Keyring)?.is_none()
                && let Some(sealed) = file.read(u64::from(u32::MAX)).map_err(ImageError::Keyring)?
            {
                there.replace(&sealed).and_then(|()| file.remove()).map_err(ImageError::Keyring)?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that the rows are with `engine`, and nothing of them anywhere else.
    pub(crate) fn settle(&self, name: &str, engine: EngineKind) -> Result<Place, ImageError> {
        self.set_place(name, Place::In(engine))?;
        Ok(Place::In(engine))
    }

    pub(crate) fn set_place(&self, name: &str, place: Place) -> Result<(), ImageError> {
        place.write(&self.engines.folder().bodies_path(), name)
    }
}

/// Runs `work` on a thread that may wait for files and servers.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ImageError::Store(StoreError::Stopped)))
}
