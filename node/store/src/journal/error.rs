//! Why the journal refused or failed. Texts name no partition and no content.

use std::io;

use crate::error::StoreError;

/// The outcome of a journal operation that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Too many entries wait: try again later (R40). Nothing was written.
    #[error("too many entries are waiting")]
    Full,
    /// A write could not be made durable, now or earlier: the journal refuses everything until it has opened its
    /// files anew, which it tries by itself. Whether this entry is there after a restart is unknown; if the journal
    /// goes on without one, it is not.
    #[error("stopped after a failed write")]
    Failed,
    /// No space for another segment. Nothing was written; the journal goes on when there is space again.
    #[error("no space left")]
    DiskFull,
    /// Sealed content over [`super::MAX_SEALED_BYTES`].
    #[error("over a size limit")]
    TooLarge,
    /// A partition's name is not 1–64 of `a-z 0-9 -`.
    #[error("not a partition name")]
    BadName,
    /// Another process has the journal open.
    #[error("in use by another process")]
    Locked,
    /// Written by a newer version of this software; never opened, never rewritten.
    #[error("written in a newer format")]
    NewerFormat,
    /// An entry that was acknowledged is damaged or missing. Nothing was changed.
    #[error("damaged in segment {segment:016x} near byte {offset}")]
    Corrupt {
        /// The number of the segment file.
        segment: u64,
        /// Where in it the damage begins, in bytes.
        offset: u64,
    },
    /// An entry in a log that was derived is damaged or missing. Nothing was changed.
    #[error("damaged in the log file {first:016x} near byte {offset}")]
    CorruptLog {
        /// The number of the file's first entry, which names it.
        first: u64,
        /// Where in it the damage begins, in bytes.
        offset: u64,
    },
    /// Where the entry of one number was due, the one of another stands. Nothing was changed.
    #[error("entry {found} stands where {due} is due")]
    OutOfOrder {
        /// The number that was due.
        due: u64,
        /// The number that stands there.
        found: u64,
    },
    /// What says how far the logs are derived is damaged. Nothing was changed.
    #[error("damaged in the checkpoint")]
    BadCheckpoint,
    /// The body's journal lies on a server and was not adopted by this process.
    #[error("not adopted")]
    NotOwned,
    /// Another node has taken the body over: nothing of it is written here any more.
    #[error("another node owns it")]
    Fenced,
    /// The server cannot be reached; nothing was written.
    #[error("the database server cannot be reached")]
    Unreachable,
    /// The server takes no writes; nothing was written.
    #[error("read-only")]
    ReadOnly,
    /// Entries were given up while they were being read.
    #[error("given up meanwhile")]
    GivenUp,
    /// Entries can be put back only where the partition has none.
    #[error("there are entries already")]
    NotEmpty,
    /// Entries that are put back do not follow each other.
    #[error("not in unbroken sequence")]
    NotInSequence,
    /// The content could not be sealed; nothing was written and no number was used up.
    #[error("could not be sealed")]
    Seal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system failed.
    #[error("input or output failed")]
    Io(#[from] io::Error),
}

impl JournalError {
    /// The stable name of this kind of failure, for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Failed => "FAILED",
            Self::DiskFull => "DISK_FULL",
            Self::TooLarge => "TOO_LARGE",
            Self::BadName => "BAD_NAME",
            Self::Locked => "LOCKED",
            Self::NewerFormat => "NEWER_FORMAT",
            Self::Corrupt { .. }
            | Self::CorruptLog { .. }
            | Self::OutOfOrder { .. }
            | Self::BadCheckpoint => "CORRUPT",
            Self::NotOwned => "NOT_OWNED",
            Self::Fenced => "FENCED",
            Self::Unreachable => "UNREACHABLE",
            Self::ReadOnly => "READ_ONLY",
            Self::GivenUp => "GIVEN_UP",
            Self::NotEmpty => "NOT_EMPTY",
            Self::NotInSequence => "NOT_IN_SEQUENCE",
            Self::Seal(_) => "SEAL",
            Self::Io(_) => "IO",
        }
    }
}

/// What a server or the way to it failed with.
impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Full,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::ReadOnly => Self::ReadOnly,
            StoreError::Fenced | StoreError::Owned => Self::Fenced,
            StoreError::Unreachable => Self::Unreachable,
            StoreError::Io(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}
