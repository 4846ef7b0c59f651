//! Progress on standard error, for people only: neither logs nor scripts see it.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that is gone when it is dropped. Draws nothing where nobody is watching.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar of `total` of what `what` names, drawn only if `show` and standard error is a terminal.
    pub(super) fn of(what: &str, total: u64, show: bool) -> Self {
        let seen = show && std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// So much is done.
    pub(super) fn advance_to(&self, done: u64) {
        self.0.set_position(done);
    }

    /// So much more is done.
    pub(super) fn advance(&self, by: u64) {
        self.0.inc(by);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
