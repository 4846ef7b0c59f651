//! What sled's failures mean to the caller, and what they say about the batches that follow.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::StoreError;
use crate::partition::WriteFault;

/// What a failure of sled means to the caller.
pub(super) fn store_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => io_error(error),
        sled::Error::Corruption { .. } | sled::Error::CollectionNotFound(_) => StoreError::Corrupt,
        // Settings that differ from the file's: somebody else's directory.
        sled::Error::Unsupported(_) => StoreError::Corrupt,
        sled::Error::ReportableBug(said) => StoreError::Io(io::Error::other(said)),
    }
}

/// What a failure of the operating system means to the caller.
pub(super) fn io_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::DiskFull
        }
        io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => StoreError::Io(error),
    }
}

/// What keeps the next batches from being written after this one.
pub(super) fn fault_of(error: &StoreError) -> WriteFault {
    match error {
        StoreError::DiskFull => WriteFault::DiskFull,
        StoreError::ReadOnly => WriteFault::ReadOnly,
        StoreError::Corrupt | StoreError::NewerFormat | StoreError::WrongPartition => WriteFault::Corrupt,
        StoreError::Fenced => WriteFault::Fenced,
        _ => WriteFault::Disk,
    }
}

/// Does `work`; where sled panics in it, for which it takes what it finds damaged, that is an error like others.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("sled panicked");
        Err(StoreError::Corrupt)
    })
}

#[cfg(test)]
mod tests {
    use super::contained;
    use crate::error::StoreError;

    #[test]
    fn sled_a_panic_is_an_error_and_not_the_end() {
        let outcome: Result<(), _> = contained(|| panic!("as sled does"));
        assert!(matches!(outcome, Err(StoreError::Corrupt)));
        assert!(matches!(contained(|| Ok(1)), Ok(1)));
    }
}
