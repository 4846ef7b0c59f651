//! Why the store refused or failed. Texts name no row, no value and no person.

use std::io;

use crate::postgres::PostgresRefusal;

/// The outcome of a store operation that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition of the batch did not hold; nothing of the batch was written.
    #[error("a precondition does not hold")]
    Conflict,
    /// The partition's queue of batches is full: try again later (R40).
    #[error("too many batches are waiting")]
    Busy,
    /// Another process has the data folder open.
    #[error("in use by another process")]
    Locked,
    /// Written by a newer version of this software; never opened, never rewritten.
    #[error("written in a newer format")]
    NewerFormat,
    /// The file belongs to another body (R1).
    #[error("belongs to another partition")]
    WrongPartition,
    /// The stored bytes are damaged or are not this software's.
    #[error("stored data is damaged")]
    Corrupt,
    /// A key, value, batch or page over the limits that its type documents.
    #[error("over a size limit")]
    TooLarge,
    /// A partition's name is not 1–64 of `a-z 0-9 -`.
    #[error("not a partition name")]
    BadName,
    /// No space left on the disk; nothing of the batch was written.
    #[error("no space left")]
    DiskFull,
    /// The disk takes no writes; nothing of the batch was written.
    #[error("read-only")]
    ReadOnly,
    /// Another process has taken the partition over: this handle writes nothing any more.
    #[error("another process owns the partition")]
    Fenced,
    /// Another process holds the partition's lease; it may be tried again when that has run out.
    #[error("owned by another process")]
    Owned,
    /// The body's rows lie with another engine: they are moved, not opened empty.
    #[error("kept by another engine")]
    OtherEngine,
    /// The server cannot be reached, or did not answer in time.
    #[error("the database server cannot be reached")]
    Unreachable,
    /// The database server, its tables or the role on it are not as they must be.
    #[error(transparent)]
    Refused(#[from] PostgresRefusal),
    /// An earlier write could not be made durable: this partition takes no more until it is opened again.
    #[error("stopped after a failed write")]
    Stopped,
    /// The operating system or the engine failed.
    #[error("input or output failed")]
    Io(#[from] io::Error),
}

impl StoreError {
    /// The same failure for one more of those who waited together.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Conflict => Self::Conflict,
            Self::Busy => Self::Busy,
            Self::Locked => Self::Locked,
            Self::NewerFormat => Self::NewerFormat,
            Self::WrongPartition => Self::WrongPartition,
            Self::Corrupt => Self::Corrupt,
            Self::TooLarge => Self::TooLarge,
            Self::BadName => Self::BadName,
            Self::DiskFull => Self::DiskFull,
            Self::ReadOnly => Self::ReadOnly,
            Self::Fenced => Self::Fenced,
            Self::Owned => Self::Owned,
            Self::OtherEngine => Self::OtherEngine,
            Self::Unreachable => Self::Unreachable,
            Self::Refused(refusal) => Self::Refused(*refusal),
            Self::Stopped => Self::Stopped,
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
        }
    }

    /// The stable name of this kind of failure, for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "CONFLICT",
            Self::Busy => "BUSY",
            Self::Locked => "LOCKED",
            Self::NewerFormat => "NEWER_FORMAT",
            Self::WrongPartition => "WRONG_PARTITION",
            Self::Corrupt => "CORRUPT",
            Self::TooLarge => "TOO_LARGE",
            Self::BadName => "BAD_NAME",
            Self::DiskFull => "DISK_FULL",
            Self::ReadOnly => "READ_ONLY",
            Self::Fenced => "FENCED",
            Self::Owned => "OWNED",
            Self::OtherEngine => "OTHER_ENGINE",
            Self::Unreachable => "UNREACHABLE",
            Self::Refused(refusal) => refusal.code(),
            Self::Stopped => "STOPPED",
            Self::Io(_) => "IO",
        }
    }
}
