//! Plain messages of one hop about the upkeep of a node (保守): restart, backups of ciphertext, restore, moves, compaction.
//!
//! What must hold: a backup is named by the name of its folder in the node's own folder of backups, never by a path. Names,
//! numbers and states only: deliberately absent is anything that a body holds, and any key.

use serde::{Deserialize, Serialize};

use crate::name::BackupName;

/// Take a backup of the body that the header names, into the node's folder of backups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepBackup {
    /// The backup that this one builds on; absent for a complete one.
    pub base: Option<BackupName>,
}

/// Check a backup of the body that the header names, with every backup that it builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepVerify {
    /// The backup.
    pub backup: BackupName,
}

/// Put the rows and the log of the body that the header names back, where it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepRestore {
    /// The last backup of the chain.
    pub backup: BackupName,
    /// Put the rows in and do not serve them yet: later backups of the same chain follow.
    pub preload: bool,
}

/// Move the rows of the body that the header names while it is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpkeepMove {
    /// To another engine of this node, by its name.
    #[serde(rename = "engine")]
    Engine(String),
    /// Out of this node: the last image goes to the folder of backups, and another node takes it.
    #[serde(rename = "leave")]
    Leave {
        /// The backup that the last image builds on; absent for a complete one.
        base: Option<BackupName>,
    },
}

/// One message of an answer: how far the work is, then how it ended. The last one ends the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpkeepAnswer {
    /// Still at work: so many records so far, where they are counted.
    #[serde(rename = "at")]
    Working(u64),
    /// Done.
    #[serde(rename = "done")]
    Done(UpkeepReport),
    /// Not done.
    #[serde(rename = "failed")]
    Failed(UpkeepFailure),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepReport {
    /// One compact line of JSON, for scripts.
    pub json: String,
    /// For people.
    pub text: String,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepFailure {
    /// Exit status of a command: 1 other, 2 usage, 3 refused, 4 unavailable.
    pub exit: u8,
    /// Stable code.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}
