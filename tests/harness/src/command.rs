//! One-shot commands, run as a user would: a process, its exit code, one line of JSON.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::HarnessError;
use crate::layout::Layout;
use crate::role::{ROLE_WORD, Role};

/// What is quoted of a command's messages.
const STDERR_SHOWN: usize = 600;

/// The JSON line of a command. A member that is not there reads as nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Report(Value);

impl Report {
    /// A member, or null.
    pub fn member(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// A member that is a count.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.member(name).as_u64()
    }

    /// A member that is a text; empty where it is none.
    pub fn text(&self, name: &str) -> &str {
        self.member(name).as_str().unwrap_or_default()
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// The command line, without the executable.
    pub command: String,
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The JSON line on stdout, where there is one.
    pub json: Option<Value>,
    /// What it printed for people.
    pub stderr: String,
}

impl Outcome {
    /// The JSON line of a command that ended with 0.
    pub fn done(self) -> Result<Report, HarnessError> {
        self.expect(0)
    }

    /// The JSON line of a command that ended with `code`.
    pub fn expect(self, code: i32) -> Result<Report, HarnessError> {
        match self.json {
            Some(json) if self.code == Some(code) => Ok(Report(json)),
            _ => Err(HarnessError::Command {
                command: self.command,
                code: self.code,
                stderr: self.stderr.chars().take(STDERR_SHOWN).collect(),
            }),
        }
    }
}

/// Runs the staff command `chukei --config staff-<body>.toml --json <args>`.
pub fn staff<S: AsRef<OsStr>>(layout: &Layout, body: &str, args: &[S]) -> Result<Outcome, HarnessError> {
    run("chukei", layout.staff_config(body), args)
}

/// Runs a command of whoever approves the body's acts: `chukei --config approver-<body>.toml --json <args>`.
pub fn approver<S: AsRef<OsStr>>(layout: &Layout, body: &str, args: &[S]) -> Result<Outcome, HarnessError> {
    run("chukei", layout.approver_config(body), args)
}

/// Runs the portal's command `chukei-mock-portal --config portal.toml --json <args>`.
pub fn portal<S: AsRef<OsStr>>(layout: &Layout, args: &[S]) -> Result<Outcome, HarnessError> {
    run("portal", layout.config(Role::Portal), args)
}

fn run<S: AsRef<OsStr>>(program: &str, config: PathBuf, args: &[S]) -> Result<Outcome, HarnessError> {
    let exe = std::env::current_exe().map_err(|source| HarnessError::io("the running executable", source))?;
    let shown: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
    let command = format!("{program} {}", shown.join(" "));
    let output = Command::new(exe)
        .args([ROLE_WORD, program, "--config"])
        .arg(config)
        .arg("--json")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HarnessError::io(command.clone(), source))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let json =
        stdout.lines().find(|line| line.starts_with('{')).and_then(|line| serde_json::from_str(line).ok());
    Ok(Outcome {
        command,
        code: output.status.code(),
        json,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
