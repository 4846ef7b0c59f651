//! What can go wrong around the roles. Inside them, their logs say it.

use std::path::{Path, PathBuf};

use crate::role::Role;

/// Why the stack could not be laid out, started or driven.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Keys or certificates could not be issued.
    #[error("keys and certificates: {0}")]
    Pki(#[from] chukei_ops::pki::PkiError),
    /// A configuration cannot be used.
    #[error("configuration: {0}")]
    Config(#[from] chukei_node::config::ConfigError),
    /// A body code that is none.
    #[error("{0} is no local body code")]
    Body(String),
    /// A role was not ready in time.
    #[error("{role} is not ready: {last}; its log is {log}")]
    NotReady {
        /// The role.
        role: Role,
        /// The last answer of `/readyz`.
        last: String,
        /// Where its log is.
        log: PathBuf,
    },
    /// The thread that owns the processes is gone.
    #[error("the supervisor has ended")]
    SupervisorGone,
    /// A role had to be killed because it did not stop in time.
    #[error("{0:?} did not stop within ten seconds and were killed")]
    Killed(Vec<Role>),
    /// A command ended with another exit code than expected, or printed something else than its JSON line.
    #[error("{command} ended with {code:?}: {stderr}")]
    Command {
        /// The command line, without the executable.
        command: String,
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// What it printed for people, shortened.
        stderr: String,
    },
    /// Rows could not be written in the chosen encoding.
    #[error("rows: {0}")]
    Rows(String),
}

impl HarnessError {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::io(path.display().to_string(), source)
    }
}
