//! How an operator's command ends: exit status, stable code, and a text that says what to do next.

use std::io::Write;
use std::process::ExitCode;

use chukei_store::image::ImageError;
use chukei_store::{JournalError, StoreError};
use serde_json::{Value, json};

use crate::start::StartError;

/// Exit status of the process. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// None of the others.
    Other = 1,
    /// The command line, the configuration or a file handed in cannot be used.
    Usage = 2,
    /// A rule refuses.
    Refused = 3,
    /// Something that is needed does not answer, or is held by somebody else.
    Unavailable = 4,
}

impl Exit {
    /// The status of this number.
    pub(super) fn of(number: u8) -> Self {
        [Self::Usage, Self::Refused, Self::Unavailable]
            .into_iter()
            .find(|exit| *exit as u8 == number)
            .unwrap_or(Self::Other)
    }
}

/// The command did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub(crate) struct Failure {
    /// Exit status.
    pub(crate) exit: Exit,
    /// Stable code.
    pub(crate) code: String,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// A failure of this kind.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into() }
    }
}

/// What a command did: for scripts, and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// For `--json`: one compact line.
    pub(crate) json: Value,
    /// For people.
    pub(crate) text: String,
}

/// Prints an outcome where scripts and people look for it.
pub(super) fn print(outcome: &Result<Report, Failure>, as_json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let printed = match (outcome, as_json) {
        (Ok(report), true) => writeln!(out, "{}", report.json),
        (Ok(report), false) => writeln!(out, "{}", report.text),
        (Err(failure), true) => {
            writeln!(out, "{}", json!({ "code": failure.code, "message": failure.message }))
        }
        (Err(failure), false) => writeln!(std::io::stderr().lock(), "error: {failure}"),
    };
    match outcome {
        Ok(_) if printed.is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => ExitCode::from(failure.exit as u8),
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let code = error.code();
        let (exit, advice) = match &error {
            ImageError::Store(error) => return error.into(),
            ImageError::Log(_) | ImageError::Keyring(_) => {
                (Exit::Other, "check the disk, the data folder and the database server, and try again")
            }
            ImageError::NotEmpty => (
                Exit::Refused,
                "nothing is put over rows that are there: restore into an empty data folder, or move the body's \
                 files away first",
            ),
            ImageError::BadSignature => (
                Exit::Refused,
                "take the peer list that was valid when the backup was made, or name the identity with --identity",
            ),
            ImageError::BrokenChain => {
                (Exit::Refused, "put every backup since the complete one beside it, under any names")
            }
            ImageError::Altered(_) => (Exit::Refused, "do not use this backup; take another one"),
            ImageError::NewerFormat => (Exit::Usage, "use the newer version of this software"),
            ImageError::InProgress => (Exit::Unavailable, "wait until it is done, and try again"),
            ImageError::NoQuiet => (Exit::Unavailable, "try again at a quieter hour"),
            ImageError::Io { .. } => (Exit::Usage, "check the path, its permissions and free space"),
            ImageError::Unfinished | ImageError::MovedAway | ImageError::OtherLineage => {
                (Exit::Refused, "see ops/procedures/backup.md")
            }
            ImageError::Random => (Exit::Other, "check the operating system"),
        };
        Self::new(exit, code, format!("{error}: {advice}"))
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let (exit, advice) = match error {
            StoreError::Locked | StoreError::Owned => {
                (Exit::Unavailable, "stop the node that has it open, and try again")
            }
            StoreError::DiskFull => (Exit::Unavailable, "make room, and run the same command again"),
            StoreError::Unreachable => (Exit::Unavailable, "check the database server, and try again"),
            StoreError::OtherEngine => {
                (Exit::Refused, "the body's rows lie with another engine of this folder")
            }
            _ => (Exit::Other, "check the disk and the data folder"),
        };
        Self::new(exit, error.code(), format!("data folder: {error}: {advice}"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        (&error).into()
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(Exit::Unavailable, error.code(), error.to_string())
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let advice = "check the disk and the data folder, and run the same command again";
        Self::new(Exit::Other, error.code(), format!("journal: {error}: {advice}"))
    }
}
