//! Copies in: files of rows imported as staff would, every count and every rejected row compared.

use std::path::{Path, PathBuf};

use chukei_domain::catalogue::Catalogue;
use chukei_harness::command;
use chukei_harness::layout::Layout;
use chukei_harness::rows::{BodyRows, ExpectedResult, Generator, ImportExpectation, Truth};
use serde_json::Value;

use crate::error::{DemoError, same};
use crate::persons::Person;

/// The seed of everything generated.
pub(crate) const SEED: u64 = 20_240_401;

/// The two files of one body, written, and what must become of them.
pub(crate) struct Files {
    pub(crate) first: (PathBuf, ImportExpectation),
    pub(crate) second: (PathBuf, ImportExpectation),
    pub(crate) truth: Truth,
}

/// Makes and writes the rows of `body`, at least `good` registered ones in each of its two files.
pub(crate) fn write(
    layout: &Layout,
    body: &str,
    persons: &[Person],
    good: usize,
) -> Result<Files, DemoError> {
    let catalogue = Catalogue::builtin()?;
    let numbers: Vec<String> = persons.iter().map(|person| person.addressee.clone()).collect();
    let seed = body.bytes().fold(SEED, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let BodyRows { first, second, truth } = Generator::new(&catalogue, body, &numbers, seed).rows(good)?;
    let first_path = layout.dir().join(format!("copies-{body}-utf8.csv"));
    let second_path = layout.dir().join(format!("copies-{body}-windows31j.csv"));
    first.0.write(&first_path)?;
    second.0.write(&second_path)?;
    Ok(Files { first: (first_path, first.1), second: (second_path, second.1), truth })
}

/// Imports one file and compares the report and the result file. Returns the registered records.
pub(crate) fn import(
    layout: &Layout,
    body: &str,
    path: &Path,
    expected: &ImportExpectation,
) -> Result<u64, DemoError> {
    let shown = path.display().to_string();
    let report = command::staff(layout, body, &["copy", "import", &shown])?.done()?;
    let what = |name: &str| format!("{name} of {shown}");
    for (name, count) in
        [("rows", expected.rows), ("registered", expected.registered), ("unchanged", expected.unchanged)]
    {
        same(&what(name), &Some(count), &report.count(name))?;
    }
    same(&what("rejected"), &serde_json::json!(expected.rejected), &sorted(report.member("rejected")))?;
    let result_file = report.text("result_file").to_owned();
    let found = read_results(Path::new(&result_file))?;
    let wanted: Vec<_> = expected.results.iter().map(as_found).collect();
    let first_other = wanted.iter().zip(&found).find(|(wanted, found)| wanted != found);
    if let Some((wanted, found)) = first_other {
        same(&what("result line"), wanted, found)?;
    }
    same(&what("result lines"), &wanted.len(), &found.len())?;
    Ok(expected.registered)
}

/// JSON objects keep the order of their writer; compared is what they say.
fn sorted(value: &Value) -> Value {
    let entries: std::collections::BTreeMap<String, Value> =
        value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::json!(entries)
}

/// Line, record id, result: as they stand in the result file.
type Found = (String, String, String);

fn as_found(expected: &ExpectedResult) -> Found {
    (expected.line.to_string(), expected.record_id.clone(), expected.result.to_owned())
}

fn read_results(path: &Path) -> Result<Vec<Found>, DemoError> {
    let failed = |error: csv::Error| DemoError::io(path.display(), std::io::Error::other(error));
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    reader.deserialize().collect::<Result<_, _>>().map_err(failed)
}
