//! Steps on standard output, each with its duration; a progress bar on standard error while one runs.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::DemoError;

const BAR: &str = "    {bar:32} {pos}/{len} {msg} {elapsed}";

/// Numbers the steps.
#[derive(Debug)]
pub(crate) struct Steps {
    number: u32,
    began: Instant,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { number: 0, began: Instant::now() }
    }

    /// Runs one step of `length` parts. `japanese` is what staff call it.
    pub(crate) fn step<T>(
        &mut self,
        title: &str,
        japanese: &str,
        length: usize,
        work: impl FnOnce(&ProgressBar) -> Result<T, DemoError>,
    ) -> Result<T, DemoError> {
        self.number += 1;
        println!("[{:2}] {title}\n     {japanese}", self.number);
        let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        let began = Instant::now();
        let result = work(&bar);
        bar.finish_and_clear();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("     {verdict}, {:.1} s", began.elapsed().as_secs_f64());
        result
    }

    /// Says how long everything took.
    pub(crate) fn finish(&self) {
        println!("{} steps, {:.1} s", self.number, self.began.elapsed().as_secs_f64());
    }
}
