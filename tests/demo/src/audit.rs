//! The log of every body re-read: each event opens, in unbroken sequence.

use chukei_harness::command;
use chukei_harness::layout::{BODIES, Layout};
use indicatif::ProgressBar;

use crate::error::{DemoError, same};

/// Verifies every body's log and returns the number of events.
pub(crate) fn verify(layout: &Layout, bar: &ProgressBar) -> Result<u64, DemoError> {
    let mut events = 0;
    for body in BODIES {
        let report = command::staff(layout, body.code, &["audit", "verify"])?.done()?;
        same("verification of the log", &Some(true), &report.member("verified").as_bool())?;
        events += report.count("events").unwrap_or_default();
        bar.inc(1);
    }
    Ok(events)
}
