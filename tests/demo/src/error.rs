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
    /// A database server cannot be started.
    #[error("the engine postgres is not available: PostgreSQL (postgres, initdb, psql) is not installed")]
    NoPostgres,
    /// Its rows were on a server that has ended.
    #[error("{0} holds a stack whose database ended with it; --engine postgres needs an empty folder")]
    DatabaseGone(std::path::PathBuf),
    /// A folder was laid out with one engine, and another was asked for.
    #[error("{0} holds a stack of the engine {1}; start it with that one, or take an empty folder")]
    OtherEngine(std::path::PathBuf, &'static str),
    /// A signal ended it.
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    /// Whether it was asked for something that cannot be.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::NoPostgres | Self::DatabaseGone(_) | Self::OtherEngine(..))
    }

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
