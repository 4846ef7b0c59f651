//! The result file: one line per row that was neither registered nor unchanged, replaced as a whole.
//!
//! What must hold: readers see the old file or the complete new one; no cell can act as a formula where the file
//! is opened in a spreadsheet; an individual number never reaches it.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use chukei_domain::individual_number;
use chukei_wire::result::ResultName;
use tempfile::NamedTempFile;

use crate::folder;

/// Where the result file of `input` lies unless the caller names another place.
pub(crate) fn default_path(input: &Path) -> PathBuf {
    let mut name = input.as_os_str().to_owned();
    name.push(".result.csv");
    PathBuf::from(name)
}

/// A result file being written.
pub(crate) struct ResultFile {
    path: PathBuf,
    writer: csv::Writer<BufWriter<NamedTempFile>>,
}

impl ResultFile {
    /// Begins the file that will stand at `path`; `id_column` names the column that identifies a row.
    pub(crate) fn create(path: &Path, id_column: &str) -> io::Result<Self> {
        let file = NamedTempFile::with_prefix_in(".chukei-result-", folder::of(path))?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(["line", id_column, "result"])?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Adds a row of the input by its physical line.
    pub(crate) fn add(&mut self, line: u64, id: &str, result: ResultName) -> io::Result<()> {
        let id = if individual_number::find(id) { String::new() } else { neutral(id) };
        Ok(self.writer.write_record([line.to_string().as_str(), &id, result.as_str()])?)
    }

    /// Makes the file durable and puts it in its place.
    pub(crate) fn finish(self) -> io::Result<PathBuf> {
        let buffered = self.writer.into_inner().map_err(|error| error.into_error())?;
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        folder::sync_of(&self.path)?;
        Ok(self.path)
    }
}

/// The cell as text: what a spreadsheet would take for a formula gets an apostrophe before it.
pub(crate) fn neutral(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_appears_whole_and_replaces_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = default_path(&dir.path().join("copies.csv"));
        assert!(path.ends_with("copies.csv.result.csv"));
        fs::write(&path, "old").unwrap();
        let mut file = ResultFile::create(&path, "record_id").unwrap();
        file.add(2, "R1", ResultName::BadFormat).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file.finish().unwrap(), path);
        assert_eq!(fs::read_to_string(&path).unwrap(), "line,record_id,result\n2,R1,BAD_FORMAT\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        drop(ResultFile::create(&dir.path().join("r.csv"), "record_id").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn r10_cells_are_text_and_never_an_individual_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.csv");
        let mut file = ResultFile::create(&path, "record_id").unwrap();
        let cells =
            ["=1+1", "+1", "-a", "@x", "＝1", "\tx", "a=1", "a,\"b", "123456789018", "x1234-5678-9018"];
        for (line, cell) in (2..).zip(cells) {
            file.add(line, cell, ResultName::BadFormat).unwrap();
        }
        let text = fs::read_to_string(file.finish().unwrap()).unwrap();
        let ids: Vec<String> = csv::Reader::from_reader(text.as_bytes())
            .records()
            .map(|record| record.unwrap()[1].to_owned())
            .collect();
        assert_eq!(ids, ["'=1+1", "'+1", "'-a", "'@x", "'＝1", "'\tx", "a=1", "a,\"b", "", ""]);
    }
}
