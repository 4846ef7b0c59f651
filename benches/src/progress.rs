//! Progress of a long run on standard error, for people only: what is printed for documents is not touched by it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a run has come: which of its parts it is at, and how far that is. Draws nothing where nobody is watching.
pub struct Progress {
    bar: ProgressBar,
    parts: usize,
    begun: usize,
}

impl Progress {
    /// Of a run with so many parts.
    pub fn new(parts: usize) -> Self {
        let terminal = io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:40} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, parts, begun: 0 }
    }

    /// The next part begins.
    pub fn part(&mut self, name: &str) {
        self.begun += 1;
        self.bar.set_prefix(format!("{}/{} {name}", self.begun, self.parts));
        self.bar.set_message("");
        self.bar.reset_elapsed();
        self.steps(1);
    }

    /// The part has so many steps.
    pub fn steps(&self, steps: u64) {
        self.bar.set_position(0);
        self.bar.set_length(steps);
    }

    /// What the part is at.
    pub fn at(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// So many more steps are done.
    pub fn done(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// Prints a table or a heading on standard output, which the bar makes way for.
    pub fn print(&self, text: impl Display) -> io::Result<()> {
        self.bar.suspend(|| writeln!(io::stdout(), "{text}"))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
