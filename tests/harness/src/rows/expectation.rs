//! What must become of generated rows: counts, the result file's lines, and what each person is shown.

use std::collections::BTreeMap;

use chukei_mock_portal::protocol::SelfInfo;

/// A place that holds items of a person: (person's index, dataset code).
type Place = (usize, String);

/// What one import must report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportExpectation {
    /// Rows without the header.
    pub rows: u64,
    /// New and updated records.
    pub registered: u64,
    /// Rows that say what is already there.
    pub unchanged: u64,
    /// Rejected rows by result name.
    pub rejected: BTreeMap<String, u64>,
    /// The result file, in the order of the rows.
    pub results: Vec<ExpectedResult>,
}

/// One line of the result file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedResult {
    /// Line in the imported file; the header is line 1.
    pub line: u64,
    /// レコード識別番号 as the result file shows it.
    pub record_id: String,
    /// Result name.
    pub result: &'static str,
}

impl ImportExpectation {
    /// What importing the same file once more must report: nothing changes, the same rows are rejected.
    pub fn repeated(&self) -> Self {
        Self { registered: 0, unchanged: self.unchanged + self.registered, ..self.clone() }
    }

    /// Counts a row and returns its line.
    pub(crate) fn count_row(&mut self) -> u64 {
        self.rows += 1;
        self.rows + 1
    }

    pub(crate) fn reject(&mut self, line: u64, record_id: &str, result: &'static str) {
        *self.rejected.entry(result.to_owned()).or_default() += 1;
        self.results.push(ExpectedResult { line, record_id: record_id.to_owned(), result });
    }
}

/// One item as a person is shown it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedItem {
    /// データセットレコードキー.
    pub record_key: String,
    /// 項目コード.
    pub item_code: String,
    /// The value, exactly as sent.
    pub value: String,
    /// 未設定事由.
    pub reason_of_null: Option<String>,
}

impl ExpectedItem {
    /// All that an answer shows, sorted as [`Truth::shown`] is.
    pub fn all_of(answer: &SelfInfo) -> Vec<Self> {
        let items = answer.datasets.iter().flat_map(|dataset| &dataset.items);
        let mut shown: Vec<Self> = items
            .map(|item| Self {
                record_key: item.record_key.clone(),
                item_code: item.info_item_code.clone(),
                value: item.value.clone(),
                reason_of_null: item.reason_of_null.clone(),
            })
            .collect();
        shown.sort();
        shown
    }
}

/// A record as it was last accepted.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) item: ExpectedItem,
    pub(crate) shown: bool,
}

/// What every person of one body must be shown.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    records: BTreeMap<Place, BTreeMap<String, Record>>,
}

impl Truth {
    /// Items of a person in a dataset, sorted; empty where there is nothing to show.
    pub fn shown(&self, person: usize, dataset: &str) -> Vec<ExpectedItem> {
        let records = self.records.get(&(person, dataset.to_owned()));
        let shown = records.into_iter().flat_map(BTreeMap::values).filter(|record| record.shown);
        let mut items: Vec<ExpectedItem> = shown.map(|record| record.item.clone()).collect();
        items.sort();
        items
    }

    /// Places with at least one record, shown or not: (person's index, dataset code).
    pub fn places(&self) -> impl Iterator<Item = (usize, &str)> {
        self.records.keys().map(|(person, dataset)| (*person, dataset.as_str()))
    }

    pub(crate) fn put(&mut self, person: usize, dataset: &str, record_id: &str, record: Record) {
        self.records.entry((person, dataset.to_owned())).or_default().insert(record_id.to_owned(), record);
    }
}
