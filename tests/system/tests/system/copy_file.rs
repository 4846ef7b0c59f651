//! Copy files written by hand: rows with usable defaults, each test changing what it is about.

use crate::person::Person;

/// The English header.
pub(crate) const ENGLISH: &str = "record_id,local_body_code,integrated_addressee_number,info_name_code,info_item_code,record_key,layout_version,publication_date,publication_end_date,delete,reason_of_null,value";
/// The Japanese header.
pub(crate) const JAPANESE: &str = "レコード識別番号,団体コード,団体内統合宛名番号,特定個人情報名コード,項目コード,データセットレコードキー,版番号,公開開始日,公開終了日,削除区分,未設定事由,内容";
/// 地方税関係情報.
pub(crate) const TAX: &str = "TM00000000000002";
/// A text item of it with room for 1,000 characters.
pub(crate) const TAX_TEXT: &str = "K020130";

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) record_id: &'a str,
    pub(crate) body: &'a str,
    pub(crate) addressee: &'a str,
    pub(crate) dataset: &'a str,
    pub(crate) item: &'a str,
    pub(crate) record_key: &'a str,
    pub(crate) layout: &'a str,
    pub(crate) from: &'a str,
    pub(crate) until: &'a str,
    pub(crate) delete: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Row<'a> {
    /// A row that is registered: a text of the tax dataset, published long ago.
    pub(crate) fn new(body: &'a str, person: &'a Person, record_id: &'a str, value: &'a str) -> Self {
        Self {
            record_id,
            body,
            addressee: &person.addressee,
            dataset: TAX,
            item: TAX_TEXT,
            record_key: "1",
            layout: "0001",
            from: "20240401",
            until: "",
            delete: "",
            reason: "",
            value,
        }
    }

    /// Its columns in the order of the headers.
    pub(crate) fn columns(&self) -> [&'a str; 12] {
        [
            self.record_id,
            self.body,
            self.addressee,
            self.dataset,
            self.item,
            self.record_key,
            self.layout,
            self.from,
            self.until,
            self.delete,
            self.reason,
            self.value,
        ]
    }
}

/// A file of rows under the English header. Every value is quoted, so that it may hold anything.
pub(crate) fn file(rows: &[Row<'_>]) -> String {
    let mut text = format!("{ENGLISH}\n");
    for row in rows {
        let cells = row.columns().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
