//! What a command prints: one compact JSON line for scripts, or text for people. Logs never come here.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::failure::Failure;

/// The outcome of a command that did its work.
#[derive(Debug)]
pub(crate) struct Report {
    /// For `--json`.
    pub(crate) json: Value,
    /// For people, without the last line feed.
    pub(crate) text: String,
}

/// Prints an outcome where scripts and people look for it.
pub(crate) fn print(outcome: &Result<Report, Failure>, as_json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match (outcome, as_json) {
        (Ok(report), true) => writeln!(stdout, "{}", report.json)?,
        (Ok(report), false) => writeln!(stdout, "{}", report.text)?,
        (Err(failure), true) => {
            writeln!(stdout, "{}", json!({ "code": failure.code, "message": failure.message }))?;
        }
        (Err(failure), false) => writeln!(io::stderr().lock(), "エラー: {failure}")?,
    }
    stdout.flush()
}
