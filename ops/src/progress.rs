//! Progress on standard error, for people only: neither logs nor scripts see it.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress through a file. Draws nothing where nobody is watching; gone when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Progress through `length` bytes, drawn only if `show` and standard error is a terminal.
    pub(crate) fn bytes(length: u64, show: bool) -> Self {
        Self::of(length, show, "{bar:40} {bytes}/{total_bytes} 残り {eta}")
    }

    /// Progress through `length` records, drawn likewise.
    pub(crate) fn records(length: u64, show: bool) -> Self {
        Self::of(length, show, "{bar:40} {human_pos}/{human_len}件 残り {eta}")
    }

    fn of(length: u64, show: bool, template: &str) -> Self {
        let target = if show && std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// This much is done.
    pub(crate) fn advance_to(&self, done: u64) {
        self.0.set_position(done);
    }

    /// There is this much in all.
    pub(crate) fn of_all(&self, length: u64) {
        self.0.set_length(length);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
