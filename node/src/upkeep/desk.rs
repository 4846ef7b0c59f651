//! What upkeep works with on this host, and how much of it is done at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chukei_wire::body_code::BodyCode;

use crate::backup::outcome::{Exit, Failure};
use crate::config::serve::NodeConfig;
use crate::home::Home;
use crate::upkeep::folder::BackupFolder;

/// Bodies that are worked on at once: each work copies or reads a whole body.
const WORKS_MAX: usize = 4;

/// The node's own means: where its bodies lie, and its configuration.
pub struct Desk {
    /// Where the bodies lie.
    pub(super) home: Home,
    /// The node's configuration.
    pub(super) config: NodeConfig,
    busy: Arc<Mutex<BTreeSet<BodyCode>>>,
}

impl Desk {
    /// The desk of the node with this configuration.
    pub fn new(home: Home, config: NodeConfig) -> Self {
        Self { home, config, busy: Arc::default() }
    }

    /// The folder of backups.
    pub(super) fn backups(&self) -> Result<BackupFolder, Failure> {
        let folder = self.config.upkeep.backups.as_ref().ok_or_else(|| {
            let text = "the node has no folder for backups: name one in its configuration, [upkeep] backups";
            Failure::new(Exit::Unavailable, "NO_BACKUP_FOLDER", text)
        })?;
        Ok(BackupFolder::at(self.config.path(folder)))
    }

    /// A turn to work on this body: one at a time, and few bodies at once.
    pub(super) fn turn(&self, body: BodyCode) -> Result<Turn, Failure> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.len() >= WORKS_MAX || !busy.insert(body) {
            let text = "this body, or as many others as may be, is worked on: wait until that is done, and try again";
            return Err(Failure::new(Exit::Unavailable, "IN_PROGRESS", text));
        }
        Ok(Turn { busy: self.busy.clone(), body })
    }
}

/// A body is worked on until this is dropped.
pub(super) struct Turn {
    busy: Arc<Mutex<BTreeSet<BodyCode>>>,
    body: BodyCode,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.body);
    }
}
