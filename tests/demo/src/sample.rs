//! Sample data of `cargo demo`: small, so that the stack is ready soon; loaded once per folder.

use chukei_harness::layout::{BODIES, Layout};
use indicatif::ProgressBar;

use crate::copies;
use crate::error::DemoError;
use crate::notices::{self, Target};
use crate::persons;
use crate::steps::Steps;

const PERSONS: usize = 100;
const GOOD_ROWS: usize = 300;
const NOTICES: usize = 3;
const MARK: &str = "sample-data";

/// Loads the sample data unless this folder has it.
pub(crate) fn load(layout: &Layout) -> Result<(), DemoError> {
    let mark = layout.dir().join(MARK);
    if mark.exists() {
        return Ok(());
    }
    let mut steps = Steps::new();
    for body in BODIES {
        let title = format!("Sample data of {}", body.code);
        let japanese = format!("{}の見本データ", body.name);
        steps.step(&title, &japanese, NOTICES, |bar| load_body(layout, body.code, bar))?;
    }
    std::fs::write(&mark, "").map_err(|source| DemoError::io(mark.display(), source))
}

fn load_body(layout: &Layout, body: &str, bar: &ProgressBar) -> Result<(), DemoError> {
    let persons = persons::add_and_enrol(layout, body, PERSONS)?;
    let files = copies::write(layout, body, &persons, GOOD_ROWS)?;
    for (path, expected) in [&files.first, &files.second] {
        copies::import(layout, body, path, expected)?;
    }
    let targets: Vec<Target<'_>> = persons
        .iter()
        .take(NOTICES)
        .enumerate()
        .map(|(number, person)| Target { number, body, person })
        .collect();
    notices::send(layout, &targets, bar)?;
    Ok(())
}
