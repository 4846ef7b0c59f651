//! The folder of one test: gone when the test passes, kept as evidence when it fails.

use std::path::{Path, PathBuf};

use crate::error::HarnessError;

/// A folder that removes itself unless its owner panics or asks it to stay.
#[derive(Debug)]
pub struct EvidenceFolder {
    path: PathBuf,
    keep: bool,
}

impl EvidenceFolder {
    /// A new folder below the system's temporary folder; `name` is part of its name.
    pub fn new(name: &str) -> Result<Self, HarnessError> {
        let made = tempfile::Builder::new().prefix(&format!("chukei-{name}-")).tempdir();
        let made = made.map_err(|source| HarnessError::io("a temporary folder", source))?;
        Ok(Self { path: made.keep(), keep: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder where `result` is an error, and says where it is.
    pub fn judge<T, E>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.keep = result.is_err();
        result
    }
}

impl Drop for EvidenceFolder {
    fn drop(&mut self) {
        if self.keep || std::thread::panicking() {
            eprintln!("evidence kept in {}", self.path.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("{} could not be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_only_after_a_failure() {
        let passed = EvidenceFolder::new("passed").unwrap();
        let path = passed.path().to_owned();
        passed.judge(Ok::<_, ()>(())).unwrap();
        assert!(!path.exists());
        let failed = EvidenceFolder::new("failed").unwrap();
        let path = failed.path().to_owned();
        failed.judge(Err::<(), _>(())).unwrap_err();
        assert!(path.exists());
        std::fs::remove_dir_all(path).unwrap();
    }
}
