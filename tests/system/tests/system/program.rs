//! The programs, run as a user or a script would run them: a process, its exit code, what it prints.

use std::process::{Command, Stdio};

use chukei_harness::layout::Layout;
use chukei_harness::role::{ROLE_WORD, Role};
use serde_json::Value;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that plays `program` (`node`, `broker`, `portal`, `chukei`), with nothing on its standard input.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([ROLE_WORD, program]).stdin(Stdio::null());
    command
}

/// Runs `program` with `args` to its end.
pub(crate) fn run(program: &str, args: &[&str]) -> Ended {
    end(command(program).args(args))
}

/// Runs a command to its end.
pub(crate) fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("programs print UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `chukei --config staff-<body>.toml --json <args>`.
pub(crate) fn staff(layout: &Layout, body: &str, args: &[&str]) -> Ended {
    with_config("chukei", &layout.staff_config(body).display().to_string(), args)
}

/// Runs `chukei-mock-portal --config portal.toml --json <args>`.
pub(crate) fn portal(layout: &Layout, args: &[&str]) -> Ended {
    with_config("portal", &layout.config(Role::Portal).display().to_string(), args)
}

/// Runs a program with this configuration and `--json`.
pub(crate) fn with_config(program: &str, config: &str, args: &[&str]) -> Ended {
    run(program, &[&["--config", config, "--json"], args].concat())
}

impl Ended {
    /// The JSON line of a program that did its work.
    #[track_caller]
    pub(crate) fn done(self) -> Value {
        self.ended_with(0)
    }

    /// The `code` of a program that a rule refused: exit 3.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        self.code_at(3)
    }

    /// The `code` of the error line of a program that ended with `exit`.
    #[track_caller]
    pub(crate) fn code_at(self, exit: i32) -> String {
        let line = self.ended_with(exit);
        let message = line["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "an error without a text for people: {line}");
        line["code"].as_str().unwrap_or_else(|| panic!("an error without a code: {line}")).to_owned()
    }

    /// The one JSON line of a program that ended with `exit`: compact, alone on its line, nothing else on standard
    /// output that begins with a brace.
    #[track_caller]
    pub(crate) fn ended_with(self, exit: i32) -> Value {
        assert_eq!(self.code, Some(exit), "{self:#?}");
        let lines: Vec<&str> = self.stdout.lines().filter(|line| line.starts_with('{')).collect();
        let [line] = lines[..] else { panic!("not one JSON line: {self:#?}") };
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(value.to_string(), line, "the line is compact");
        assert!(self.stdout.ends_with('\n'), "the line ends");
        value
    }
}
