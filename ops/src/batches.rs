//! Files of rows, sent to the node in batches that are answered once they are durable.
//!
//! What must hold: one outcome per row; rows whose answer was lost with a connection are sent again and count
//! once; memory holds a bounded number of batches, whatever the file.

mod feed;
mod pipeline;
mod repeats;
mod rows;
mod tally;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use chukei_wire::codec::{CodecError, encode};
use chukei_wire::header::Kind;
use chukei_wire::limits::{ENROL_BATCH_ROWS, IMPORT_BATCH_ROWS};
use chukei_wire::message::staff::{EnrollBatch, EnrollRow, ImportBatch, ImportRow};

use crate::failure::Failure;
use crate::link::NodeLink;
use crate::progress::Progress;
use crate::result_file::{ResultFile, default_path};
use crate::table::columns::Column;
use crate::table::encoding::EncodingChoice;
use crate::table::survey::Survey;
use feed::Feed;
use rows::Rows;
pub(crate) use tally::Counts;
use tally::Tally;

/// What a file of rows is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Persons to enrol.
    Enroll,
    /// Copies to register (副本登録).
    Import,
}

/// A row on its way: its fields, and whether its id was accepted earlier in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sendable {
    fields: Vec<String>,
    repeated: bool,
}

const ENROLL_COLUMNS: [Column; 2] = [
    Column { english: "integrated_addressee_number", japanese: "団体内統合宛名番号" },
    Column { english: "acquisition_number", japanese: "取得番号" },
];

const IMPORT_COLUMNS: [Column; 12] = [
    Column { english: "record_id", japanese: "レコード識別番号" },
    Column { english: "local_body_code", japanese: "団体コード" },
    Column { english: "integrated_addressee_number", japanese: "団体内統合宛名番号" },
    Column { english: "info_name_code", japanese: "特定個人情報名コード" },
    Column { english: "info_item_code", japanese: "項目コード" },
    Column { english: "record_key", japanese: "データセットレコードキー" },
    Column { english: "layout_version", japanese: "版番号" },
    Column { english: "publication_date", japanese: "公開開始日" },
    Column { english: "publication_end_date", japanese: "公開終了日" },
    Column { english: "delete", japanese: "削除区分" },
    Column { english: "reason_of_null", japanese: "未設定事由" },
    Column { english: "value", japanese: "内容" },
];

impl Task {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Enroll => &ENROLL_COLUMNS,
            Self::Import => &IMPORT_COLUMNS,
        }
    }

    /// The first column identifies a row in the result file.
    fn id_column(self) -> &'static str {
        self.columns().first().map_or("", |column| column.english)
    }

    fn kind(self) -> Kind {
        match self {
            Self::Enroll => Kind::PersonEnroll,
            Self::Import => Kind::CopyImport,
        }
    }

    fn batch_rows(self) -> usize {
        match self {
            Self::Enroll => ENROL_BATCH_ROWS,
            Self::Import => IMPORT_BATCH_ROWS,
        }
    }

    /// Whether a row whose id was accepted earlier in the file is a fault of its own.
    fn ids_stand_once(self) -> bool {
        self == Self::Import
    }

    /// Whom a row of copies is about.
    fn person_of(self, fields: &[String]) -> Option<&str> {
        match self {
            Self::Enroll => None,
            Self::Import => fields.get(2).map(String::as_str),
        }
    }

    fn encode(self, rows: Vec<Sendable>) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Enroll => encode(&EnrollBatch { rows: rows.into_iter().map(enroll_row).collect() }),
            Self::Import => {
                let row = |row: Sendable| ImportRow { fields: row.fields, repeated: row.repeated };
                encode(&ImportBatch { rows: rows.into_iter().map(row).collect() })
            }
        }
    }
}

fn enroll_row(row: Sendable) -> EnrollRow {
    let mut fields = row.fields.into_iter();
    EnrollRow {
        integrated_addressee_number: fields.next().unwrap_or_default(),
        acquisition_number: fields.next().unwrap_or_default(),
    }
}

/// A file and how to treat it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// What it is for.
    pub(crate) task: Task,
    /// The file.
    pub(crate) file: PathBuf,
    /// Its encoding.
    pub(crate) encoding: EncodingChoice,
    /// Where its result file goes; beside it where absent.
    pub(crate) result_file: Option<PathBuf>,
}

/// A file whose columns and encoding have been found good, and of which nothing has been sent.
pub(crate) struct Ready {
    task: Task,
    feed: Feed<BufReader<File>>,
    bytes: u64,
    results: ResultFile,
}

impl Job {
    /// Reads the whole file once. A file that is refused here has changed nothing.
    pub(crate) fn prepare(&self) -> Result<Ready, Failure> {
        let mut file = open(&self.file)?;
        let survey = Survey::of(BufReader::new(&file), self.encoding, self.task.columns())
            .map_err(|error| Failure::usage("BAD_FILE", format!("{}: {error}", self.file.display())))?;
        file.rewind().map_err(|error| unreadable(&self.file, &error))?;
        let bytes = survey.bytes;
        let records = survey.records(BufReader::new(file)).map_err(|error| unreadable(&self.file, &error))?;
        let feed = Feed::new(self.task, Rows::new(records, survey));
        Ok(Ready { task: self.task, feed, bytes, results: self.results()? })
    }

    fn results(&self) -> Result<ResultFile, Failure> {
        let path = self.result_file.clone().unwrap_or_else(|| default_path(&self.file));
        if path == self.file {
            let message = "結果ファイルに入力ファイルと同じ名前は使えません。--result-file を変えてください";
            return Err(Failure::usage("BAD_FILE", message));
        }
        ResultFile::create(&path, self.task.id_column()).map_err(|error| unwritable(&error))
    }
}

impl Ready {
    /// Sends every row and writes the result file.
    pub(crate) async fn run(self, link: &mut NodeLink, show: bool) -> Result<(Counts, PathBuf), Failure> {
        let progress = Progress::bytes(self.bytes, show);
        let mut tally = Tally::new(self.results);
        pipeline::run(self.task.kind(), link, self.feed, &mut tally, &progress).await?;
        tally.finish().map_err(|error| unwritable(&error))
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    // The file is read twice, which a pipe cannot be.
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => {
            Err(Failure::usage("BAD_FILE", format!("{} は通常のファイルではありません", path.display())))
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let message =
        format!("{} を読み込めません: {error}。ファイルの場所と権限を確認してください", path.display());
    Failure::usage("BAD_FILE", message)
}

fn unwritable(error: &std::io::Error) -> Failure {
    let message = format!(
        "結果ファイルを書き込めません: {error}。--result-file で別の場所を指定してやり直してください"
    );
    Failure::other("RESULT_FILE", message)
}
