//! A benchmark as a program: where it keeps its data while it runs, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;

use tempfile::TempDir;

use crate::Failure;

/// A folder of this run's, in `dir` or where the system keeps what is temporary; gone with what is returned.
pub fn folder(name: &str, dir: Option<PathBuf>) -> Result<TempDir, Failure> {
    let base = dir.unwrap_or_else(std::env::temp_dir);
    Ok(tempfile::Builder::new().prefix(&format!("chukei-{name}-")).tempdir_in(base)?)
}

/// Says on the error stream why a benchmark broke off, if it did.
pub fn ended(name: &str, done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{name}: {failure}");
            ExitCode::FAILURE
        }
    }
}
