//! Child processes of a benchmark: the very same program with other arguments, spoken to by lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Failure;

/// A child process. It ends when this one does, because its input then ends.
pub struct ChildProcess {
    child: Child,
    said: String,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ChildProcess {
    /// Starts the program with these arguments and waits for its first line.
    pub fn start(args: &[&str]) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe to the child")?;
        let output = BufReader::new(child.stdout.take().ok_or("no pipe from the child")?);
        let mut started = Self { child, said: String::new(), input, output };
        started.said = started.hear()?;
        Ok(started)
    }

    /// Its first line.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a line.
    pub fn tell(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.input, "{line}")?;
        Ok(self.input.flush()?)
    }

    /// Its next line.
    pub fn hear(&mut self) -> Result<String, Failure> {
        let mut said = String::new();
        self.output.read_line(&mut said)?;
        Ok(said.trim().to_owned())
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // It holds nothing that an orderly end would save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
