//! What a failed statement means: whether it happened, and whether another attempt could succeed.

use std::error::Error as _;
use std::io;

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::refusal::PostgresRefusal;
use crate::error::StoreError;

/// Why a transaction did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Undone by the server, because others were in its way: another attempt may succeed at once.
    Again,
    /// The server could not be reached or did not answer in time; nothing was written.
    Gone,
    /// The server takes no writes; nothing was written. After a failover another host may.
    ReadOnly,
    /// The server was lost or fell silent while it committed: what was written may or may not be there.
    Unknown,
    /// Another process has taken the body over; nothing was written.
    Fenced,
    /// Another attempt would fail in the same way; nothing was written.
    Refused(StoreError),
}

impl Failure {
    /// What a caller is told who does not try again.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Again => StoreError::Busy,
            Self::Gone | Self::Unknown => StoreError::Unreachable,
            Self::ReadOnly => StoreError::ReadOnly,
            Self::Fenced => StoreError::Fenced,
            Self::Refused(error) => error,
        }
    }

    /// Whether another attempt could find what this one did not, nothing having been written.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Again | Self::Gone | Self::ReadOnly)
    }
}

/// A statement of a transaction that was not yet committed.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Some(code) = error.code() else { return without_code(error) };
        match *code {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Again,
            // Waited for longer than the limits of this session.
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | SqlState::QUERY_CANCELED
            | SqlState::LOCK_NOT_AVAILABLE => Self::Gone,
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            SqlState::DISK_FULL => Self::Refused(StoreError::DiskFull),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Self::Refused(StoreError::Corrupt),
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Refused(PostgresRefusal::NotGranted.into()),
            SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::INVALID_SCHEMA_NAME => {
                Self::Refused(PostgresRefusal::NotMigrated.into())
            }
            _ => match code.code().get(..2) {
                // Connection failures, shortage of connections or memory, shutdowns.
                Some("08" | "53" | "57") => Self::Gone,
                // Authentication, and a database that is not there.
                Some("28" | "3D") => Self::Refused(PostgresRefusal::NotAdmitted.into()),
                _ => Self::Refused(StoreError::Io(io::Error::other(error))),
            },
        }
    }
}

/// A failure that the server did not name: the connection's, or the library's.
fn without_code(error: Error) -> Failure {
    let denied = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::PermissionDenied);
    // So the library says that a host takes no writes.
    if denied { Failure::ReadOnly } else { Failure::Gone }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => match Self::from(error) {
                refused @ Self::Refused(StoreError::Refused(_)) => refused,
                // What else fails while connecting may be over in a moment: a server that starts, a failover.
                Self::Refused(_) => Self::Gone,
                other => other,
            },
            _ => Self::Gone,
        }
    }
}

/// What a failed COMMIT means. Only where the server itself says that it undid the transaction is that certain.
pub(super) fn of_commit(error: &Error) -> Failure {
    match error.code().map(|code| code.code()) {
        Some("40003") | None => Failure::Unknown,
        Some(code) if code.starts_with("40") => Failure::Again,
        Some(_) => Failure::Unknown,
    }
}

/// Whether the server answered, so that the transaction certainly is undone and the connection goes on.
pub(super) fn was_answered(error: &Error) -> bool {
    error.as_db_error().is_some_and(|error| !matches!(error.severity(), "FATAL" | "PANIC"))
}
