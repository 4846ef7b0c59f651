//! Why an image was not taken, not believed, or not put back. Texts name no row, no value and no person.

use std::io;
use std::path::PathBuf;

use crate::error::StoreError;
use crate::journal::JournalError;

/// The outcome of work on an image that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Another image of this partition is being taken.
    #[error("another image of this partition is being taken")]
    InProgress,
    /// Writes came faster than they could be copied.
    #[error("too much is written to copy it in a bounded pause")]
    NoQuiet,
    /// The base is of another line of versions: the rows were restored or moved since.
    #[error("the base is not of these rows: they were restored or moved since")]
    OtherLineage,
    /// The partition was not filled to its end.
    #[error("the rows were not put back to their end")]
    Unfinished,
    /// The rows were moved away.
    #[error("the rows were moved away")]
    MovedAway,
    /// The partition has rows already.
    #[error("there are rows already")]
    NotEmpty,
    /// Written by a newer version of this software.
    #[error("written in a newer format")]
    NewerFormat,
    /// Not what the signature, a hash, a count or the order says.
    #[error("the image is damaged or was altered: {0}")]
    Altered(&'static str),
    /// The signature is none of the body's identity.
    #[error("the manifest is not signed by the body's identity")]
    BadSignature,
    /// A backup that this one builds on is not there, or is another one.
    #[error("the chain of backups is broken: the base is missing or is another one")]
    BrokenChain,
    /// No randomness.
    #[error("the system's random number generator failed")]
    Random,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log that goes along refused or failed.
    #[error("log: {0}")]
    Log(#[from] JournalError),
    /// The keyring that goes along could not be read or written.
    #[error("keyring: {0}")]
    Keyring(#[source] io::Error),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl ImageError {
    /// The stable name of this kind of failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::NoQuiet => "OVERLOADED",
            Self::OtherLineage => "OTHER_LINEAGE",
            Self::Unfinished => "UNFINISHED",
            Self::MovedAway => "MOVED_AWAY",
            Self::NotEmpty => "NOT_EMPTY",
            Self::NewerFormat => "NEWER_FORMAT",
            Self::Altered(_) => "INTEGRITY_FAILURE",
            Self::BadSignature => "BAD_SIGNATURE",
            Self::BrokenChain => "BROKEN_CHAIN",
            Self::Random => "RANDOM",
            Self::Store(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Keyring(_) => "KEYRING",
            Self::Io { .. } => "IO",
        }
    }
}
