//! Makes the two files of one body: new records in UTF-8, then more of them with changes in Windows-31J.

use chukei_domain::catalogue::{Catalogue, Item, ItemKind};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};

use super::bad::FAULTS;
use super::expectation::{ExpectedItem, ImportExpectation, Record, Truth};
use super::file::{Encoding, RowFile};
use super::value;
use crate::error::HarnessError;

/// One bad row after this many good ones.
const GOOD_PER_BAD: usize = 50;
const PAST: &str = "20240401";
const PAST_END: &str = "20250331";
const FUTURE: &str = "20991231";
const REASONS: &[&str] = &["該当なし", "未照会", "申告なし"];

/// The columns of a row, and what the faults need to know.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record_id: String,
    pub(crate) body: String,
    pub(crate) addressee: String,
    pub(crate) dataset: String,
    pub(crate) item: String,
    pub(crate) record_key: String,
    pub(crate) layout: String,
    pub(crate) publication_date: String,
    pub(crate) publication_end: String,
    pub(crate) delete: String,
    pub(crate) reason: String,
    pub(crate) value: String,
    pub(crate) extra: Option<String>,
    /// A text item of the same dataset.
    pub(crate) text_item: String,
    /// An addressee number that is nobody's.
    pub(crate) nobody: String,
    person: usize,
}

impl Row {
    fn columns(&self) -> Vec<String> {
        let columns = [
            &self.record_id,
            &self.body,
            &self.addressee,
            &self.dataset,
            &self.item,
            &self.record_key,
            &self.layout,
            &self.publication_date,
            &self.publication_end,
            &self.delete,
            &self.reason,
            &self.value,
        ];
        columns.into_iter().chain(&self.extra).cloned().collect()
    }

    fn record(&self) -> Record {
        let published = self.publication_date.as_str() <= PAST;
        let ended = !self.publication_end.is_empty() && self.publication_end.as_str() <= PAST_END;
        Record {
            item: ExpectedItem {
                record_key: self.record_key.clone(),
                item_code: self.item.clone(),
                value: self.value.clone(),
                reason_of_null: (!self.reason.is_empty()).then(|| self.reason.clone()),
            },
            shown: published && !ended && self.delete != "1",
        }
    }
}

/// The rows of one body and what must become of them.
#[derive(Debug)]
pub struct BodyRows {
    /// To be imported first.
    pub first: (RowFile, ImportExpectation),
    /// To be imported second: more records, updates and deletions of the first file's, repeated rows.
    pub second: (RowFile, ImportExpectation),
    /// What every person must then be shown; persons by their index.
    pub truth: Truth,
}

/// Makes rows for one body's persons.
pub struct Generator<'a> {
    catalogue: &'a Catalogue,
    body: &'a str,
    persons: &'a [String],
    random: StdRng,
    truth: Truth,
    accepted: Vec<Row>,
    made: usize,
}

impl<'a> Generator<'a> {
    /// For `persons` of `body` by their addressee numbers. The same seed makes the same rows.
    pub fn new(catalogue: &'a Catalogue, body: &'a str, persons: &'a [String], seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { catalogue, body, persons, random, truth: Truth::default(), accepted: Vec::new(), made: 0 }
    }

    /// Two files with at least `good` registered rows each.
    pub fn rows(mut self, good: usize) -> Result<BodyRows, HarnessError> {
        if self.persons.is_empty() {
            return Err(HarnessError::Rows("there are no persons to make rows for".into()));
        }
        let first = self.file(Encoding::Utf8, good, 0)?;
        let earlier = self.accepted.len();
        let second = self.file(Encoding::Windows31J, good, earlier)?;
        Ok(BodyRows { first, second, truth: self.truth })
    }

    /// One file; records below `earlier` stand in a file imported before.
    fn file(
        &mut self,
        encoding: Encoding,
        good: usize,
        earlier: usize,
    ) -> Result<(RowFile, ImportExpectation), HarnessError> {
        let mut file = RowFile::new(encoding);
        let mut expected = ImportExpectation::default();
        let mut touched = std::collections::BTreeSet::new();
        let mut fault = 0;
        for number in 0..good {
            let changes = earlier > 0 && self.random.random_bool(0.05);
            let row = match changes.then(|| self.random.random_range(0..earlier)) {
                Some(at) if touched.insert(at) => self.changed(at, encoding)?,
                _ => self.fresh(encoding)?,
            };
            self.accept(&mut file, &mut expected, row);
            if earlier > 0 && number % 100 == 99 {
                self.repeat_earlier(&mut file, &mut expected, earlier, &mut touched, encoding);
            }
            if number % GOOD_PER_BAD == GOOD_PER_BAD - 1 {
                self.add_bad(&mut file, &mut expected, encoding, fault, earlier)?;
                fault += 1;
            }
        }
        Ok((file, expected))
    }

    fn accept(&mut self, file: &mut RowFile, expected: &mut ImportExpectation, row: Row) {
        expected.count_row();
        expected.registered += 1;
        file.push(row.columns());
        self.truth.put(row.person, &row.dataset, &row.record_id, row.record());
        self.accepted.push(row);
    }

