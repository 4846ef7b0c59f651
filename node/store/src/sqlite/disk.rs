//! What is the matter with the disk, where the engine only says that something failed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::batch::MAX_VALUE_BYTES;
use crate::error::StoreError;

/// Says of a failed write to the file at `path` whether the disk is full or read-only, by writing a little beside it;
/// any other failure stays what it is.
pub(super) fn explain(error: StoreError, path: &Path) -> StoreError {
    if !matches!(error, StoreError::Io(_)) {
        return error;
    }
    match probe(path, 4096) {
        Err(found) => told(found, error),
        Ok(()) => error,
    }
}

/// Whether the largest value would find room beside the file at `path`.
pub(super) fn has_room(path: &Path) -> Result<(), StoreError> {
    probe(path, MAX_VALUE_BYTES).map_err(io_error)
}

/// Removes a file; tells whether it was there.
pub(super) fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What an error of the operating system means to the caller.
pub(super) fn io_error(error: io::Error) -> StoreError {
    let kind = error.kind();
    told(kind.into(), StoreError::Io(error))
}

fn told(found: io::Error, otherwise: StoreError) -> StoreError {
    match found.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::DiskFull,
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => otherwise,
    }
}

/// Writes a file and removes it.
fn probe(path: &Path, bytes: usize) -> io::Result<()> {
    let path = path.with_extension("probe");
    let mut new = OpenOptions::new();
    let opened = new.write(true).create(true).truncate(true).mode(0o600).open(&path);
    let written = opened.and_then(|file| {
        file.write_all_at(&vec![0; bytes], 0)?;
        file.sync_all()
    });
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use super::{explain, io_error};
    use crate::error::StoreError;
    use std::io::{Error, ErrorKind};

    #[test]
    fn sqlite_disk_is_asked_only_about_what_nobody_explained() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("982016.sqlite");
        assert!(matches!(explain(StoreError::Fenced, &path), StoreError::Fenced));
        assert!(matches!(explain(Error::other("?").into(), &path), StoreError::Io(_)));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
        assert!(matches!(io_error(ErrorKind::StorageFull.into()), StoreError::DiskFull));
        assert!(matches!(io_error(ErrorKind::ReadOnlyFilesystem.into()), StoreError::ReadOnly));
    }
}
