//! Counts outcomes and writes those that need attention to the result file.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use chukei_wire::message::staff::RowOutcome;
use chukei_wire::result::ResultName;

use crate::result_file::ResultFile;

/// Outcomes of a file's rows: `rows` = `registered` + `unchanged` + all of `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows.
    pub(crate) rows: u64,
    /// Registered or enrolled.
    pub(crate) registered: u64,
    /// There before in this form.
    pub(crate) unchanged: u64,
    /// Refused, by result name.
    pub(crate) rejected: BTreeMap<&'static str, u64>,
}

/// Counts and result file of one run.
pub(super) struct Tally {
    counts: Counts,
    results: ResultFile,
}

impl Tally {
    pub(super) fn new(results: ResultFile) -> Self {
        Self { counts: Counts::default(), results }
    }

    /// Counts one row.
    pub(super) fn add(&mut self, line: u64, id: &str, outcome: RowOutcome) -> io::Result<()> {
        self.counts.rows += 1;
        match outcome {
            RowOutcome::Registered => self.counts.registered += 1,
            RowOutcome::Unchanged => self.counts.unchanged += 1,
            RowOutcome::Rejected(result) => return self.reject(line, id, result),
        }
        Ok(())
    }

    /// Puts the result file in its place.
    pub(super) fn finish(self) -> io::Result<(Counts, PathBuf)> {
        Ok((self.counts, self.results.finish()?))
    }

    fn reject(&mut self, line: u64, id: &str, result: ResultName) -> io::Result<()> {
        *self.counts.rejected.entry(result.as_str()).or_default() += 1;
        self.results.add(line, id, result)
    }
}
