//! What a recorded run did to its folder, step by step.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

/// A file or folder, whatever its name is now. The folder of the trial itself is [`ROOT`].
pub(crate) type Node = usize;

pub(crate) const ROOT: Node = 0;

/// The place of a call in the recording.
pub(crate) type CallNumber = usize;

/// A change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileChange {
    Write {
        offset: u64,
        bytes: Arc<[u8]>,
    },
    /// To exactly this length.
    Resize(u64),
    /// To at least this length, with zero bytes.
    Grow(u64),
}

/// A change of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameChange {
    Set(OsString, Node),
    Remove(OsString),
    /// At once, in place of what had the second name.
    Move {
        from: OsString,
        to: OsString,
        node: Node,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    NewFile(Node),
    NewFolder(Node),
    /// From here on it may be on the disk.
    File {
        call: CallNumber,
        node: Node,
        change: FileChange,
    },
    /// Likewise.
    Name {
        call: CallNumber,
        folder: Node,
        change: NameChange,
    },
    /// What syncs from here on cover.
    Returned(CallNumber),
    SyncBegun {
        call: CallNumber,
        /// What was named.
        node: Node,
        /// Whether every file there is is covered, and no folder: the whole file system's sync.
        all: bool,
    },
    SyncEnded {
        call: CallNumber,
    },
    SyncFailed {
        call: CallNumber,
    },
    /// The file is written through memory from here on: nothing is known of its bytes.
    Mapped(Node),
    /// The process said this to the test.
    Said(String),
}

impl fmt::Display for Step {
    /// In brief: of bytes only where they go.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { call, node, change: FileChange::Write { offset, bytes } } => {
                write!(f, "{call} node {node}: {} bytes at {offset}", bytes.len())
            }
            Self::File { call, node, change } => write!(f, "{call} node {node}: {change:?}"),
            step => write!(f, "{step:?}"),
        }
    }
}

impl FileChange {
    /// Does all of it to a file's bytes.
    pub(crate) fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(file, *offset as usize, bytes),
            Self::Resize(to) => file.resize(*to as usize, 0),
            Self::Grow(to) => file.resize(file.len().max(*to as usize), 0),
        }
    }

    /// How long a file of `length` bytes is afterwards.
    pub(crate) fn length_after(&self, length: u64) -> u64 {
        match self {
            Self::Write { offset, bytes } => length.max(offset + bytes.len() as u64),
            Self::Resize(to) => *to,
            Self::Grow(to) => length.max(*to),
        }
    }
}

impl NameChange {
    pub(crate) fn apply(&self, names: &mut BTreeMap<OsString, Node>) {
        match self {
            Self::Set(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Move { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

/// Writes `bytes` at `offset`, with zero bytes between the end of the file and them.
pub(crate) fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    if let Some(there) = file.get_mut(offset..end) {
        there.copy_from_slice(bytes);
    }
}
