//! `[upkeep]`: what operators and maintenance need on the node's host (R2).

use std::path::PathBuf;

use serde::Deserialize;

/// Where the upkeep of a node puts what it makes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpkeepSettings {
    /// Folder of backups that are asked for over the network; without one, none is taken, checked or restored by such a
    /// call. Callers name folders in it and never a path.
    pub backups: Option<PathBuf>,
}
