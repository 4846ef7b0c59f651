//! The splice's child processes: this very program with other arguments.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use chukei_benches::Failure;

/// A child process. It ends when this one does, because its input then ends.
pub(super) struct ChildProcess {
    child: Child,
    said: String,
    _input: ChildStdin,
}

impl ChildProcess {
    /// Starts the program with these arguments and waits for its first line.
    pub(super) fn start(args: &[&str]) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe to the child")?;
        let output = child.stdout.take().ok_or("no pipe from the child")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        Ok(Self { child, said: said.trim().to_owned(), _input: input })
    }

    /// Its first line.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // It holds nothing that an orderly end would save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
