//! A CSV file of rows in one of the two encodings, under one of the two headers.

use std::path::Path;

use csv::{Terminator, WriterBuilder};
use encoding_rs::SHIFT_JIS;

use crate::error::HarnessError;

const ENGLISH: [&str; 12] = [
    "record_id",
    "local_body_code",
    "integrated_addressee_number",
    "info_name_code",
    "info_item_code",
    "record_key",
    "layout_version",
    "publication_date",
    "publication_end_date",
    "delete",
    "reason_of_null",
    "value",
];
const JAPANESE: [&str; 12] = [
    "レコード識別番号",
    "団体コード",
    "団体内統合宛名番号",
    "特定個人情報名コード",
    "項目コード",
    "データセットレコードキー",
    "版番号",
    "公開開始日",
    "公開終了日",
    "削除区分",
    "未設定事由",
    "内容",
];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a byte order mark, English header, lines end in LF.
    Utf8,
    /// Windows-31J, Japanese header, lines end in CR LF.
    Windows31J,
}

/// Rows with their header.
#[derive(Clone, Debug)]
pub struct RowFile {
    encoding: Encoding,
    rows: Vec<Vec<String>>,
}

impl RowFile {
    pub(crate) fn new(encoding: Encoding) -> Self {
        let header = match encoding {
            Encoding::Utf8 => ENGLISH,
            Encoding::Windows31J => JAPANESE,
        };
        Self { encoding, rows: vec![header.map(str::to_owned).to_vec()] }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Result<Vec<u8>, HarnessError> {
        let terminator = match self.encoding {
            Encoding::Utf8 => Terminator::Any(b'\n'),
            Encoding::Windows31J => Terminator::CRLF,
        };
        let mut writer = WriterBuilder::new().terminator(terminator).flexible(true).from_writer(Vec::new());
        for row in &self.rows {
            writer.write_record(row).map_err(|error| HarnessError::Rows(error.to_string()))?;
        }
        let text = writer.into_inner().map_err(|error| HarnessError::Rows(error.to_string()))?;
        match self.encoding {
            Encoding::Utf8 => Ok(text),
            Encoding::Windows31J => {
                let text = String::from_utf8(text).map_err(|error| HarnessError::Rows(error.to_string()))?;
                let (bytes, _, lost) = SHIFT_JIS.encode(&text);
                if lost {
                    return Err(HarnessError::Rows("a character that Windows-31J does not have".into()));
                }
                Ok(bytes.into_owned())
            }
        }
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), HarnessError> {
        std::fs::write(path, self.bytes()?).map_err(|source| HarnessError::file(path, source))
    }
}
