//! Rows as they will be sent, or why they are not sent at all.
//!
//! A row that holds an individual number stays on this machine: it has its result already (R10).

use std::io::{self, BufRead};

use chukei_domain::individual_number;
use chukei_wire::result::ResultName;

use crate::table::records::{Content, Records, single_line};
use crate::table::survey::Survey;

/// Columns of a malformed line that are looked at for its id.
const COLUMNS_LOOKED_AT: usize = 64;

/// One row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its first physical line.
    pub(super) line: u64,
    /// Its first column as the result file shows it; empty where it could not be read.
    pub(super) id: String,
    /// Its fields in the order of the known columns, or the result it has without being sent.
    pub(super) fields: Result<Vec<String>, ResultName>,
}

/// Reads rows one after the other.
pub(super) struct Rows<R> {
    records: Records<R>,
    survey: Survey,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(records: Records<R>, survey: Survey) -> Self {
        Self { records, survey }
    }

    /// Bytes of the file read so far.
    pub(super) fn consumed(&self) -> u64 {
        self.records.consumed()
    }

    /// The next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        let Some(record) = self.records.next()? else { return Ok(None) };
        Ok(Some(match record.content {
            Content::Malformed(bytes) => {
                let found = individual_number::find(&self.survey.encoding.decode_for_search(&bytes));
                Row { line: record.line, id: self.id_of_line(&bytes), fields: Err(fault(found)) }
            }
            Content::Fields(fields) => self.row(record.line, fields),
        }))
    }

    /// The id of a line with too few or too many columns, where it still stands at its place.
    fn id_of_line(&self, bytes: &[u8]) -> String {
        let fields = single_line(bytes, COLUMNS_LOOKED_AT).map(|fields| self.survey.columns.arrange(fields));
        let id = fields.and_then(|fields| self.survey.encoding.decode(fields.first()?));
        id.filter(|id| !individual_number::find(id)).unwrap_or_default()
    }

    fn row(&self, line: u64, fields: Vec<Vec<u8>>) -> Row {
        let encoding = self.survey.encoding;
        let fields = self.survey.columns.arrange(fields);
        let decoded: Vec<Option<String>> = fields.iter().map(|field| encoding.decode(field)).collect();
        let id = decoded.first().cloned().flatten().filter(|id| !individual_number::find(id));
        let found = fields.iter().zip(&decoded).any(|(bytes, text)| match text {
            Some(text) => individual_number::find(text),
            None => individual_number::find(&encoding.decode_for_search(bytes)),
        });
        let fields = decoded.into_iter().collect::<Option<Vec<String>>>().filter(|_| !found);
        Row { line, id: id.unwrap_or_default(), fields: fields.ok_or_else(|| fault(found)) }
    }
}

fn fault(individual_number_found: bool) -> ResultName {
    if individual_number_found { ResultName::ForbiddenIdentifier } else { ResultName::BadFormat }
}