    /// A row of an earlier file once more, as it stands there: nothing changes.
    fn repeat_earlier(
        &mut self,
        file: &mut RowFile,
        expected: &mut ImportExpectation,
        earlier: usize,
        touched: &mut std::collections::BTreeSet<usize>,
        encoding: Encoding,
    ) {
        let at = self.random.random_range(0..earlier);
        let Some(row) = self.accepted.get(at).cloned() else { return };
        let writable = encoding == Encoding::Utf8 || !encoding_rs::SHIFT_JIS.encode(&row.value).2;
        if writable && touched.insert(at) {
            expected.count_row();
            expected.unchanged += 1;
            file.push(row.columns());
        }
    }

    /// A new record.
    fn fresh(&mut self, encoding: Encoding) -> Result<Row, HarnessError> {
        let person = self.made % self.persons.len();
        self.made += 1;
        let (dataset, item) = self.catalogue.items().choose(&mut self.random).ok_or_else(no_items)?;
        let text_item = dataset.items().find(|item| item.kind == ItemKind::Text).unwrap_or(item);
        let mut row = Row {
            record_id: format!("{}-{:07}", if encoding == Encoding::Utf8 { "U" } else { "W" }, self.made),
            body: self.body.into(),
            addressee: self.persons.get(person).cloned().unwrap_or_default(),
            dataset: dataset.code.as_str().into(),
            item: item.code.as_str().into(),
            record_key: self.record_key(),
            layout: "0001".into(),
            publication_date: PAST.into(),
            publication_end: String::new(),
            delete: if self.random.random_bool(0.5) { "0".into() } else { String::new() },
            reason: String::new(),
            value: String::new(),
            extra: None,
            text_item: text_item.code.as_str().into(),
            nobody: format!("00000{}9999", self.body),
            person,
        };
        self.fill(&mut row, item, encoding);
        Ok(row)
    }

    fn record_key(&mut self) -> String {
        match self.random.random_range(0..10) {
            0 => format!("{:020}", self.random.random_range(1..=9)),
            _ => self.random.random_range(1..=3).to_string(),
        }
    }

    /// Gives a new record its value, and sometimes a reason to be hidden.
    fn fill(&mut self, row: &mut Row, item: &Item, encoding: Encoding) {
        row.value = value::value(item, encoding, &mut self.random);
        match self.random.random_range(0..40) {
            0 | 1 => {
                row.value.clear();
                row.reason = REASONS.choose(&mut self.random).copied().unwrap_or("該当なし").into();
            }
            2 => row.delete = "1".into(),
            3 => row.publication_date = FUTURE.into(),
            4 => row.publication_end = PAST_END.into(),
            5 | 6 => row.publication_end = FUTURE.into(),
            _ => {}
        }
    }

    /// An update or a deletion of an earlier record: same id, same place, other content.
    fn changed(&mut self, at: usize, encoding: Encoding) -> Result<Row, HarnessError> {
        let Some(mut row) = self.accepted.get(at).cloned() else { return self.fresh(encoding) };
        let before = row.columns();
        let item = self.catalogue.item(&row.dataset, &row.item).ok_or_else(no_items)?;
        row.reason.clear();
        row.value = value::value(item, encoding, &mut self.random);
        row.delete = if self.random.random_bool(0.3) { "1".into() } else { String::new() };
        row.publication_end = if self.random.random_bool(0.2) { FUTURE.into() } else { String::new() };
        row.publication_date = PAST.into();
        if same_content(&before, &row.columns()) {
            return self.fresh(encoding);
        }
        Ok(row)
    }

    fn add_bad(
        &mut self,
        file: &mut RowFile,
        expected: &mut ImportExpectation,
        encoding: Encoding,
        fault: usize,
        earlier: usize,
    ) -> Result<(), HarnessError> {
        // Two kinds of duplicates stand behind the faults: another place, and the very same row.
        let kinds = FAULTS.len() + 2;
        let kind = fault % kinds;
        let (row, result) = match FAULTS.get(kind) {
            Some(fault) => {
                let mut row = self.fresh(encoding)?;
                row.delete.clear();
                row.reason.clear();
                (fault.spoil)(&mut row);
                (row, fault.result)
            }
            None => (self.duplicate(kind == FAULTS.len(), encoding, earlier)?, "DUPLICATE_RECORD_ID"),
        };
        let line = expected.count_row();
        // A record id that is an individual number is never repeated, not even in the result file.
        let hides_id =
            result == "FORBIDDEN_IDENTIFIER" && chukei_domain::individual_number::find(&row.record_id);
        expected.reject(line, if hides_id { "" } else { &row.record_id }, result);
        file.push(row.columns());
        Ok(())
    }

    /// A row whose id was accepted earlier in the same file.
    fn duplicate(
        &mut self,
        elsewhere: bool,
        encoding: Encoding,
        earlier: usize,
    ) -> Result<Row, HarnessError> {
        let of_this_file = self.accepted.get(earlier..).unwrap_or_default();
        let original = of_this_file.choose(&mut self.random).cloned().ok_or_else(no_items)?;
        if !elsewhere {
            return Ok(original);
        }
        let mut row = self.fresh(encoding)?;
        row.record_id = original.record_id;
        Ok(row)
    }
}

/// Whether two rows say the same; an empty and a zero delete mark do.
fn same_content(one: &[String], other: &[String]) -> bool {
    let meaning = |text: &String| if text == "0" { String::new() } else { text.clone() };
    one.iter().map(meaning).eq(other.iter().map(meaning))
}

fn no_items() -> HarnessError {
    HarnessError::Rows("the catalogue or the file is empty".into())
}

#[cfg(test)]
mod tests;
