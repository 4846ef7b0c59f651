//! One row of a copy import (副本登録): twelve columns as decoded, checked as far as no store is needed.
//!
//! What must hold: the first result that applies is the one given, in the order FORBIDDEN_IDENTIFIER,
//! BAD_FORMAT, BAD_CHECK_DIGIT, NOT_FOUND (another body), UNKNOWN_INFO_NAME; then, by the caller, NOT_FOUND
//! (person), [`CopyRow::check_reason`], DUPLICATE_RECORD_ID. Values are kept exactly as decoded.

use std::fmt;
use std::str::FromStr;

use crate::catalogue::{Catalogue, VALUE_MAX};
use crate::codes::{AddresseeNumber, InfoItemCode, InfoNameCode, LayoutVersion, RecordId, RecordKey};
use crate::day::Day;
use crate::document::StoredItem;
use crate::individual_number;
use crate::local_body_code::{InvalidBodyCode, LocalBodyCode};
use crate::outcome::Refusal;
use crate::text;

/// Columns of a row, in the order of the English header.
pub const COLUMNS: [&str; 12] = [
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

/// Characters of the longest reason of null (未設定事由).
pub const REASON_MAX: usize = 20;

/// A row that passed every check that needs no store.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyRow {
    /// レコード識別番号.
    pub record_id: RecordId,
    /// 団体内統合宛名番号.
    pub addressee: AddresseeNumber,
    /// 特定個人情報名コード, listed.
    pub dataset: InfoNameCode,
    /// 項目コード, listed.
    pub item: InfoItemCode,
    /// データセットレコードキー.
    pub record_key: RecordKey,
    /// 版番号, known to the catalogue.
    pub layout_version: LayoutVersion,
    /// 公開開始日.
    pub publication_date: Day,
    /// 公開終了日, not before the start; `None` is open.
    pub publication_end_date: Option<Day>,
    /// 削除区分.
    pub deleted: bool,
    /// 未設定事由; only where the value is empty.
    pub reason_of_null: Option<String>,
    /// 内容; empty where there is none.
    pub value: String,
}

impl CopyRow {
    /// Checks the twelve fields of a row sent by `body`.
    pub fn parse(fields: &[String], body: &LocalBodyCode, catalogue: &Catalogue) -> Result<Self, Refusal> {
        if fields.iter().any(|field| individual_number::find(field)) {
            return Err(Refusal::ForbiddenIdentifier);
        }
        let columns: &[String; COLUMNS.len()] = fields.try_into().map_err(|_| Refusal::BadFormat)?;
        let (named_body, row) = read(columns, catalogue)?;
        match named_body {
            Err(_) => return Err(Refusal::BadCheckDigit),
            Ok(named) if named != *body => return Err(Refusal::NotFound),
            Ok(_) => {}
        }
        let listed = catalogue.item(row.dataset.as_str(), row.item.as_str()).is_some();
        if listed && catalogue.knows_layout(&row.layout_version) {
            Ok(row)
        } else {
            Err(Refusal::UnknownInfoName)
        }
    }

    /// An empty value needs a reason (R13), unless the record is deleted. To be asked after the person is found.
    pub fn check_reason(&self) -> Result<(), Refusal> {
        let explained = self.deleted || !self.value.is_empty() || self.reason_of_null.is_some();
        if explained { Ok(()) } else { Err(Refusal::ReasonOfNullRequired) }
    }

    /// The item as a document keeps it, last changed at `updated_ms` (Unix milliseconds).
    pub fn into_item(self, updated_ms: u64) -> StoredItem {
        StoredItem {
            record_id: self.record_id,
            item_code: self.item,
            record_key: self.record_key,
            layout_version: self.layout_version,
            publication_date: self.publication_date,
            publication_end_date: self.publication_end_date,
            deleted: self.deleted,
            reason_of_null: self.reason_of_null,
            value: self.value,
            updated_ms,
        }
    }
}

impl fmt::Debug for CopyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the person nor the value may reach a log.
        f.debug_struct("CopyRow")
            .field("dataset", &self.dataset)
            .field("item", &self.item)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}

/// Everything that is BAD_FORMAT. The body's check digit is judged later, so its verdict is handed on.
fn read(
    columns: &[String; COLUMNS.len()],
    catalogue: &Catalogue,
) -> Result<(Result<LocalBodyCode, InvalidBodyCode>, CopyRow), Refusal> {
    let [
        record_id,
        named_body,
        addressee,
        dataset,
        item,
        record_key,
        layout,
        start,
        end,
        delete,
        reason,
        value,
    ] = columns;
    let named_body = named_body.parse();
    if named_body == Err(InvalidBodyCode::Format) {
        return Err(Refusal::BadFormat);
    }
    let row = CopyRow {
        record_id: code(record_id)?,
        addressee: code(addressee)?,
        dataset: code(dataset)?,
        item: code(item)?,
        record_key: code(record_key)?,
        layout_version: code(layout)?,
        publication_date: day(start)?,
        publication_end_date: if end.is_empty() { None } else { Some(day(end)?) },
        deleted: deleted(delete)?,
        reason_of_null: if reason.is_empty() { None } else { Some(reason.clone()) },
        value: value.clone(),
    };
    if consistent(&row, catalogue) { Ok((named_body, row)) } else { Err(Refusal::BadFormat) }
}

fn consistent(row: &CopyRow, catalogue: &Catalogue) -> bool {
    let period = row.publication_end_date.is_none_or(|end| end >= row.publication_date);
    let reason = row
        .reason_of_null
        .as_deref()
        .is_none_or(|reason| row.value.is_empty() && text::fits(reason, REASON_MAX));
    period && reason && (row.value.is_empty() || value_fits(row, catalogue))
}

/// A listed item says what its value looks like; an unlisted one is refused later, for that reason.
fn value_fits(row: &CopyRow, catalogue: &Catalogue) -> bool {
    match catalogue.item(row.dataset.as_str(), row.item.as_str()) {
        Some(item) => item.accepts(&row.value),
        None => text::fits(&row.value, VALUE_MAX),
    }
}

fn code<T: FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::BadFormat)
}

fn day(text: &str) -> Result<Day, Refusal> {
    Day::parse_compact(text).map_err(|_| Refusal::BadFormat)
}

fn deleted(text: &str) -> Result<bool, Refusal> {
    match text {
        "" | "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Refusal::BadFormat),
    }
}

#[cfg(test)]
mod tests;
