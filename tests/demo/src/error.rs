//! Why the demonstration stopped.

use chukei_harness::error::HarnessError;
use chukei_mock_portal::failure::Failure;

/// What was not as it must be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The stack could not be started or driven.
    #[error(transparent)]
    Stack(#[from] HarnessError),
    /// The portal refused or could not be reached.
    #[error("portal: {0}")]
    Portal(#[from] Failure),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The catalogue cannot be read.
    #[error("catalogue: {0}")]
    Catalogue(#[from] chukei_domain::catalogue::CatalogueError),
    /// The system said something else than the truth.
    #[error("{what}: expected {expected}, found {found}")]
    Wrong {
        /// What was compared.
        what: String,
        /// What the generator knows.
        expected: String,
        /// What the system said.
        found: String,
    },
    /// A walk needs a folder of its own.
    #[error("{0} holds a stack already; --once needs an empty folder")]
    InUse(std::path::PathBuf),
    /// A signal ended it.
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    pub(crate) fn io(what: impl ToString, source: std::io::Error) -> Self {
        Self::Io { what: what.to_string(), source }
    }
}

/// Fails where the two differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), DemoError> {
    if expected == found {
        return Ok(());
    }
    let wrong = |value: &T| format!("{value:?}");
    Err(DemoError::Wrong { what: what.to_owned(), expected: wrong(expected), found: wrong(found) })
}
